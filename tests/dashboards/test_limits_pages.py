"""Limits of recipient domains, the spread of an account and the simulation, through Streamlit's own test runner."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from leadmill.bootstrap import App
from leadmill.domain.access import SYSTEM, Actor, Role
from leadmill.domain.guardrails import Thresholds
from tests.dashboards.page_runner import open_page, words_of

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

ADA = Actor("ada@acme.test", Role.ADMIN)


def press(page: AppTest, label: str) -> AppTest:
    """Click the button with that label."""
    next(button for button in page.button if button.label == label).click().run()
    assert not page.exception
    return page


def test_an_admin_changes_adds_and_removes_limits_of_recipient_domains(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page(monkeypatch, app, "organisation", role=Role.ADMIN)
    page.selectbox(key="recipient_chosen").set_value("gmail").run()
    page.number_input(key="recipient_gmail_limit").set_value(50)
    press(page, "Save the limit")
    page.selectbox(key="recipient_chosen").set_value("New …").run()
    page.text_input(key="recipient__name").set_value("acme")
    page.number_input(key="recipient__limit").set_value(5)
    page.text_area(key="recipient__domains").set_value("acme.com\nacme.de")
    press(page, "Save the limit")
    known = {each.family: each for each in app.recipient_limits()}
    assert (known["gmail"].hourly_limit, known["gmail"].domains) == (50, ("gmail.com", "googlemail.com"))
    assert (known["acme"].hourly_limit, known["acme"].domains) == (5, ("acme.com", "acme.de"))
    page.selectbox(key="recipient_chosen").set_value("acme").run()
    press(page, "Remove it")
    assert "acme" not in {each.family for each in app.recipient_limits()}


def test_an_admin_says_how_an_accounts_mailboxes_use_their_day(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime.now(UTC)
    app.add_provider_account(SYSTEM, name="relay", provider="smtp", config={"host": "mail.test"}, as_of=at)
    page = open_page(monkeypatch, app, "organisation", role=Role.ADMIN)
    page.selectbox(key="account_chosen").set_value("relay").run()
    page.selectbox(key="account_relay_spread").set_value("even")
    press(page, "Save the account")
    assert app.sender_setup(ADA).accounts[0].setup.spread == "even"


def test_a_plan_is_simulated_on_the_page(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, lake_app, "deliverability")
    page.number_input(key="simulation_recipients").set_value(300)
    page.number_input(key="simulation_domains").set_value(2)
    press(page, "Simulate")
    assert any(metric.label == "Finished, half of the runs" for metric in page.metric)
    assert "later" not in words_of(page).split()


def test_the_page_plays_other_thresholds_of_the_guardrails(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, lake_app, "deliverability")
    page.number_input(key="simulation_recipients").set_value(400)
    page.number_input(key="simulation_domains").set_value(1)
    page.number_input(key="simulation_boxes").set_value(1)
    page.checkbox(key="simulation_warm").check()
    page.number_input(key="simulation_bounces").set_value(4.0)
    page.number_input(key="simulation_warns").set_value(0.5)
    page.number_input(key="simulation_pauses").set_value(1.0)
    page.number_input(key="simulation_alerts").set_value(0.2)
    page.number_input(key="simulation_window").set_value(7)
    page.number_input(key="simulation_warn_sample").set_value(10)
    page.number_input(key="simulation_pause_sample").set_value(20)
    page.number_input(key="simulation_false_pauses").set_value(2.0)
    press(page, "Simulate")
    world = page.session_state["simulation_found"].world
    assert world.rules == Thresholds(0.005, 0.01, 0.002, 7, 10, 20)
    assert world.false_pauses_a_month == 2.0
    (found,) = [frame.value for frame in page.dataframe if "What guardrails do" in frame.value]
    assert "mailbox paused: more than 1 % bounced" in set(found["What guardrails do"])

"""The Deliverability page: threads whose mailbox is gone, and the decision of a person on all of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from leadmill.bootstrap import App
from leadmill.domain.access import SYSTEM, Role
from tests.dashboards.page_runner import open_page, words_of
from tests.sending_world import execute, make_campaign, make_pool, people, states

AT = datetime.now(UTC) - timedelta(days=4)


@pytest.fixture
def stranded(lake_app: App) -> App:
    """Five threads of a mailbox that was paused four days ago, and another mailbox of the pool."""
    pool = make_pool(lake_app)
    lane = {"name": "relay", "provider": "smtp", "config": {"host": "127.0.0.1", "port": 25}}
    lake_app.add_provider_account(SYSTEM, **lane, as_of=AT)
    lake_app.add_sending_domain(SYSTEM, name="brand.test", as_of=AT)
    gone, _ = (
        lake_app.add_mailbox(SYSTEM, address=f"{name}@brand.test", account="relay", pool="pool", as_of=AT)
        for name in ("gone", "here")
    )
    make_campaign(lake_app, pool, people(5), steps=2)
    execute(
        lake_app,
        "update ledger.sends set state = 'accepted', accepted_at = %s, mailbox_id = %s where step = 1",
        AT, gone,
    )  # fmt: skip
    execute(lake_app, "update ledger.sends set due_at = %s where step = 2", AT)
    lake_app.pause_mailbox(SYSTEM, gone, reason="the owner left", as_of=AT)
    return lake_app


def test_a_person_sees_the_threads_and_hands_them_on(stranded: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, stranded, "deliverability")
    assert "**5 threads wait** for gone@brand.test: it is paused. 5 have a mail due." in words_of(page)
    assert "nobody has decided yet, so they wait" in words_of(page)
    page.radio(key="choice_1").set_value("Hand them on")
    page.text_input(key="threads_reason_1").set_value("Bob takes over")
    place = [button.label for button in page.button].index("Decide for all of them")
    page.button[place].click().run()
    assert not page.exception
    assert "5 threads go on from elsewhere." in words_of(page)
    assert [
        row["mailbox_id"]
        for row in execute(stranded, "select distinct mailbox_id from ledger.due_sends where mailbox_id > 0")
    ] == [2]


def test_a_person_ends_them(stranded: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, stranded, "deliverability")
    page.radio(key="choice_1").set_value("End them")
    page.text_input(key="threads_reason_1").set_value("never mind")
    place = [button.label for button in page.button].index("Decide for all of them")
    page.button[place].click().run()
    assert states(stranded) == {"accepted": 5, "cancelled": 5}


def test_a_viewer_sees_them_and_decides_nothing(stranded: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, stranded, "deliverability", role=Role.VIEWER)
    assert "**5 threads wait**" in words_of(page)
    assert "Decide for all of them" not in [button.label for button in page.button]


def test_only_mailboxes_of_the_pool_that_send_are_offered(stranded: App, monkeypatch: pytest.MonkeyPatch) -> None:
    make_pool(stranded, "another pool")
    for name, pool in (("stopped", "pool"), ("stranger", "another pool")):
        number = stranded.add_mailbox(SYSTEM, address=f"{name}@brand.test", account="relay", pool=pool, as_of=AT)
    stopped = number - 1
    stranded.pause_mailbox(SYSTEM, stopped, reason="the owner left, too", as_of=AT)
    page = open_page(monkeypatch, stranded, "deliverability")
    assert page.selectbox(key="to_1").options == ["Every mailbox of the pool in turn", "here@brand.test"]


def test_a_paused_domain_is_said_to_be_the_reason(stranded: App, monkeypatch: pytest.MonkeyPatch) -> None:
    execute(stranded, "update ledger.mailboxes set status = 'active', status_since = null, status_reason = ''")
    execute(stranded, "update ledger.sending_domains set status = 'paused', status_since = %s", AT)
    page = open_page(monkeypatch, stranded, "deliverability")
    assert "for gone@brand.test: its sending domain is paused." in words_of(page)
    execute(stranded, "update ledger.sends set due_at = now() + interval '9 days' where step = 2")
    page = open_page(monkeypatch, stranded, "deliverability")
    assert "None has a mail due." in words_of(page)
    assert "No other mailbox of their pool sends now" in words_of(page)

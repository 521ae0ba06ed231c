"""The Deliverability page: what is stopped with its evidence and its buttons, and how mailboxes warm up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from leadmill.bootstrap import App
from leadmill.domain.access import SYSTEM, Role
from tests.dashboards.page_runner import open_page, words_of
from tests.sending_world import execute, make_campaign, make_pool, people

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

AT = datetime.now(UTC) - timedelta(minutes=5)


@pytest.fixture
def sending(lake_app: App) -> App:
    """A mailbox that the sequential test stopped, a domain that cools down, a lane that a person paused."""
    app = lake_app
    pool = make_pool(app)
    app.add_provider_account(SYSTEM, name="relay", provider="smtp", config={"host": "127.0.0.1", "port": 25}, as_of=AT)
    for name in ("bad.test", "blocked.test"):
        app.add_sending_domain(SYSTEM, name=name, as_of=AT)
        app.add_mailbox(
            SYSTEM, address=f"ada@{name}", account="relay", pool="pool", warm_up_started_on=AT.date(), as_of=AT
        )
    execute(
        app,
        "insert into ledger.mailbox_health (mailbox_id, day, accepted, hard_bounced) values (1, %s, 40, 9)",
        AT.date() - timedelta(days=1),
    )
    campaign = make_campaign(app, pool, people(5), name="Spring")
    execute(
        app,
        "insert into ledger.complaints (send_id, campaign_id, mailbox_id, complained_at)"
        " select send_id, campaign_id, 1, %s from ledger.sends order by send_id limit 2",
        AT,
    )
    app.apply_guardrails(AT)
    app.cool_down_domain("blocked.test", reason="listed", until=AT + timedelta(days=14), as_of=AT)
    app.pause_account(SYSTEM, "relay", reason="new password", as_of=AT)
    assert campaign
    return app


def press(page: AppTest, label: str, key: str, reason: str) -> None:
    page.text_input(key=f"{key}_reason").set_value(reason)
    place = [button.label for button in page.button].index(label)
    page.button[place].click().run()
    assert not page.exception


def test_every_stop_shows_its_evidence_in_words(sending: App, monkeypatch: pytest.MonkeyPatch) -> None:
    said = words_of(open_page(monkeypatch, sending, "deliverability"))
    assert "**Mailbox ada@bad.test** is paused: 9 of 40 mails bounced, more than chance explains" in said
    assert "Test value: **" in said
    assert "The test pauses from: **2,400**" in said
    assert "Stopped by a guardrail, by what became of the mails" in said
    assert "**Sending domain blocked.test** is cooling down until" in said
    assert "**Provider account relay** is paused: new password." in said
    assert "**Campaign [Spring](/campaigns?campaign=1)** is held until somebody has read its content" in said
    assert "Only an admin can release it." in said


@pytest.mark.parametrize(
    ("kind", "subject", "status", "said"),
    [
        (
            "mailbox",
            "ada@bad.test",
            "select status from ledger.mailboxes where mailbox_id = 1",
            "Mailbox ada@bad.test is released, but sends nothing yet: its provider account is paused, too.",
        ),
        (
            "domain",
            "blocked.test",
            "select status from ledger.sending_domains where name = 'blocked.test'",
            "blocked.test is released, but its only mailbox cannot send yet: its provider account is paused.",
        ),
        (
            "account",
            "relay",
            "select status from ledger.provider_accounts",
            "relay is released, but 2 of its 2 mailboxes cannot send yet: its domain cools down, the mailbox is paused.",
        ),
    ],
)
def test_an_admin_releases_each_kind_of_sender_with_a_reason_and_hears_what_else_stops_it(
    sending: App, monkeypatch: pytest.MonkeyPatch, kind: str, subject: str, status: str, said: str
) -> None:
    page = open_page(monkeypatch, sending, "deliverability", role=Role.ADMIN)
    hold = next(hold for hold in sending.holds(AT) if (hold.subject_kind, hold.subject) == (kind, subject))
    press(page, f"Let this {kind} send again", f"lift_{hold.hold_id}", "  ")
    assert "needs a reason" in words_of(page)
    press(page, f"Let this {kind} send again", f"lift_{hold.hold_id}", "looked into it")
    assert said in words_of(page)
    assert execute(sending, status)[0]["status"] == "active"
    ended = next(each for each in sending.holds(AT) if each.hold_id == hold.hold_id)
    assert (ended.ended_by, ended.end_reason) == ("ada@acme.test", "looked into it")


def test_who_releases_the_last_thing_that_stops_a_sender_hears_that_it_sends_again(
    sending: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending.lift_account_pause(SYSTEM, "relay", reason="the password is right", as_of=AT + timedelta(minutes=1))
    page = open_page(monkeypatch, sending, "deliverability", role=Role.ADMIN)
    hold = next(hold for hold in sending.holds(AT) if hold.subject == "ada@bad.test")
    press(page, "Let this mailbox send again", f"lift_{hold.hold_id}", "looked into it")
    assert "Mailbox ada@bad.test sends again. It is on probation" in words_of(page)


def test_an_analyst_confirms_a_content_and_the_campaign_runs_again(
    sending: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page(monkeypatch, sending, "deliverability", role=Role.ANALYST)
    assert "Let this mailbox send again" not in [button.label for button in page.button]
    press(page, "The content is in order; go on", "confirm_1", "read it, nothing wrong")
    assert "The review of Spring is closed. It runs again." in words_of(page)
    assert execute(sending, "select status from ledger.campaigns")[0]["status"] == "running"


def test_a_viewer_sees_the_evidence_and_no_button(sending: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, sending, "deliverability", role=Role.VIEWER)
    assert "Test value" in words_of(page)
    assert not [button.label for button in page.button if button.label.startswith(("Let this", "The content"))]


def test_a_warm_up_shows_its_stage_limit_and_history_and_an_admin_chooses_its_curve(
    sending: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(sending, "insert into ledger.mailbox_usage (mailbox_id, day, accepted) values (2, %s, 5)", AT.date())
    sending.advance_warm_ups(AT + timedelta(days=1))
    page = open_page(monkeypatch, sending, "deliverability", role=Role.ADMIN)
    table = next(frame.value for frame in page.dataframe if "Stands" in frame.value.columns).set_index("Mailbox")
    assert table.loc["ada@blocked.test", ["Stands", "Today", "Full limit"]].tolist() == ["stage 2", 5, 40]
    assert "5 mails accepted" in table.loc["ada@blocked.test", "Why"]
    page.selectbox(key="warm_up_chosen").set_value("ada@blocked.test").run()
    days = next(frame.value for frame in page.dataframe if "What" in frame.value.columns and "Day" in frame.value)
    assert days["What"].tolist() == ["advanced"]
    page.selectbox(key="curve_name").set_value("pool")
    page.text_input(key="curve_text").set_value("7,9,12")
    next(button for button in page.button if button.label == "Save the curve").click().run()
    assert not page.exception
    assert [each.limit for each in sending.warm_ups()] == [5, 9]  # what a cut left stays until the next advance


def test_placement_shows_where_test_mails_landed_and_an_admin_adds_a_seed(
    sending: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page(monkeypatch, sending, "deliverability", role=Role.ADMIN)
    assert "No test mail was sent yet" in words_of(page)
    for name, value in (("address", "our.seed@gmail.com"), ("family", "gmail"), ("host", "imap.gmail.com")):
        page.text_input(key=f"seed__{name}").set_value(value)
    next(button for button in page.button if button.label == "Save the seed inbox").click().run()
    assert not page.exception
    assert [seed.inbox.address for seed in sending.seed_inboxes()] == ["our.seed@gmail.com"]
    execute(
        sending,
        "insert into ledger.placement_tests (mailbox_id, seed_id, day, token, state, claimed_at, placement, folder)"
        " values (1, 1, %s, 't1', 'sent', %s, 'inbox', 'INBOX'), (2, 1, %s, 't2', 'sent', %s, 'spam', '[Gmail]/Spam')",
        AT.date(),
        AT,
        AT.date(),
        AT,
    )
    execute(sending, "update ledger.seed_inboxes set read_error = 'The log-in was refused.'")
    page = open_page(monkeypatch, sending, "deliverability", role=Role.VIEWER)
    table = next(frame.value for frame in page.dataframe if "In the inbox" in frame.value.columns).set_index("Mailbox")
    assert table["In the inbox"].to_dict() == {"ada@bad.test": "100% of 1", "ada@blocked.test": "0% of 1"}
    assert "could not be read: The log-in was refused." in words_of(page)

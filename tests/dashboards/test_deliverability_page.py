"""The Deliverability page on a real ledger and lake, through Streamlit's own test runner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from leadmill.bootstrap import App
from leadmill.domain.access import SYSTEM, Role
from tests.dashboards.page_runner import open_page, words_of

AT = datetime.now(UTC) - timedelta(minutes=5)  # the page shows what is so now
BAD, GOOD = "listed.test", "clean.test"


@pytest.fixture
def sending(lake_app: App) -> App:
    """Two domains with a mailbox each; one is listed, and one list gives no usable answer."""
    app = lake_app
    app.create_pool(SYSTEM, "cold", AT)
    app.add_provider_account(SYSTEM, name="relay", provider="smtp", config={"host": "127.0.0.1", "port": 25}, as_of=AT)
    for name in (BAD, GOOD):
        app.add_sending_domain(SYSTEM, name=name, sending_ips=["192.0.2.7"], as_of=AT)
        app.add_mailbox(SYSTEM, address=f"ada@{name}", account="relay", pool="cold", as_of=AT)
    checks = [
        (BAD, "domain", "dbl.example", "listed", "127.0.1.2"),
        (GOOD, "domain", "dbl.example", "clean", ""),
        (BAD, "domain", "other.example", "unknown", "no reply in time"),
        ("192.0.2.7", "ip", "zen.example", "clean", ""),
    ]
    with app.database.transaction() as ledger, app.lake.connect() as duck:
        for subject, kind, zone, outcome, answer in checks:
            ledger.execute(
                "insert into ledger.blacklist_status (subject, subject_kind, zone, outcome, answer, since, checked_at)"
                " values (%s, %s, %s, %s, %s, %s, %s)",
                (subject, kind, zone, outcome, answer, AT, AT),
            )
            duck.execute(
                "insert into lake.blacklist_checks values (?, ?, ?, ?, ?, ?)",
                [subject, kind, zone, outcome, answer, AT],
            )
    until = AT + timedelta(days=14)
    app.cool_down_domain(BAD, reason="listed by dbl.example", until=until, as_of=AT)
    return app


def test_without_senders_the_page_says_what_is_missing(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, lake_app, "deliverability")
    assert not page.exception
    said = words_of(page)
    assert "No open alert" in said
    assert "No sending domain is set up yet" in said
    assert "No mailbox is set up yet" in said
    assert "No check in this period" in said


def test_listed_unknown_and_clean_are_three_things(sending: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, sending, "deliverability")
    assert not page.exception
    lines = page.dataframe[0].value.set_index("Domain")
    assert lines.loc[BAD, "Blacklists"] == "1 listed, 1 unknown, 1 clean"
    assert lines.loc[GOOD, "Blacklists"] == "2 clean"
    assert lines.loc[BAD, "Status"].startswith("cooling down until")
    assert f"**{BAD}** is listed by dbl.example" in words_of(page)


def test_a_mailbox_without_enough_mail_has_no_rate(sending: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, sending, "deliverability")
    assert "May send: 1" in words_of(page)
    page.session_state["mailbox_view"] = "What became of its mails"
    lines = page.run().dataframe[1].value.set_index("Mailbox")
    assert lines.loc[f"ada@{GOOD}", "Bounced"] == "not enough data"
    assert lines.loc[f"ada@{BAD}", "Stopped because"] == "listed by dbl.example"


def test_a_limit_with_room_left_is_no_reason_why_a_mailbox_waits(sending: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page said "its daily limit" of a mailbox that had sent 28 of its 40 mails and could send on."""
    sending.add_provider_account(
        SYSTEM,
        name="relay",
        provider="smtp",
        config={"host": "127.0.0.1", "port": 25},
        spread="as_fast_as_possible",
        as_of=AT,
    )
    with sending.database.transaction() as ledger:
        ledger.execute(
            "insert into ledger.mailbox_usage (mailbox_id, day, taken)"
            " select mailbox_id, current_date, case when address like %s then 28 else 40 end from ledger.mailboxes",
            (f"%@{GOOD}",),
        )
    lines = open_page(monkeypatch, sending, "deliverability").dataframe[1].value.set_index("Mailbox")
    good = lines.loc[f"ada@{GOOD}"]
    assert (good["Sent today"], good["May send now"]) == ("28 of 40", 12)
    assert good["What holds it back"] == "nothing now; first will be its daily limit"
    assert lines.loc[f"ada@{BAD}", "What holds it back"].startswith("its domain cools down, until")


def test_an_admin_releases_a_domain_with_a_reason_and_the_alert_closes(
    sending: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page(monkeypatch, sending, "deliverability", role=Role.ADMIN)
    assert "1 open alert: 1 critical" in page.expander[0].label
    page.selectbox(key="domain_chosen").set_value(BAD).run()
    page.text_input(key="lift_domain_reason").set_value("delisted, checked by hand")
    next(button for button in page.button if button.label == "Let this domain send again").click().run()
    assert not page.exception
    said = words_of(page)
    assert "The domain is released" in said
    assert "No open alert" in said
    assert {domain.name: domain.status for domain in sending.sending_domains(AT)} == {BAD: "active", GOOD: "active"}


def test_without_a_reason_nothing_is_paused(sending: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, sending, "deliverability", role=Role.ANALYST)
    page.selectbox(key="domain_chosen").set_value(GOOD).run()
    next(button for button in page.button if button.label == "Pause this domain").click().run()
    assert "needs a reason" in words_of(page)
    assert {domain.name: domain.status for domain in sending.sending_domains(AT)}[GOOD] == "active"


def test_a_viewer_sees_everything_and_changes_nothing(sending: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, sending, "deliverability", role=Role.VIEWER)
    assert not page.exception
    assert [button.label for button in page.button] == ["Simulate"]  # changes nothing
    assert len(page.dataframe) >= 2


def test_the_history_of_one_name_says_what_changed(sending: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, sending, "deliverability")
    page.selectbox(key="history_subject").set_value(BAD).run()
    changes = page.dataframe[-1].value
    assert set(changes["Said"]) == {"listed", "unknown"}

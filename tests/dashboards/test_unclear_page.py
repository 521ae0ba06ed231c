"""The page of unclear mails: incidents in words, to whom, evidence so far, consequences, and decisions one by one or in bulk."""

from __future__ import annotations

from datetime import timedelta

import pytest

from leadmill.bootstrap import App
from leadmill.domain.access import Role
from leadmill.domain.dispatch import LEASE, Outcome, SendResult
from tests.dashboards.page_runner import open_page, words_of
from tests.sending_world import (
    NOW,
    execute,
    later,
    make_campaign,
    make_lane,
    make_mailboxes,
    make_pool,
    people,
    states,
)

PAGE = "unclear"
AFTER = NOW + LEASE + timedelta(minutes=1)


@pytest.fixture
def campaign(lake_app: App) -> int:
    """Three mails of a worker that died, and one whose answer never came, through another account."""
    app = lake_app
    make_lane(app, 1, name="first")
    make_lane(app, 1, name="second")
    pool = make_pool(app)
    make_mailboxes(app, 1, lane="first", domain="first.test", daily_limit=3)
    make_mailboxes(app, 1, lane="second", domain="second.test", daily_limit=30)
    campaign_id = make_campaign(app, pool, people(5), steps=2, name="Spring", planned_at=NOW)
    app.send_ledger.claim("first", worker="dies", now=NOW, limit=3)
    (send,) = app.send_ledger.claim("second", worker="waits", now=NOW, limit=1).sends
    app.send_ledger.record("waits", [SendResult(send.send_id, Outcome.AMBIGUOUS, code="no-answer")], now=NOW)
    app.recover_expired_leases(AFTER)
    assert states(app)["ambiguous"] == 4
    return campaign_id


def decide(page, number: int, outcome: str, *, reason: str = "I looked", sure: bool = False):
    page.radio(key=f"settle_outcome_{number}").set_value(outcome)
    page.text_input(key=f"settle_reason_{number}").set_value(reason)
    if sure:
        page.checkbox(key=f"settle_sure_{number}").check()
    page.button(key=f"settle_submit_{number}").click().run()
    assert not page.exception
    return page


def incident_of(app: App, lane: str) -> int:
    return [incident.lane for incident in app.open_incidents()].index(lane)


def test_without_unclear_mails_the_page_says_so(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, lake_app, PAGE)
    assert not page.exception
    assert "No mail is unclear" in words_of(page)


def test_each_incident_says_what_happened_to_whom_and_what_follows(
    lake_app: App, campaign: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page(monkeypatch, lake_app, PAGE)
    assert not page.exception
    said = words_of(page)
    assert "first: a worker died, 3 mails unclear" in said
    assert "second: no answer came, 1 mail unclear" in said
    assert "died before it could write down what the provider said" in said
    assert "too few mails went out around it to tell from" in said
    table = next(frame.value for frame in page.dataframe if len(frame.value) == 3)
    assert list(table["Campaign"]) == ["Spring"] * 3
    assert all(address.endswith("@people.test") for address in table["Address"])
    assert list(table["Mail"]) == ["First mail: Step 1"] * 3
    went_out, did_not, again = page.radio(key="settle_outcome_0").proto.captions
    assert "follow-ups go on" in went_out
    assert "no follow-up is sent" in did_not
    assert "If it did go out after all, the lead gets the mail twice" in again


def test_a_whole_incident_is_decided_at_once_with_a_reason_in_the_audit_log(
    lake_app: App, campaign: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = incident_of(lake_app, "first")
    page = decide(open_page(monkeypatch, lake_app, PAGE), number, "lost", reason="the server's log has none of them")
    assert "Decided: 3 of 3 mails" in words_of(page)
    found = states(lake_app, campaign)
    assert (found["lost"], found["ambiguous"]) == (3, 1)
    audit = execute(lake_app, "select reason, actor from ledger.audit_log where action = 'send.settle'")
    assert [(row["reason"], row["actor"]) for row in audit] == [
        ("the server's log has none of them", "ada@acme.test")
    ] * 3


def test_sending_again_asks_for_a_confirmation_first(
    lake_app: App, campaign: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = incident_of(lake_app, "second")
    page = decide(open_page(monkeypatch, lake_app, PAGE), number, "send_again")
    assert any("Confirm that you looked" in error.value for error in page.error)
    assert states(lake_app, campaign)["ambiguous"] == 4
    page = decide(page, number, "send_again", sure=True)
    assert "Decided: 1 of 1 mails" in words_of(page)
    found = states(lake_app, campaign)
    assert found["ambiguous"] == 3
    assert len(lake_app.send_ledger.claim("second", worker="anew", now=later(days=300), limit=9).sends) == 2


def test_a_decision_without_reason_or_outcome_changes_nothing(
    lake_app: App, campaign: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = decide(open_page(monkeypatch, lake_app, PAGE), 0, "sent", reason=" ")
    assert any("Say how you know" in error.value for error in page.error)
    page.radio(key="settle_outcome_0").set_value(None)
    page.button(key="settle_submit_0").click().run()
    assert any("Choose what became of them" in error.value for error in page.error)
    assert states(lake_app, campaign)["ambiguous"] == 4


def test_what_an_event_settled_meanwhile_is_passed_by(
    lake_app: App, campaign: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = incident_of(lake_app, "first")
    page = open_page(monkeypatch, lake_app, PAGE)
    page.radio(key=f"settle_outcome_{number}").set_value("lost")
    page.text_input(key=f"settle_reason_{number}").set_value("I looked")
    first = lake_app.open_incidents()[number].doubts[0].send_id
    lake_app.settle_ambiguous(  # somebody else was faster
        page.session_state["actor"], first, "sent", reason="a copy is here", as_of=AFTER
    )
    outcome = lake_app.decide_doubts(
        page.session_state["actor"],
        [first, *(d.send_id for d in lake_app.open_incidents()[number].doubts)],
        "lost",
        reason="I looked",
        as_of=AFTER,
    )
    assert (outcome.settled, outcome.passed_by) == (2, 1)
    assert "no longer ambiguous" in outcome.why
    assert states(lake_app, campaign)["accepted"] == 1


def test_a_viewer_sees_the_incidents_and_cannot_decide(
    lake_app: App, campaign: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page(monkeypatch, lake_app, PAGE, role=Role.VIEWER)
    assert not page.exception
    assert "Deciding needs the role analyst" in words_of(page)
    assert not page.radio
    assert not [b for b in page.button if b.key and b.key.startswith("settle")]


def test_reports_of_other_mails_of_the_hour_speak_for_not_sent(
    lake_app: App, campaign: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_campaign(lake_app, 1, people(25, "other"), name="Other")
    claim = lake_app.send_ledger.claim("second", worker="works", now=later(minutes=2), limit=25)
    results = [
        SendResult(send.send_id, Outcome.ACCEPTED, provider_message_id=str(send.send_id)) for send in claim.sends
    ]
    lake_app.send_ledger.record("works", results, now=later(minutes=2))
    page = open_page(monkeypatch, lake_app, PAGE)
    assert "so silence says nothing" in words_of(page)
    execute(lake_app, "update ledger.sends set state = 'delivered' where state = 'accepted'")
    page = open_page(monkeypatch, lake_app, PAGE)
    assert "most likely did not go out" in words_of(page)

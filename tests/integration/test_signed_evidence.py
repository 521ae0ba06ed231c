"""A genuine signature proves that a mail left, whatever an older copy of the ledger says of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from leadmill.bootstrap import App
from tests.campaign_world import execute
from tests.event_world import (
    NOON,
    SENT_AT,
    edge_line,
    land,
    ledger_rows,
    make_sends,
    reply_mail,
    sendgrid_event,
    ses_record,
)

STATES = ("planned", "suppressed", "cancelled", "expired", "refused", "ambiguous", "lost", "claimed")


def restored(app: App, count: int, *, steps: int = 1, state: str = "planned", code: str | None = None) -> list[int]:
    """Sends that left, in a copy of the ledger that does not know it: ids of the first step."""
    sends = make_sends(app, count, steps=steps)
    execute(
        app,
        "update ledger.sends set state = %s, code = %s, mailbox_id = null, claimed_at = null, accepted_at = null,"
        " provider_message_id = null, answered = false where send_id = any(%s)",
        state,
        code,
        sends,
    )
    return sends


def collect_and_project(app: App) -> Any:
    app.collect_events(NOON)
    return app.project_events(NOON)


def rows_of(app: App, step: int) -> list[dict[str, Any]]:
    return ledger_rows(
        app,
        "select send_id, state, code, fault, mailbox_id, accepted_at, due_at, replied_at, unsubscribed_at"
        f" from ledger.sends where step = {step} order by send_id",
    )


def suppressed(app: App) -> dict[int, str]:
    """Reasons by send of the first step."""
    rows = ledger_rows(
        app,
        "select send_id, reason from ledger.suppressions join ledger.leads using (email_hash)"
        " join ledger.sends using (lead_id) where step = 1",
    )
    return {row["send_id"]: row["reason"] for row in rows}


@pytest.mark.parametrize("state", STATES)
def test_a_signed_event_moves_its_send_whatever_the_row_says(lake_app: App, state: str) -> None:
    tag, argument, link, quoted = restored(lake_app, 4, state=state, code="campaign_cancelled")
    land(lake_app, "ses", "a.json", [ses_record(tag, "Delivery")])
    land(lake_app, "sendgrid", "b.json", [sendgrid_event(argument, "processed")], array=True)
    land(lake_app, "edge", "c.ndjson", [edge_line(link, "clicked")])
    lake_app.store.write("landing/inbound/d.eml", reply_mail(lake_app, quoted))
    assert collect_and_project(lake_app).sends_moved == 4
    rows = rows_of(lake_app, 1)
    assert [row["state"] for row in rows] == ["delivered", "accepted", "delivered", "delivered"]
    assert {row["mailbox_id"] for row in rows} == {None}
    assert all(row["accepted_at"] >= SENT_AT for row in rows)
    kept = "campaign_cancelled" if state in {"planned", "ambiguous", "lost", "claimed"} else None
    assert {row["code"] for row in rows} == {kept}


def test_who_left_after_the_copy_was_made_is_suppressed_and_their_follow_ups_end(lake_app: App) -> None:
    unsubscribed, complained, bounced, replied, untouched = sends = restored(lake_app, 5, steps=2)
    land(lake_app, "edge", "a.ndjson", [edge_line(unsubscribed, "unsubscribed")])
    land(lake_app, "ses", "b.json", [ses_record(complained, "Complaint"), ses_record(bounced, "Bounce")])
    lake_app.store.write("landing/inbound/r.eml", reply_mail(lake_app, replied))
    collect_and_project(lake_app)
    assert suppressed(lake_app) == {unsubscribed: "unsubscribed", complained: "complained", bounced: "hard_bounced"}
    assert [row["state"] for row in rows_of(lake_app, 1)] == [
        "delivered",
        "complained",
        "bounced",
        "delivered",
        "planned",
    ]
    follow_ups = [(row["state"], row["code"]) for row in rows_of(lake_app, 2)]
    causes = ("unsubscribed", "complained", "bounced", "replied")
    assert follow_ups == [*(("cancelled", cause) for cause in causes), ("planned", None)]
    assert untouched == sends[-1]


def test_a_follow_up_is_released_after_its_first_step_was_proven_and_no_other(lake_app: App) -> None:
    proven, _ = restored(lake_app, 2, steps=2)
    land(lake_app, "ses", "a.json", [ses_record(proven, "Delivery")])
    assert collect_and_project(lake_app).follow_ups_released == 1
    released, waiting = rows_of(lake_app, 2)
    assert released["due_at"] >= NOON + timedelta(days=2)
    assert waiting["due_at"] is None


def test_a_proven_follow_up_proves_the_steps_before_it(lake_app: App) -> None:
    first, other = restored(lake_app, 2, steps=3)
    (third, *_) = [row["send_id"] for row in rows_of(lake_app, 3)]
    land(lake_app, "ses", "a.json", [ses_record(third, "Open")])
    collect_and_project(lake_app)
    states = {step: [row["state"] for row in rows_of(lake_app, step)] for step in (1, 2, 3)}
    assert states == {1: ["accepted", "planned"], 2: ["accepted", "planned"], 3: ["delivered", "planned"]}
    assert first < other


def test_a_complaint_about_a_mail_without_a_known_mailbox_asks_for_a_look_at_its_content(lake_app: App) -> None:
    (send,) = restored(lake_app, 1)
    land(lake_app, "ses", "a.json", [ses_record(send, "Complaint")])
    collect_and_project(lake_app)
    lake_app.apply_guardrails(NOON)
    (review,) = lake_app.content_reviews()
    assert (review.complaints, review.mailboxes) == (1, ())


def test_an_event_older_than_its_row_is_of_another_mail_that_had_the_id_before(lake_app: App) -> None:
    """The restored ledger counted on from an older number: send 1 was somebody else's."""
    sends = restored(lake_app, 3, steps=2)
    before = (rows_of(lake_app, 1), rows_of(lake_app, 2))
    long_ago = SENT_AT - timedelta(days=1)
    records = [
        ses_record(send, word, at=long_ago) for send, word in zip(sends, ("Delivery", "Complaint"), strict=False)
    ]
    land(lake_app, "ses", "a.json", records)
    land(lake_app, "edge", "b.ndjson", [edge_line(sends[2], "unsubscribed", at=long_ago)])
    collect_and_project(lake_app)
    assert (rows_of(lake_app, 1), rows_of(lake_app, 2)) == before
    assert suppressed(lake_app) == {}


def test_a_clock_that_is_minutes_behind_ours_is_believed(lake_app: App) -> None:
    (send,) = restored(lake_app, 1)
    land(lake_app, "ses", "a.json", [ses_record(send, "Complaint", at=SENT_AT - timedelta(minutes=40))])
    collect_and_project(lake_app)
    assert suppressed(lake_app) == {send: "complained"}


def test_a_send_that_was_handed_over_is_moved_by_older_events_too(lake_app: App) -> None:
    (send,) = make_sends(lake_app, 1)
    land(lake_app, "ses", "a.json", [ses_record(send, "Complaint", at=SENT_AT - timedelta(days=3))])
    collect_and_project(lake_app)
    assert suppressed(lake_app) == {send: "complained"}


@pytest.mark.parametrize("tag", ["1", "1-AAAAAAAAAAAAAAAA", "1-", "", "0-AAAAAAAAAAAAAAAA"])
def test_a_forged_or_plain_tag_proves_nothing(lake_app: App, tag: str) -> None:
    (send,) = restored(lake_app, 1)
    record = ses_record(send, "Complaint")
    record["mail"]["tags"]["send_id"] = [tag]
    land(lake_app, "ses", "a.json", [record])
    collect_and_project(lake_app)
    assert [row["state"] for row in rows_of(lake_app, 1)] == ["planned"]
    assert suppressed(lake_app) == {}


def test_a_worker_that_claimed_it_meanwhile_writes_its_answer_and_the_evidence_stays(lake_app: App) -> None:
    (send,) = make_sends(lake_app, 1, state="claimed")
    land(lake_app, "ses", "a.json", [ses_record(send, "Delivery")])
    collect_and_project(lake_app)
    (row,) = ledger_rows(lake_app, "select state, answered from ledger.sends")
    assert (row["state"], row["answered"]) == ("delivered", False)


def test_every_planned_send_knows_since_when_it_can_have_left(lake_app: App) -> None:
    make_sends(lake_app, 3, steps=2)
    rows = ledger_rows(
        lake_app, "select distinct ledger.planned_since(send_id, campaign_id) as since from ledger.sends"
    )
    assert rows == [{"since": SENT_AT}]


WORDS = ("Send", "Delivery", "DeliveryDelay", "Bounce", "Complaint", "Open")


@pytest.mark.slow
@given(
    told=st.lists(
        st.tuples(st.sampled_from(STATES), st.lists(st.sampled_from(WORDS), max_size=3)), min_size=6, max_size=6
    )
)
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
def test_a_row_that_forgot_ends_where_the_row_that_knew_does(lake_app: App, told: list[tuple[str, list[str]]]) -> None:
    """Whatever state the copy holds: the same events end in the same state, and the same people are left alone."""
    app, knew, forgot = lake_app, make_sends(lake_app, len(told)), []
    for state, _ in told:
        forgot += restored(app, 1, state=state)
    for name, sends in (("knew", knew), ("forgot", forgot)):
        records = [ses_record(s, word) for s, (_, words) in zip(sends, told, strict=True) for word in words]
        land(app, "ses", f"{name}-{sends[0]}.json", records)
    collect_and_project(app)
    after = {row["send_id"]: row["state"] for row in rows_of(app, 1)}
    reasons = suppressed(app)
    for (state, words), known, forgotten in zip(told, knew, forgot, strict=True):
        assert after[forgotten] == (after[known] if words else state)
        assert reasons.get(forgotten) == reasons.get(known)

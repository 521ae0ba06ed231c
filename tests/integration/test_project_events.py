"""Projection: whatever order, repetition or batching the events come in, the ledger ends the same."""

from __future__ import annotations

import random
import threading
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from leadmill.bootstrap import App
from tests.event_world import (
    NOON,
    SENT_AT,
    edge_line,
    forget_signatures,
    land,
    ledger_rows,
    make_sends,
    reply_mail,
    sendgrid_event,
    ses_record,
)


def collect_and_project(app: App, as_of: Any = NOON) -> Any:
    app.collect_events(as_of)
    return app.project_events(as_of)


def states(app: App) -> dict[int, str]:
    return {
        r["send_id"]: r["state"] for r in ledger_rows(app, "select send_id, state from ledger.sends where step = 1")
    }


PROOFS: list[tuple[str, dict[str, Any], str, str | None, str | None]] = [
    ("Delivery", {}, "delivered", None, None),
    ("DeliveryDelay", {}, "accepted", None, None),
    ("Open", {}, "delivered", None, None),
    ("Bounce", {}, "bounced", "hard", "hard_bounced"),
    ("Bounce", {"status": "5.7.26"}, "bounced", "blocked", None),
    ("Bounce", {"status": "5.2.2"}, "bounced", "soft", None),
    ("Bounce", {"bounceType": "Transient", "status": "4.4.7"}, "bounced", "soft", None),
    ("Bounce", {"bounceType": "Transient", "status": None}, "delivered", None, None),
    ("Complaint", {}, "complained", None, "complained"),
    ("Complaint", {"complaintFeedbackType": "not-spam"}, "accepted", None, None),
    ("Reject", {"reason": "Bad content"}, "dropped", None, None),
]


def test_an_event_moves_its_send_and_suppresses_only_whom_it_must(lake_app: App) -> None:
    app = lake_app
    sends = make_sends(app, len(PROOFS))
    records = [ses_record(s, word, **detail) for s, (word, detail, *_) in zip(sends, PROOFS, strict=True)]
    land(app, "ses", "a.json", records)
    collect_and_project(app)
    rows = ledger_rows(
        app,
        "select s.send_id, s.state, s.bounce_kind, p.reason from ledger.sends s join ledger.leads using (lead_id) "
        "left join ledger.suppressions p using (email_hash) order by s.send_id",
    )
    assert [tuple(r.values())[1:] for r in rows] == [tuple(expected) for _, _, *expected in PROOFS]


def test_a_late_delivery_does_not_undo_a_complaint(lake_app: App) -> None:
    app = lake_app
    (send,) = make_sends(app, 1)
    land(app, "ses", "a.json", [ses_record(send, "Complaint")])
    collect_and_project(app)
    land(app, "ses", "b.json", [ses_record(send, "Delivery", at=NOON - timedelta(hours=1))])
    land(app, "ses", "c.json", [ses_record(send, "Bounce", at=NOON - timedelta(hours=1))])
    collect_and_project(app)
    assert states(app)[send] == "complained"


def test_evidence_settles_a_send_whose_answer_never_came(lake_app: App) -> None:
    app = lake_app
    sends = [make_sends(app, 1, state=state)[0] for state in ("ambiguous", "lost", "claimed", "planned")]
    land(app, "ses", "a.json", [ses_record(s, "Send") for s in sends])
    collect_and_project(app)
    rows = ledger_rows(app, "select state, accepted_at from ledger.sends")
    assert {(r["state"], r["accepted_at"]) for r in rows} == {("accepted", SENT_AT)}


def test_without_a_signature_a_send_outside_the_lattice_stays_what_it_is(lake_app: App) -> None:
    app = lake_app
    before = {make_sends(app, 1, state=state)[0]: state for state in ("refused", "cancelled", "suppressed", "expired")}
    land(app, "ses", "a.json", [ses_record(s, "Delivery") for s in before])
    app.collect_events(NOON)
    forget_signatures(app)
    app.project_events(NOON)
    assert states(app) == before


def test_without_a_signature_an_event_of_a_send_that_was_never_handed_over_changes_nothing(lake_app: App) -> None:
    app = lake_app
    make_sends(app, 4, steps=3)
    later = [r["send_id"] for r in ledger_rows(app, "select send_id from ledger.sends where step = 2 order by 1")]
    everything = "select * from ledger.sends order by send_id"
    before = ledger_rows(app, everything)
    land(app, "ses", "a.json", [ses_record(later[0], "Delivery"), ses_record(later[1], "Complaint")])
    land(app, "sendgrid", "b.json", [sendgrid_event(later[2], "bounce", reason="550 5.1.1 no such user")], array=True)
    land(app, "sendgrid", "c.json", [sendgrid_event(later[3], "unsubscribe")], array=True)
    assert app.collect_events(NOON).events == 4
    forget_signatures(app)
    counts = app.project_events(NOON)
    assert ledger_rows(app, everything) == before
    assert ledger_rows(app, "select 1 from ledger.suppressions") == []
    assert (counts.sends_moved, counts.suppressed, counts.follow_ups_cancelled) == (0, 0, 0)


def test_follow_ups_stop_on_reply_bounce_complaint_and_unsubscribe_and_on_nothing_else(lake_app: App) -> None:
    app = lake_app
    replied, bounced, complained, unsubscribed, opened, away = sends = make_sends(app, 6, steps=2)
    land(app, "ses", "a.json", [ses_record(bounced, "Bounce"), ses_record(complained, "Complaint")])
    land(app, "edge", "b.ndjson", [edge_line(unsubscribed, "unsubscribed"), edge_line(opened, "opened")])
    app.store.write("landing/inbound/r.eml", reply_mail(app, replied))
    app.store.write("landing/inbound/a.eml", reply_mail(app, away, headers="Auto-Submitted: auto-replied\r\n"))
    counts = collect_and_project(app)
    rows = ledger_rows(
        app,
        "select f.send_id as first, s.state, s.code from ledger.sends s join ledger.sends f using (campaign_id, lead_id) "
        "where s.step = 2 and f.step = 1",
    )
    assert {r["first"]: (r["state"], r["code"]) for r in rows} == {
        replied: ("cancelled", "replied"),
        bounced: ("cancelled", "bounced"),
        complained: ("cancelled", "complained"),
        unsubscribed: ("cancelled", "unsubscribed"),
        opened: ("planned", None),
        away: ("planned", None),
    }
    assert counts.follow_ups_cancelled == 4
    assert len(sends) == 6


def test_mailbox_health_counts_each_send_once_however_often_it_is_told(lake_app: App) -> None:
    app = lake_app
    sends = make_sends(app, 8)
    words = ["Delivery", "Delivery", "Bounce", "Complaint"]
    records = [ses_record(s, words[i // 2]) for i, s in enumerate(sends)]
    for number in range(2):
        land(app, "ses", f"{number}.json", records)
        land(app, "sendgrid", f"{number}.json", [sendgrid_event(s, "delivered") for s in sends], array=True)
        collect_and_project(app)
    rows = ledger_rows(app, "select * from ledger.mailbox_health order by mailbox_id")
    assert [(r["accepted"], r["delivered"], r["hard_bounced"], r["complained"]) for r in rows] == [(4, 3, 1, 1)] * 2
    assert {r["day"] for r in rows} == {SENT_AT.date()}


def test_a_crash_between_lake_and_ledger_loses_nothing(lake_app: App) -> None:
    app = lake_app
    sends = make_sends(app, 2)
    land(app, "ses", "a.json", [ses_record(sends[0], "Delivery")])
    app.collect_events(NOON)
    land(app, "ses", "b.json", [ses_record(sends[1], "Bounce")])
    app.collect_events(NOON)
    first = app.project_events(NOON)
    again = app.project_events(NOON)
    assert states(app) == {sends[0]: "delivered", sends[1]: "bounced"}
    assert (first.position, again.position, again.sends_moved) == (2, 2, 0)


def test_two_projections_at_once_come_to_the_same_as_one(lake_app: App) -> None:
    app = lake_app
    sends = make_sends(app, 10)
    for s in sends:
        land(app, "ses", f"{s}.json", [ses_record(s, "Bounce")])
    app.collect_events(NOON)
    counts: list[Any] = []
    threads = [threading.Thread(target=lambda: counts.append(app.project_events(NOON))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(c.sends_moved for c in counts) == 10
    assert set(states(app).values()) == {"bounced"}


def test_an_unsubscription_outranks_a_bounce_and_never_a_manual_block(lake_app: App) -> None:
    app = lake_app
    first, second = make_sends(app, 2)
    with app.database.transaction() as ledger:
        ledger.execute(
            "insert into ledger.suppressions (email_hash, email, reason, created_at) "
            "select email_hash, email, 'manual', %s from ledger.leads join ledger.sends using (lead_id) where send_id = %s",
            (SENT_AT, second),
        )
    land(app, "edge", "a.ndjson", [edge_line(s, "unsubscribed") for s in (first, second)])
    collect_and_project(app)
    land(app, "ses", "b.json", [ses_record(s, "Bounce", at=SENT_AT) for s in (first, second)])
    collect_and_project(app)
    rows = ledger_rows(
        app,
        "select send_id, reason from ledger.suppressions join ledger.leads using (email_hash) join ledger.sends using (lead_id)",
    )
    assert {r["send_id"]: r["reason"] for r in rows} == {first: "unsubscribed", second: "manual"}


STORY = [
    ("ses", ses_record, "Send"),
    ("ses", ses_record, "Delivery"),
    ("ses", ses_record, "Bounce"),
    ("ses", ses_record, "Complaint"),
    ("ses", ses_record, "DeliveryDelay"),
    ("edge", edge_line, "opened"),
    ("edge", edge_line, "clicked"),
    ("edge", edge_line, "unsubscribed"),
    ("sendgrid", sendgrid_event, "dropped"),
]


HISTORIES = 30


@pytest.mark.slow
@given(
    histories=st.lists(
        st.lists(st.tuples(st.sampled_from(STORY), st.integers(0, 5)), min_size=1, max_size=6),
        min_size=HISTORIES,
        max_size=HISTORIES,
    ),
    dice=st.randoms(use_true_random=False),
)
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
def test_any_order_repetition_and_batching_ends_in_the_same_ledger(
    lake_app: App, histories: list[list[tuple[Any, int]]], dice: random.Random
) -> None:
    """Thirty sends' histories at once, told once in order and once shuffled, repeated and in two batches."""
    app = lake_app
    told = [(who, *story, minute) for who, history in enumerate(histories) for story, minute in history]
    repeated = told + dice.choices(told, k=len(told))
    dice.shuffle(repeated)
    half = len(repeated) // 2
    plain, shuffled = make_sends(app, HISTORIES), make_sends(app, HISTORIES)
    for sends, batches in ((plain, [told]), (shuffled, [repeated[:half], repeated[half:]])):
        for batch in batches:
            by_provider: dict[str, list[Any]] = {"ses": [], "edge": [], "sendgrid": []}
            for who, provider, make, word, minute in batch:
                by_provider[provider].append(make(sends[who], word, at=NOON - timedelta(minutes=minute)))
            for provider, records in by_provider.items():
                land(app, provider, f"{sends[0]}-{dice.random()}.json", records, array=provider == "sendgrid")
            collect_and_project(app)
    assert outcome(app, plain) == outcome(app, shuffled)


def outcome(app: App, sends: list[int]) -> list[tuple[Any, ...]]:
    rows = ledger_rows(
        app,
        "select s.state, s.state_changed_at, s.accepted_at, s.bounce_kind, s.replied_at, s.unsubscribed_at, p.reason, p.created_at "
        "from ledger.sends s join ledger.leads l using (lead_id) left join ledger.suppressions p using (email_hash) "
        f"where s.send_id = any(array{sends}) order by s.send_id",
    )
    return [tuple(r.values()) for r in rows]


def test_a_lake_that_was_lost_is_collected_and_projected_again(lake_app: App) -> None:
    app = lake_app
    first, second = make_sends(app, 2)
    land(app, "ses", "a.json", [ses_record(first, "Delivery")])
    collect_and_project(app)
    with app.lake.connect() as duck:
        duck.execute("delete from lake.events")
        duck.execute("delete from lake.read_objects")
    land(app, "ses", "b.json", [ses_record(second, "Bounce")])
    collect_and_project(app)
    assert states(app) == {first: "delivered", second: "bounced"}

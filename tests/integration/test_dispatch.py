"""Dispatch on the real Postgres and a real SMTP server: who gets what, when, and what the ledger says of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from leadmill.bootstrap import App
from leadmill.domain.dispatch import LEASE, MAX_ATTEMPTS, Outcome, SendResult
from leadmill.domain.messages import Receipt, ReceiptStatus
from leadmill.errors import NotFound
from tests.mail_servers import SmtpRecorder, closed_port, smtp_server
from tests.sending_world import (
    ADMIN,
    ANALYST,
    NOW,
    execute,
    later,
    make_campaign,
    make_lane,
    make_mailboxes,
    make_pool,
    people,
    reasons,
    sends,
    states,
    suppress,
    usage,
)


@pytest.fixture
def mail() -> SmtpRecorder:
    return SmtpRecorder()


@pytest.fixture
def lane(app: App, mail: SmtpRecorder) -> Iterator[str]:
    with smtp_server(mail) as port:
        yield make_lane(app, port)


def test_every_due_send_goes_out_once_and_the_ledger_knows_the_servers_id(
    app: App, mail: SmtpRecorder, lane: str
) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 3)
    campaign = make_campaign(app, pool, people(70))
    assert app.open_lanes(NOW) == [lane]
    counts = app.send_lane(lane, NOW, time_budget_seconds=20)
    assert (counts["claimed"], counts["accepted"]) == (70, 70)
    assert states(app, campaign) == {"accepted": 70}
    assert set(mail.copies.values()) == {1}
    assert len(mail.copies) == 70
    assert max(mail.by_sender.values()) - min(mail.by_sender.values()) <= 1
    row = sends(app, campaign)[0]
    assert row["queue_id"].startswith("Q")
    assert row["provider_message_id"] is None
    assert reasons(app) == {"rotation"}
    assert usage(app) == {"mailbox": 70, "hour": 70, "domain": 70, "account": 70}
    assert app.open_lanes(later(minutes=1)) == []


def test_a_daily_limit_holds_over_runs_and_opens_again_at_the_mailboxs_own_midnight(
    app: App, mail: SmtpRecorder, lane: str
) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1, daily_limit=5, time_zone="Asia/Kolkata")
    make_campaign(app, pool, people(20))
    for minute in range(3):
        app.send_lane(lane, later(minutes=minute), time_budget_seconds=10)
    assert sum(mail.copies.values()) == 5
    midnight_in_india = NOW.replace(hour=18, minute=30)
    app.send_lane(lane, midnight_in_india - timedelta(minutes=1), time_budget_seconds=10)
    assert sum(mail.copies.values()) == 5
    app.send_lane(lane, midnight_in_india, time_budget_seconds=10)
    assert sum(mail.copies.values()) == 10


def test_a_run_of_an_old_time_uses_no_quota_of_a_past_day(app: App, mail: SmtpRecorder, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1, daily_limit=5)
    make_campaign(app, pool, people(20), due_at=later(days=-3))
    app.send_lane(lane, NOW, time_budget_seconds=10)
    app.send_lane(lane, later(days=-2), time_budget_seconds=10)
    assert sum(mail.copies.values()) == 5


@pytest.mark.parametrize(
    ("mailbox", "account", "sent"),
    [
        ({"hourly_limit": 4}, {}, 8),
        ({"domain_daily_limit": 7}, {}, 7),
        ({}, {"daily_limit": 6}, 6),
        ({"warm_up_started_on": NOW.date()}, {}, 10),
    ],
)
def test_each_limit_holds(app: App, mail: SmtpRecorder, mailbox: dict, account: dict, sent: int) -> None:
    with smtp_server(mail) as port:
        lane = make_lane(app, port, **account)
        pool = make_pool(app)
        make_mailboxes(app, 2, **mailbox)
        make_campaign(app, pool, people(30))
        app.send_lane(lane, NOW, time_budget_seconds=10)
    assert sum(mail.copies.values()) == sent


def test_an_accounts_quota_counts_over_a_rolling_day(app: App, mail: SmtpRecorder) -> None:
    with smtp_server(mail) as port:
        lane = make_lane(app, port, daily_limit=6)
        pool = make_pool(app)
        make_mailboxes(app, 2)
        make_campaign(app, pool, people(30))
        for hours, sent in ((0, 6), (16.5, 6), (23.9, 6), (25, 12)):
            app.send_lane(lane, later(hours=hours), time_budget_seconds=10)
            assert sum(mail.copies.values()) == sent


def test_a_minimum_gap_keeps_a_mailbox_from_bursts(app: App, mail: SmtpRecorder, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1, min_gap_seconds=1)
    make_campaign(app, pool, people(10))
    app.send_lane(lane, NOW, time_budget_seconds=2.5)
    assert 2 <= sum(mail.copies.values()) <= 3


def test_an_accounts_rate_is_kept(app: App, mail: SmtpRecorder) -> None:
    with smtp_server(mail) as port:
        lane = make_lane(app, port, max_per_second=20)
        pool = make_pool(app)
        make_mailboxes(app, 3)
        make_campaign(app, pool, people(100))
        counts = app.send_lane(lane, NOW, time_budget_seconds=2)
    assert counts["accepted"] == 50  # one claim; the next could have begun 2.5 s later


def test_nothing_is_sent_before_its_time_or_after_its_window(app: App, mail: SmtpRecorder, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    early = make_campaign(app, pool, people(3, "early"), due_at=later(minutes=5))
    late = make_campaign(app, pool, people(3, "late"), due_at=later(hours=-3))
    execute(app, "update ledger.sends set window_ends_at = %s where campaign_id = %s", later(hours=-1), late)
    assert app.open_lanes(NOW) == []
    app.send_lane(lane, NOW, time_budget_seconds=5)
    assert not mail.mails
    assert states(app, early) == states(app, late) == {"planned": 3}


@pytest.mark.parametrize("status", ["draft", "approved", "paused", "finished", "cancelled"])
def test_a_campaign_that_does_not_run_sends_nothing(app: App, mail: SmtpRecorder, lane: str, status: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    make_campaign(app, pool, people(3), status=status)
    app.send_lane(lane, NOW, time_budget_seconds=5)
    assert not mail.mails


def test_a_paused_mailbox_domain_or_lane_gets_no_send(app: App, mail: SmtpRecorder, lane: str) -> None:
    pool = make_pool(app)
    first, second = make_mailboxes(app, 2)
    make_mailboxes(app, 1, domain="other.test")
    make_campaign(app, pool, people(30))
    assert app.pause_mailbox(ANALYST, first, reason="looks odd", as_of=NOW)
    assert app.pause_domain(ANALYST, "other.test", reason="listed", as_of=NOW)
    app.send_lane(lane, NOW, time_budget_seconds=5)
    assert set(mail.by_sender) == {"box1@brand.test"}
    app.lift_pause(ADMIN, first, reason="was nothing", as_of=later(minutes=1))
    app.pause_account(ANALYST, lane, reason="bill unpaid", as_of=later(minutes=1))
    make_campaign(app, pool, people(10, "more"))
    assert app.open_lanes(later(minutes=1)) == []
    app.send_lane(lane, later(minutes=1), time_budget_seconds=5)
    assert sum(mail.copies.values()) == 30
    assert second


def test_a_pause_during_a_run_stops_it_within_one_claim(app: App, mail: SmtpRecorder, lane: str) -> None:
    import threading
    import time

    pool = make_pool(app)
    make_mailboxes(app, 3, daily_limit=1000)
    campaign = make_campaign(app, pool, people(600))
    mail.delay_seconds = 0.06
    runner = threading.Thread(target=app.send_lane, args=(lane, NOW), kwargs={"time_budget_seconds": 30})
    runner.start()
    while sum(mail.copies.values()) < 20:
        time.sleep(0.01)
    execute(app, "update ledger.campaigns set status = 'paused' where campaign_id = %s", campaign)
    at_pause = sum(mail.copies.values())
    runner.join(20)
    assert sum(mail.copies.values()) - at_pause <= 2 * 50
    counts = states(app, campaign)
    assert counts["accepted"] == sum(mail.copies.values())
    assert counts["planned"] == 600 - counts["accepted"]


def test_a_lead_suppressed_or_erased_after_planning_gets_no_mail(app: App, mail: SmtpRecorder, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(6), steps=2)
    suppress(app, "lead-1@people.test")
    suppress(app, "lead-2@people.test", "complained")
    execute(app, "update ledger.leads set email = null, erased_at = %s where email = 'lead-3@people.test'", NOW)
    app.send_lane(lane, NOW, time_budget_seconds=5)
    assert sorted(mail.copies) == ["lead-0@people.test", "lead-4@people.test", "lead-5@people.test"]
    codes = execute(
        app, "select code, count(*) as n from ledger.sends where state = 'suppressed' group by 1 order by 1"
    )
    assert [(row["code"], row["n"]) for row in codes] == [("complained", 1), ("erased", 1), ("unsubscribed", 1)]
    assert states(app, campaign) == {"accepted": 3, "suppressed": 3, "cancelled": 3, "planned": 3}
    assert usage(app)["mailbox"] == 3


def test_an_alias_of_who_opted_out_after_planning_gets_no_mail(app: App, mail: SmtpRecorder, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, ["johndoe+x@gmail.com", "jane@people.test", "jim@people.test"])
    suppress(app, "john.doe@gmail.com")
    suppress(app, "jim+old@people.test", "hard_bounced")  # says nothing of Jim's other addresses
    app.send_lane(lane, NOW, time_budget_seconds=5)
    assert sorted(mail.copies) == ["jane@people.test", "jim@people.test"]
    assert [row["code"] for row in sends(app, campaign, "state = 'suppressed'")] == ["unsubscribed"]


def test_a_dead_address_is_refused_suppressed_and_counted_as_a_bounce(app: App, mail: SmtpRecorder, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, [*people(2), *people(2, "unknown")], steps=2)
    app.send_lane(lane, NOW, time_budget_seconds=5)
    assert states(app, campaign) == {"accepted": 2, "refused": 2, "cancelled": 2, "planned": 2}
    refused = sends(app, campaign, "state = 'refused'")
    assert {(row["fault"], row["code"]) for row in refused} == {("address", "550 5.1.1")}
    rows = execute(app, "select reason, email from ledger.suppressions order by email")
    assert [row["reason"] for row in rows] == ["hard_bounced", "hard_bounced"]
    used = execute(app, "select taken, accepted, refused, refused_address from ledger.mailbox_usage")
    assert used == [{"taken": 4, "accepted": 2, "refused": 2, "refused_address": 2}]


def test_a_transient_refusal_is_tried_again_later_from_the_same_mailbox(
    app: App, mail: SmtpRecorder, lane: str
) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 3)
    campaign = make_campaign(app, pool, people(6, "grey"))
    app.send_lane(lane, NOW, time_budget_seconds=5)
    assert states(app, campaign) == {"planned": 6}
    assert not mail.mails
    assert usage(app)["mailbox"] == 0
    before = {row["send_id"]: row["mailbox_id"] for row in sends(app, campaign)}
    assert all(row["due_at"] > NOW and row["attempts"] == 1 for row in sends(app, campaign))
    app.send_lane(lane, later(minutes=2), time_budget_seconds=5)
    assert states(app, campaign) == {"accepted": 6}
    after = sends(app, campaign)
    assert {row["send_id"]: row["mailbox_id"] for row in after} == before
    assert reasons(app) == {"rotation", "retry"}
    assert set(mail.copies.values()) == {1}


def test_a_send_that_is_put_off_for_ever_is_refused_in_the_end(app: App, mail: SmtpRecorder, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(1, "grey"))
    for hour in range(0, 4 * 24 + 12, 6):
        mail.grey.clear()
        app.send_lane(lane, later(hours=hour), time_budget_seconds=5)
        if hour <= 4 * 24:
            assert states(app, campaign) == {"planned": 1}, "RFC 5321: not before four days are over"
    for day in range(5, 9):
        mail.grey.clear()
        app.send_lane(lane, later(hours=25 * day), time_budget_seconds=5)
    (row,) = sends(app, campaign)
    assert (row["state"], row["attempts"], row["fault"]) == ("refused", MAX_ATTEMPTS, "moment")
    assert not execute(app, "select 1 from ledger.suppressions")


def test_a_recipient_that_greylists_for_ever_holds_nobody_back_and_is_refused_in_the_end(
    app: App, mail: SmtpRecorder, lane: str
) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, [*people(1, "later"), *people(4)])
    app.send_lane(lane, NOW, time_budget_seconds=5)
    assert states(app, campaign) == {"accepted": 4, "planned": 1}
    assert app.mailboxes(later(seconds=1))[0].capacity.remaining == 36
    for day in range(1, 12):
        app.send_lane(lane, later(hours=25 * day), time_budget_seconds=5)
    (row,) = [row for row in sends(app, campaign) if row["state"] != "accepted"]
    assert (row["state"], row["attempts"], row["fault"]) == ("refused", MAX_ATTEMPTS, "moment")


def test_a_follow_up_goes_out_from_the_mailbox_of_the_first_step(app: App, mail: SmtpRecorder, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 4)
    campaign = make_campaign(app, pool, people(20), steps=2)
    app.send_lane(lane, NOW, time_budget_seconds=5)
    assert states(app, campaign) == {"accepted": 20, "planned": 20}
    app.send_lane(lane, later(days=4), time_budget_seconds=5)
    assert states(app, campaign) == {"accepted": 40}
    by_lead: dict[int, set[int]] = {}
    for row in sends(app, campaign):
        by_lead.setdefault(row["lead_id"], set()).add(row["mailbox_id"])
    assert all(len(mailboxes) == 1 for mailboxes in by_lead.values())


def test_a_follow_up_waits_for_its_own_mailbox(app: App, mail: SmtpRecorder, lane: str) -> None:
    pool = make_pool(app)
    first, _ = make_mailboxes(app, 2)
    campaign = make_campaign(app, pool, people(10), steps=2)
    app.send_lane(lane, NOW, time_budget_seconds=5)
    app.pause_mailbox(ANALYST, first, reason="holiday", as_of=later(days=1))
    app.send_lane(lane, later(days=4), time_budget_seconds=5)
    assert states(app, campaign) == {"accepted": 15, "planned": 5}


def test_a_follow_up_to_somebody_who_replied_is_never_sent(app: App, mail: SmtpRecorder, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(3), steps=2)
    app.send_lane(lane, NOW, time_budget_seconds=5)
    execute(
        app,
        "update ledger.sends set replied_at = %s where step = 1 and send_id = (select min(send_id) from ledger.sends)",
        NOW,
    )
    app.send_lane(lane, later(days=4), time_budget_seconds=5)
    assert states(app, campaign) == {"accepted": 5, "cancelled": 1}
    assert sends(app, campaign, "state = 'cancelled'")[0]["code"] == "replied"


def test_no_answer_after_the_final_dot_is_ambiguous_and_never_sent_again(
    app: App, mail: SmtpRecorder, lane: str
) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, [*people(1, "mute"), *people(3)])
    app.send_lane(lane, NOW, time_budget_seconds=5)
    for minute in range(2, 90, 11):
        app.open_lanes(later(minutes=minute))
        app.send_lane(lane, later(minutes=minute), time_budget_seconds=5)
    assert states(app, campaign) == {"ambiguous": 1, "accepted": 3}
    assert set(mail.copies.values()) == {1}
    (doubt,) = app.ambiguous_sends()
    assert (doubt.code, doubt.mailbox_address) == ("no-answer", "box0@brand.test")


def test_a_server_that_cannot_be_reached_costs_no_attempt_and_no_quota(app: App) -> None:
    lane = make_lane(app, closed_port())
    pool = make_pool(app)
    make_mailboxes(app, 2)
    campaign = make_campaign(app, pool, people(5))
    counts = app.send_lane(lane, NOW, time_budget_seconds=3)
    assert counts["released"] == counts["claimed"]
    assert states(app, campaign) == {"planned": 5}
    assert {row["attempts"] for row in sends(app, campaign)} == {0}
    assert usage(app)["mailbox"] == 0
    assert [alert.kind for alert in app.open_alerts()] == ["provider_unavailable"]


def test_a_throttled_mailbox_waits_and_gives_its_sends_back(app: App, mail: SmtpRecorder, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, [*people(1, "slow"), *people(4)])
    app.send_lane(lane, NOW, time_budget_seconds=3)
    assert states(app, campaign) == {"planned": 5}
    assert sorted(row["attempts"] for row in sends(app, campaign)) == [0, 0, 0, 0, 1], "who met it has tried"
    assert app.mailboxes(later(seconds=30))[0].capacity.remaining == 0
    assert app.mailboxes(later(minutes=2))[0].capacity.remaining == 40


def test_a_spam_block_takes_the_whole_domain_out_for_two_weeks(app: App, mail: SmtpRecorder, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 2)
    make_mailboxes(app, 1, domain="other.test")
    campaign = make_campaign(app, pool, people(1, "block"))
    app.send_lane(lane, NOW, time_budget_seconds=5)
    (row,) = sends(app, campaign)
    assert (row["state"], row["fault"], row["code"]) == ("planned", "sender", "554 5.7.1 spam-block")
    (domain,) = execute(
        app, "select name, status, cool_down_until from ledger.sending_domains where status <> 'active'"
    )
    assert domain["status"] == "cooling_down"
    assert timedelta(days=13, hours=23) < domain["cool_down_until"] - NOW < timedelta(days=14, minutes=1)
    assert [alert.kind for alert in app.open_alerts()] == ["domain_cooling_down"]
    app.open_lanes(later(days=14, minutes=2))
    assert not execute(app, "select 1 from ledger.sending_domains where status <> 'active'")


def test_an_authentication_refusal_pauses_the_domain_and_suppresses_nobody(
    app: App, mail: SmtpRecorder, lane: str
) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 2)
    make_campaign(app, pool, people(2, "auth"))
    app.send_lane(lane, NOW, time_budget_seconds=5)
    assert [row["status"] for row in execute(app, "select status from ledger.sending_domains")] == ["paused"]
    assert not execute(app, "select 1 from ledger.suppressions")


def test_a_template_that_lacks_a_value_refuses_its_lead_and_no_other(app: App, mail: SmtpRecorder, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(3))
    execute(app, "update ledger.leads set first_name = '' where email = 'lead-1@people.test'")
    app.send_lane(lane, NOW, time_budget_seconds=5)
    assert states(app, campaign) == {"accepted": 2, "refused": 1}
    assert sends(app, campaign, "state = 'refused'")[0]["code"] == "template"


def test_a_dry_run_counts_and_changes_nothing(app: App, mail: SmtpRecorder, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(8))
    assert app.send_lane(lane, NOW, dry_run=True) == {"claimed": 8, "suppressed": 0}
    assert states(app, campaign) == {"planned": 8}
    assert usage(app) == {"mailbox": 0, "hour": 0, "domain": 0, "account": 0}
    assert not mail.mails


def test_a_dead_lease_becomes_ambiguous_and_is_settled_by_a_person(app: App, mail: SmtpRecorder, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(2), steps=2)
    app.send_ledger.claim(lane, worker="dead", now=NOW, limit=50)
    assert app.recover_expired_leases(NOW + LEASE) == {"ambiguous": 0, "lost": 0}
    assert app.recover_expired_leases(NOW + LEASE + timedelta(seconds=1)) == {"ambiguous": 2, "lost": 0}
    assert app.recover_expired_leases(NOW + LEASE + timedelta(seconds=2)) == {"ambiguous": 0, "lost": 0}
    first, second = app.ambiguous_sends()
    app.settle_ambiguous(ANALYST, first.send_id, "sent", reason="found in the server's log", as_of=later(hours=1))
    app.settle_ambiguous(ANALYST, second.send_id, "lost", reason="not in the log", as_of=later(hours=1))
    assert states(app, campaign) == {"accepted": 1, "lost": 1, "planned": 1, "cancelled": 1}
    follow_up = sends(app, campaign, "state = 'planned'")[0]
    assert follow_up["due_at"] >= NOW + timedelta(days=3)
    audit = execute(app, "select action, reason from ledger.audit_log where action = 'send.settle' order by audit_id")
    assert [row["reason"] for row in audit] == ["found in the server's log", "not in the log"]


def test_a_late_worker_still_reports_what_became_of_its_sends(app: App, lane: str) -> None:
    """Its lease ran out while it was stuck; its word is evidence, and nobody else had the sends meanwhile."""
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(3), steps=2)
    first, second, third = (s.send_id for s in app.send_ledger.claim(lane, worker="slow", now=NOW, limit=50).sends)
    app.recover_expired_leases(later(hours=1))
    results = [
        SendResult(first, Outcome.ACCEPTED, provider_message_id="p1"),
        SendResult(second, Outcome.RELEASED, due_at=later(hours=1)),
    ]
    assert app.send_ledger.record("another", results, now=later(hours=1)) == {}
    assert app.send_ledger.record("slow", results, now=later(hours=1)) == {first: "accepted", second: "planned"}
    assert app.send_ledger.record("slow", results, now=later(hours=2)) == {}
    assert states(app, campaign) == {"accepted": 1, "planned": 4, "ambiguous": 1}
    assert execute(app, "select taken, accepted from ledger.mailbox_usage") == [{"taken": 2, "accepted": 1}]
    assert [doubt.send_id for doubt in app.ambiguous_sends()] == [third]


def test_a_yes_recorded_after_the_delivery_event_keeps_the_later_state(app: App, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    make_campaign(app, pool, people(1))
    (send,) = app.send_ledger.claim(lane, worker="w", now=NOW, limit=1).sends
    execute(app, "update ledger.sends set state = 'delivered' where send_id = %s", send.send_id)
    result = SendResult(send.send_id, Outcome.ACCEPTED, provider_message_id="p1")
    assert app.send_ledger.record("w", [result], now=later(seconds=1)) == {send.send_id: "delivered"}
    row = execute(app, "select state, queue_id, accepted_at from ledger.sends")[0]
    assert (row["state"], row["queue_id"], row["accepted_at"]) == ("delivered", "p1", later(seconds=1))


def test_a_retry_in_a_campaign_that_was_cancelled_meanwhile_is_cancelled(app: App, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(1))
    (send,) = app.send_ledger.claim(lane, worker="w", now=NOW, limit=1).sends
    execute(app, "update ledger.campaigns set status = 'cancelled'")
    app.send_ledger.record("w", [SendResult(send.send_id, Outcome.RETRY, due_at=later(minutes=1))], now=NOW)
    assert states(app, campaign) == {"cancelled": 1}


def test_doubts_without_evidence_for_two_weeks_count_as_lost(app: App, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(2))
    app.send_ledger.claim(lane, worker="dead", now=NOW, limit=50)
    app.recover_expired_leases(later(hours=1))
    assert app.recover_expired_leases(later(days=13)) == {"ambiguous": 0, "lost": 0}
    assert app.recover_expired_leases(later(days=15)) == {"ambiguous": 0, "lost": 2}
    assert states(app, campaign) == {"lost": 2}


def test_a_lane_that_is_not_there_is_an_error(app: App) -> None:
    make_pool(app)
    with pytest.raises(NotFound):
        app.send_lane("nowhere", NOW)


class _BreaksOn:
    """Compiles like the real one, and breaks with a defect at one recipient."""

    def __init__(self, compiler, recipient: str) -> None:
        self._compiler, self._recipient = compiler, recipient

    def compile(self, variant, organisation):
        self._content = self._compiler.compile(variant, organisation)
        return self

    def render(self, *, send_id, recipient, sender):
        if recipient.email == self._recipient:
            raise ZeroDivisionError
        return self._content.render(send_id=send_id, recipient=recipient, sender=sender)


def test_a_lead_that_breaks_rendering_is_refused_and_stops_nobody(app: App, mail: SmtpRecorder, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 2)
    campaign = make_campaign(app, pool, people(40))
    app.__dict__["_compiler"] = _BreaksOn(app._compiler, "lead-7@people.test")
    app.send_lane(lane, NOW, time_budget_seconds=5)
    assert states(app, campaign) == {"accepted": 39, "refused": 1}
    assert sends(app, campaign, "state = 'refused'")[0]["code"] == "rendering-broke"
    assert [alert.kind for alert in app.open_alerts()] == ["content_refused"]


class _BreaksFor:
    """Opens the real provider, but for one mailbox something that breaks with a defect after it read three mails."""

    name = "broken"
    batch_size = 100

    def __init__(self, esps, mailbox_id: int) -> None:
        self._esps, self._mailbox_id, self.apis = esps, mailbox_id, esps.apis

    def open(self, channel, *, date):
        return self if channel.mailbox_id == self._mailbox_id else self._esps.open(channel, date=date)

    async def send(self, messages):
        taken = iter(messages)
        yield Receipt(next(taken).send_id, ReceiptStatus.ACCEPTED, provider_message_id="x")
        next(taken), next(taken)
        raise ZeroDivisionError

    async def close(self) -> None:
        """Nothing to end."""


def test_a_defect_in_one_mailbox_fails_the_run_but_only_what_may_have_gone_out_is_in_doubt(
    app: App, mail: SmtpRecorder, lane: str
) -> None:
    pool = make_pool(app)
    first, *_ = make_mailboxes(app, 4)
    campaign = make_campaign(app, pool, people(40))
    app.__dict__["esps"] = _BreaksFor(app.esps, first)
    with pytest.raises(ZeroDivisionError):
        app.send_lane(lane, NOW, time_budget_seconds=5)
    # Nobody knows of the two that were being handed over: left to their lease. The seven behind them are given back,
    # and may go out from another mailbox.
    assert states(app, campaign)["claimed"] == 2
    assert states(app, campaign)["accepted"] == sum(mail.copies.values()) + 1 >= 31
    app.recover_expired_leases(later(hours=1))
    assert states(app, campaign)["ambiguous"] == 2


def test_why_speaks_from_the_command_line(app: App, lane: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    import leadmill.bootstrap
    from leadmill.cli import main

    pool = make_pool(app)
    campaign = make_campaign(app, pool, people(2), status="paused")
    monkeypatch.setattr(leadmill.bootstrap, "app", lambda: app)
    result = CliRunner().invoke(main, ["why", str(campaign)])
    assert result.exit_code == 0
    assert "paused; resume it" in result.output
    assert "mails: 2 mails are due now." in result.output
    assert CliRunner().invoke(main, ["why", "999999"]).exit_code == 1

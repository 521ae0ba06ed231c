"""The queue of due sends: nothing that is due is missing from it, and what is wrong in it does no harm."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as with_settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from leadmill.adapters.ledger.array_text import bigints, texts
from leadmill.bootstrap import App
from leadmill.domain.dispatch import LEASE, Outcome, SendResult
from leadmill.errors import ClockAhead, Conflict
from leadmill.sql import query
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
    sends,
    states,
    suppress,
)

HOT = {"state", "due_at", "window_ends_at", "mailbox_id", "claimed_at", "claim_id", "answered", "attempts", "queue_id"}


@pytest.fixture
def lane(app: App) -> str:
    return make_lane(app, 25, spread="as_fast_as_possible")


def queued(app: App) -> list[int]:
    return [row["send_id"] for row in execute(app, "select send_id from ledger.due_sends order by send_id")]


def due(app: App) -> list[int]:
    rows = execute(
        app, "select send_id from ledger.sends where state = 'planned' and due_at is not null order by send_id"
    )
    return [row["send_id"] for row in rows]


def claim(app: App, lane: str, *, worker: str = "w", now: datetime = NOW, limit: int = 100) -> list[int]:
    return [send.send_id for send in app.send_ledger.claim(lane, worker=worker, now=now, limit=limit).sends]


def accept(app: App, send_ids: list[int], *, worker: str = "w", now: datetime = NOW) -> None:
    results = [SendResult(send_id, Outcome.ACCEPTED, provider_message_id=f"p{send_id}") for send_id in send_ids]
    assert app.send_ledger.record(worker, results, now=now) == dict.fromkeys(send_ids, "accepted")


def test_no_index_mentions_a_column_that_every_mail_changes(app: App) -> None:
    """Else Postgres writes each change of a send into every index: 2,700 sends a second instead of tens of thousands."""
    rows = execute(
        app,
        "select i.indexrelid::regclass::text as name, a.attname as mentioned from pg_index i"
        " join pg_class k on k.oid = i.indexrelid join pg_am m on m.oid = k.relam"
        " join pg_attribute a on a.attrelid = i.indrelid and (a.attnum = any(i.indkey)"
        " or pg_get_expr(i.indpred, i.indrelid) ~ ('\\m' || a.attname || '\\M'))"
        " where i.indrelid = 'ledger.sends'::regclass and m.amname <> 'brin'",
    )
    assert {row["mentioned"] for row in rows} & HOT == set()


def test_a_plan_a_retry_a_release_and_a_follow_up_are_queued(app: App, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 2)
    make_campaign(app, pool, people(6), steps=2)
    assert queued(app) == due(app)
    assert len(due(app)) == 6
    mine = claim(app, lane)
    assert queued(app) == due(app) == []
    accept(app, mine[:3])
    others = [
        SendResult(mine[3], Outcome.RETRY, due_at=later(minutes=5)),
        SendResult(mine[4], Outcome.RELEASED, due_at=later(minutes=1)),
    ]
    app.send_ledger.record("w", others, now=NOW)
    assert queued(app) == due(app)
    assert len(due(app)) == 5
    waiting = execute(app, "select count(*) as n from ledger.due_sends where mailbox_id <> 0")
    assert waiting == [{"n": 3}], "follow-ups wait for the mailbox of their thread"


def test_what_a_statement_of_anybody_makes_due_is_queued(app: App) -> None:
    campaign = make_campaign(app, make_pool(app), people(5), steps=2)
    execute(app, "delete from ledger.due_sends")
    execute(app, "update ledger.sends set due_at = %s where step = 2", later(days=2))
    assert queued(app) == [row["send_id"] for row in sends(app, campaign, "step = 2")]
    execute(app, "delete from ledger.sends where step = 2")
    assert queued(app) == []


def test_stale_entries_are_dropped_on_sight_and_do_not_end_the_claiming(app: App, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(60))
    ids = queued(app)
    execute(app, "update ledger.sends set state = 'cancelled' where send_id = any(%s)", ids[:50])
    assert len(queued(app)) == 60
    assert claim(app, lane, limit=10) == ids[50:]
    assert queued(app) == []
    assert states(app, campaign) == {"cancelled": 50, "claimed": 10}


def test_an_entry_that_is_there_twice_is_claimed_once(app: App, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    make_campaign(app, pool, people(4))
    execute(app, "insert into ledger.due_sends select * from ledger.due_sends")
    mine = claim(app, lane)
    assert len(mine) == len(set(mine)) == 4
    assert claim(app, lane) == []


def test_follow_ups_of_a_full_mailbox_stay_where_they_are(app: App, lane: str) -> None:
    pool = make_pool(app)
    first, second = make_mailboxes(app, 2, daily_limit=40)
    make_campaign(app, pool, people(40), steps=2)
    accept(app, claim(app, lane))
    execute(app, "update ledger.mailboxes set daily_limit = 0 where mailbox_id = %s", first)
    places = "select ctid::text, send_id from ledger.due_sends where mailbox_id = %s order by 1"
    before = execute(app, places, first)
    assert len(before) == 20
    make_campaign(app, pool, people(5, "new"), due_at=later(days=4))
    taken = claim(app, lane, now=later(days=4))
    assert len(taken) == 25, "the other mailbox's follow-ups and the new campaign go out meanwhile"
    assert execute(app, places, first) == before, "and a claim does not even touch those that wait"
    assert second


def test_a_send_that_somebody_changes_is_neither_waited_for_nor_lost(app: App, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    make_campaign(app, pool, people(3))
    held, *others = due(app)
    with app.database.transaction() as person:
        person.execute("select 1 from ledger.sends where send_id = %s for update", (held,))
        assert claim(app, lane) == others
        assert queued(app) == [held]
    assert claim(app, lane) == [held]


def test_who_opted_out_a_moment_ago_gets_nothing_though_queued(app: App, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    make_campaign(app, pool, people(2))
    suppress(app, "lead-0@people.test")
    found = app.send_ledger.claim(lane, worker="w", now=NOW, limit=1)
    assert (found.suppressed, found.sends, found.retry_at) == (1, (), NOW)
    assert len(claim(app, lane)) == 1


def test_a_missed_window_leaves_the_queue_until_the_next_one(app: App, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    make_campaign(app, pool, people(2), due_at=later(hours=-5), timing="utc_time", send_hour=9)
    execute(app, "update ledger.sends set window_ends_at = %s", later(hours=-1))
    execute(app, "update ledger.campaigns set planned_at = %s", later(days=-1))
    assert claim(app, lane) == queued(app) == []
    app.plan_campaigns(NOW)
    assert queued(app) == due(app)
    assert len(claim(app, lane, now=later(hours=1))) == 2


def test_a_doubt_that_shall_be_sent_again_goes_out_once_more_and_the_audit_log_knows_why(app: App, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(1))
    (send,) = claim(app, lane, worker="dead")
    app.recover_expired_leases(NOW + LEASE + timedelta(seconds=1))
    app.settle_ambiguous(ANALYST, send, "send_again", reason="not in the server's log", as_of=later(hours=1))
    (row,) = sends(app, campaign)
    assert (row["state"], row["attempts"], row["due_at"]) == ("planned", 0, later(hours=1))
    assert app.ambiguous_sends() == []
    assert claim(app, lane, worker="alive", now=later(hours=1)) == [send]
    late = [SendResult(send, Outcome.ACCEPTED, provider_message_id="p")]
    assert app.send_ledger.record("dead", late, now=later(hours=1)) == {}, "the dead worker's word counts no more"
    accept(app, [send], worker="alive", now=later(hours=1))
    audit = execute(app, "select reason, details from ledger.audit_log where action = 'send.settle'")
    assert audit == [{"reason": "not in the server's log", "details": {"outcome": "send_again"}}]


def test_a_yes_that_comes_late_stops_a_mail_that_shall_be_sent_again(app: App, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(2))
    slept, refused = claim(app, lane, worker="asleep")
    app.recover_expired_leases(NOW + LEASE + timedelta(seconds=1))
    for send in (slept, refused):
        app.settle_ambiguous(ANALYST, send, "send_again", reason="not in the server's log", as_of=later(hours=1))
    late = [
        SendResult(slept, Outcome.ACCEPTED, provider_message_id="p"),
        SendResult(refused, Outcome.RETRY, due_at=later(hours=9)),
    ]
    assert app.send_ledger.record("asleep", late, now=later(hours=1)) == {slept: "accepted"}
    assert app.send_ledger.record("asleep", late, now=later(hours=1)) == {}
    assert claim(app, lane, worker="alive", now=later(hours=1)) == [refused]
    assert states(app, campaign) == {"accepted": 1, "claimed": 1}
    assert app.check_conservation(later(hours=1)).faults == 0


def test_a_campaign_that_ended_sends_no_doubt_again(app: App, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    make_campaign(app, pool, people(1))
    (send,) = claim(app, lane)
    app.recover_expired_leases(later(hours=1))
    execute(app, "update ledger.campaigns set status = 'cancelled'")
    with pytest.raises(Conflict, match="cancelled"):
        app.settle_ambiguous(ANALYST, send, "send_again", reason="r", as_of=later(hours=1))


def test_a_host_whose_clock_runs_ahead_claims_nothing(app: App, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1, daily_limit=3)
    today = datetime.now(UTC)
    make_campaign(app, pool, people(9), due_at=today)
    assert len(claim(app, lane, now=today)) == 3
    with pytest.raises(ClockAhead, match="Set the host's clock right"):
        claim(app, lane, now=today + timedelta(days=1))
    assert claim(app, lane, now=today + timedelta(minutes=1)) == [], "and today's limit holds"


def test_simulated_time_may_jump(app: App, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1, daily_limit=3)
    make_campaign(app, pool, people(9))
    assert [len(claim(app, lane, now=later(days=day))) for day in range(4)] == [3, 3, 3, 0]


def test_a_large_claim_is_one_row_with_a_reason_for_each_send(app: App, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 3, daily_limit=1000)
    make_campaign(app, pool, people(1200))
    mine = claim(app, lane, limit=1200)
    assert len(mine) == 1200
    (row,) = execute(app, "select * from ledger.claims")
    assert (row["send_ids"], row["open_count"], row["is_swept"]) == (mine, 1200, False)
    assert len(row["mailbox_ids"]) == len(row["reasons"]) == 1200
    accept(app, mine)
    assert execute(app, "select open_count, is_swept from ledger.claims") == [{"open_count": 0, "is_swept": True}]


def test_a_smtp_servers_queue_id_is_kept_apart_from_ids_that_events_come_with(app: App, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(2))
    first, second = claim(app, lane)
    accept(app, [first])
    execute(app, "update ledger.provider_accounts set provider = 'ses'")
    accept(app, [second])
    by_id = {row["send_id"]: (row["queue_id"], row["provider_message_id"]) for row in sends(app, campaign)}
    assert by_id == {first: (f"p{first}", None), second: (None, f"p{second}")}


FURTHER = st.dictionaries(
    st.sampled_from(["Favourite Colour", "first_name", "Company", "größe", "", "--"]),
    st.one_of(st.text(max_size=5).filter(lambda text: "\x00" not in text), st.none(), st.integers(-5, 5)),
    max_size=4,
)


@given(further=FURTHER, company=st.sampled_from(["", "Müller"]), employees=st.sampled_from([None, 0, 12]))
@with_settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_claims_fields_are_those_of_every_other_place(
    app: App, further: dict, company: str, employees: int | None
) -> None:
    if not execute(app, "select 1 from ledger.provider_accounts"):
        make_lane(app, 25)
        make_pool(app)
        make_mailboxes(app, 1, daily_limit=1000)
    execute(app, "truncate ledger.sends")
    pool = execute(app, "select pool_id from ledger.pools")[0]["pool_id"]
    make_campaign(app, pool, people(1))
    execute(app, "update ledger.leads set attributes = %s, company = %s, employee_count = %s", Jsonb(further), company,
            employees)  # fmt: skip
    (expected,) = execute(app, "select ledger.template_fields(l) as fields from ledger.leads l")
    (send,) = app.send_ledger.claim("own smtp", worker="w", now=NOW, limit=1).sends
    assert dict(send.recipient.fields) == expected["fields"]


def test_every_claimed_send_carries_its_own_leads_fields(app: App, lane: str) -> None:
    """In whatever order the leads are read, where some sends find no room, and where a lead is in two campaigns."""
    pool = make_pool(app)
    make_mailboxes(app, 1)
    app.set_recipient_limit(ADMIN, "limited", NOW, hourly_limit=3, domains=["limited.test"])
    recipients = [f"lead-{n}@{domain}" for n in range(4) for domain in ("limited.test", "people.test")]
    make_campaign(app, pool, recipients)
    make_campaign(app, pool, recipients[::-1], due_at=NOW - timedelta(minutes=1))
    execute(app, "update ledger.leads set city = email where mod(lead_id, 2) = 0")  # moves them behind the others
    execute(app, "update ledger.leads set city = email where mod(lead_id, 2) = 1")
    claimed = app.send_ledger.claim(lane, worker="w", now=NOW, limit=100).sends
    assert len(claimed) == 11
    assert all(send.recipient.fields["city"] == send.recipient.email for send in claimed)
    written = execute(app, "select s.send_id, l.email from ledger.sends s join ledger.leads l using (lead_id)"
                      " where s.state = 'claimed'")  # fmt: skip
    assert {send.send_id: send.recipient.email for send in claimed} == {r["send_id"]: r["email"] for r in written}


@given(words=st.lists(st.text().filter(lambda text: "\x00" not in text and text.isprintable()), max_size=5))
@with_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_text_of_an_array_is_read_back_as_it_was(app: App, words: list[str]) -> None:
    numbers = [len(word) for word in words]
    (row,) = execute(app, "select %s::text[] as words, %s::bigint[] as numbers", texts(words), bigints(numbers))
    assert (row["words"], row["numbers"]) == (words, numbers)


def test_repairing_finds_what_somebody_took_out_of_the_queue(app: App) -> None:
    make_campaign(app, make_pool(app), people(3))
    execute(app, "delete from ledger.due_sends")
    with app.database.transaction() as connection:
        connection.execute(query("ledger/conservation", "requeue_missing"))
    assert queued(app) == due(app)

"""The claim: one transaction that locks, chooses, marks and takes the quota before any network call (ADR 0016)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import repeat
from typing import Any

import psycopg
from psycopg.rows import DictRow

from leadmill.adapters.ledger.array_text import bigints, texts
from leadmill.adapters.ledger.assignments import Assigned, LaneCapacity, assign, put_off, take_quota
from leadmill.adapters.ledger.capacities import (
    capacity_rows,
    channel_of,
    mailbox_of,
    recipient_limit_rows,
    recipient_limits_of,
    sender_of,
    standing_of,
)
from leadmill.adapters.ledger.contacts import spare_people
from leadmill.adapters.ledger.due_queue import Columns, DueRow, Taken, by_column, put_back, take_due_sends
from leadmill.adapters.ledger.earlier_mails import ask_for_threads, threads_of
from leadmill.adapters.ledger.lead_fields import LEAD_ID, LeadFields, ask_for_leads
from leadmill.adapters.ledger.results import cancel_follow_ups
from leadmill.adapters.ledger.turns import take_turns
from leadmill.domain.contact_rules import NO_CAP, REPLIED_ELSEWHERE
from leadmill.domain.crash_points import CrashPoint, reached
from leadmill.domain.dispatch import LEASE
from leadmill.domain.lane_clock import check_clock
from leadmill.domain.mailboxes import PASSING, capacity
from leadmill.domain.rotation import DueSend, LeftReason
from leadmill.domain.threads import EarlierMail
from leadmill.errors import NotFound
from leadmill.ports.content import Recipient
from leadmill.ports.dispatch import Claim, ClaimedSend
from leadmill.sql import query

_SUBJECT = "ledger/dispatch"
# A thousand rows become tuples in C: calling the classes for each took as long as choosing the mailboxes.
_DUE_SEND = partial(tuple.__new__, DueSend)
_RECIPIENT = partial(tuple.__new__, Recipient)
_CLAIMED_SEND = partial(tuple.__new__, ClaimedSend)


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Who asks for how many sends of which lane, and when (`now`, aware UTC); `cap`: mails a person gets in a week."""

    lane: str
    worker: str
    now: datetime
    limit: int
    cap: int = NO_CAP


@dataclass(slots=True)
class Lane:
    """A lane under lock: its account, its time, and its mailboxes with what each may send."""

    account: DictRow
    time: datetime
    rows: dict[int, DictRow]
    capacity: LaneCapacity


def claim(connection: psycopg.Connection[DictRow], request: ClaimRequest) -> Claim:
    """Choose and mark at most `request.limit` sends; everything within the caller's transaction.

    Raises:
        NotFound: No lane of that name.
        ClockAhead: `request.now` runs ahead of the database server's clock, which the lanes followed so far.
    """
    lane = lock_lane(connection, request)
    taken = take_due_sends(connection, lane.capacity, as_of=request.now, limit=request.limit, cap=request.cap)
    taken = spare_people(connection, taken, now=lane.time, cap=request.cap)
    if taken.withdrawn:
        _withdraw(connection, taken.withdrawn, lane.time)
    if not taken.rows:
        return _nothing(connection, request, lane, taken)
    with connection.pipeline():  # Postgres reads the leads while their mailboxes are chosen here
        leads = ask_for_leads(connection, taken.columns["lead_id"])
        threads = ask_for_threads(connection, taken.columns)
        assigned = _assign(lane, taken.columns)
    if assigned.left:
        _put_back(connection, lane, taken, assigned)
    if not assigned.send_ids:
        return _nothing(connection, request, lane, taken, has_held=LeftReason.RECIPIENT_LIMIT in assigned.left.values())
    every = _columns_of(taken, assigned)
    with connection.pipeline():  # and marks the sends while their leads become recipients
        marked = _mark(connection, request, lane, assigned)
        take_turns(connection, every, lane.capacity)
        sends = _claimed(every, leads.fetchall(), threads_of(threads), assigned)
        opened = marked.fetchone()
    reached(CrashPoint.CLAIM_WRITTEN)
    used = set(assigned.mails)
    return Claim(
        sends=sends,
        email_hashes=every["email_hash"],
        claim_id=opened["claim_id"] if opened else 0,
        claimed_at=lane.time,
        suppressed=len(taken.withdrawn),
        max_per_second=lane.account["max_per_second"],
        senders={m: sender_of(lane.rows[m]) for m in used},
        channels={m: channel_of(lane.rows[m], lane.account) for m in used},
        standings={m: standing for m in used if (standing := standing_of(lane.rows[m])) is not None},
    )


def lock_lane(connection: psycopg.Connection[DictRow], request: ClaimRequest) -> Lane:
    """Lock a lane for a claim, in the order that everybody keeps, and read what its mailboxes may send."""
    account = connection.execute(
        query(_SUBJECT, "lock_account"), {"lane": request.lane, "as_of": request.now}
    ).fetchone()
    if account is None:
        raise NotFound(f"There is no lane (provider account) {request.lane!r}; see the mailboxes page.")
    check_clock(
        request.now,
        server_time=account["server_time"],
        last_claim_at=account["last_claim_at"],
        last_claim_server_time=account["last_claim_server_time"],
    )
    account_id, now = account["account_id"], account["lane_time"]
    with connection.pipeline():  # one round trip; what is read is locked by then
        connection.execute(query("ledger/claims", "lock_senders"), {"account_id": account_id}, prepare=True)
        found = capacity_rows(connection, now=now, account_id=account_id)
        limits = recipient_limit_rows(connection, now=now, account_id=account_id)
    rows = {row["mailbox_id"]: row for row in found}
    mailboxes = {mailbox_id: mailbox_of(row) for mailbox_id, row in rows.items()}
    left = {m.mailbox_id: capacity(m, now) for m in mailboxes.values()}
    recipients = recipient_limits_of(limits, (m.domain_id for m in mailboxes.values()))
    seed = int(now.timestamp()) * 1_000 + int(account_id)  # the same claim can be replayed
    return Lane(account, now, rows, LaneCapacity(mailboxes, left, recipients, now, seed))


def _withdraw(connection: psycopg.Connection[DictRow], rows: Sequence[DueRow], now: datetime) -> None:
    suppressed = [row.send_id for row in rows if row.suppressed_by]
    connection.execute(
        query("ledger/claims", "withdraw_sends"),
        {
            "send_ids": [row.send_id for row in rows],
            "states": ["suppressed" if row.suppressed_by else "cancelled" for row in rows],
            "codes": [row.suppressed_by or row.ended_by for row in rows],
            "now": now,
        },
    )
    cancel_follow_ups(connection, suppressed, cause="suppressed", as_of=now)
    replied = [row.send_id for row in rows if row.ended_by == REPLIED_ELSEWHERE]
    cancel_follow_ups(connection, replied, cause=REPLIED_ELSEWHERE, as_of=now)


def _assign(lane: Lane, every: Columns) -> Assigned:
    families = lane.capacity.recipients.families(every["email"])
    columns = (every["send_id"], every["pool_id"], every["sticky_mailbox_id"], every["preferred_mailbox_id"])
    due = list(map(_DUE_SEND, zip(*columns, families, every["priority"], strict=True)))
    closing = min(filter(None, every["window_ends_at"]), default=None)
    return assign(lane.capacity, due, closes_at=closing)


def _put_back(connection: psycopg.Connection[DictRow], lane: Lane, taken: Taken, assigned: Assigned) -> None:
    """Queue again what no mailbox could take: what a recipient domain's limit held, behind what it does not hold."""
    rows = taken.mailable
    until = put_off(connection, assigned, lane.capacity, rows)
    waits = {send_id: until.get(send_id) for send_id in assigned.left}
    put_back(connection, [row for row in rows if row.send_id in waits], waits)


def _mark(
    connection: psycopg.Connection[DictRow], request: ClaimRequest, lane: Lane, assigned: Assigned
) -> psycopg.Cursor[DictRow]:
    marked = connection.execute(
        query("ledger/claims", "claim_sends"),
        {
            "send_ids": bigints(assigned.send_ids),
            "mailbox_ids": bigints(assigned.mailbox_ids),
            "reasons": texts(assigned.reasons),
            "situation": assigned.situation,
            "worker": request.worker,
            "account_id": lane.account["account_id"],
            "now": lane.time,
            "lease_until": lane.time + LEASE,
        },
        prepare=True,
    )
    take_quota(connection, assigned, lane.capacity)
    return marked


def _nothing(
    connection: psycopg.Connection[DictRow], request: ClaimRequest, lane: Lane, taken: Taken, *, has_held: bool = False
) -> Claim:
    """An empty claim; behind what recipient domains' limits held, or what was taken out, there may be more at once."""
    again = taken.is_worth_another_look or has_held
    retry_at = request.now if again else _retry_at(connection, request, lane)
    return Claim(suppressed=len(taken.withdrawn), retry_at=retry_at)


def _retry_at(connection: psycopg.Connection[DictRow], request: ClaimRequest, lane: Lane) -> datetime | None:
    """When a gap or rate ends that keeps due sends waiting; None where something else binds, or nothing is due."""
    capacities = lane.capacity.capacities.values()
    ends = [c.relaxes_at for c in capacities if c.binding in PASSING and c.relaxes_at is not None]
    ends = [end for end in ends if end > lane.time]
    if not ends:
        return None
    pool_ids = sorted({m.pool_id for m in lane.capacity.mailboxes.values()})
    due = connection.execute(query(_SUBJECT, "has_due_sends"), {"pool_ids": pool_ids, "as_of": request.now}).fetchone()
    return min(ends) if due and due["has_due"] else None


def _columns_of(taken: Taken, assigned: Assigned) -> Columns:
    """The taken rows that go out, by field."""
    if not assigned.left:
        return taken.columns
    by_send = dict(zip(taken.columns["send_id"], taken.rows, strict=True))
    return by_column([by_send[send_id] for send_id in assigned.send_ids])


def _claimed(
    every: Columns,
    leads: Sequence[tuple[Any, ...]],
    threads: Mapping[int, tuple[EarlierMail, ...]],
    assigned: Assigned,
) -> tuple[ClaimedSend, ...]:
    by_lead = {lead[LEAD_ID]: lead for lead in leads}
    attempts = [attempts + 1 for attempts in every["attempts"]]
    fields = map(LeadFields, map(by_lead.__getitem__, every["lead_id"]))
    before = map(threads.get, every["send_id"], repeat(())) if threads else repeat((), len(attempts))
    recipients = map(_RECIPIENT, zip(every["lead_id"], every["email"], fields, before, strict=True))
    columns = (every["send_id"], every["campaign_id"], every["variant_id"], assigned.mailbox_ids)
    return tuple(map(_CLAIMED_SEND, zip(*columns, attempts, recipients, strict=True)))

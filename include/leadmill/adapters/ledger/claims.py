"""The claim: one transaction that locks, chooses, marks and takes the quota, before any network call (ADR 0009)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import DictRow

from leadmill.adapters.ledger.capacities import (
    candidate_of,
    capacity_rows,
    channel_of,
    domain_remaining,
    mailbox_of,
    sender_of,
)
from leadmill.domain.dispatch import LEASE
from leadmill.domain.mailboxes import Binding, Capacity, Mailbox, capacity
from leadmill.domain.rotation import Assignment, DueSend, rotate
from leadmill.errors import NotFound
from leadmill.ports.content import Recipient
from leadmill.ports.dispatch import Claim, ClaimedSend
from leadmill.sql import query

_SUBJECT = "ledger/dispatch"
_WAITING = frozenset({Binding.MINIMUM_GAP, Binding.ACCOUNT_WAITS})


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Who asks for how many sends of which lane, and when (`now`, aware UTC)."""

    lane: str
    worker: str
    now: datetime
    limit: int


@dataclass(slots=True)
class _Lane:
    """A lane under lock: its account, its time, and its mailboxes with what each may send."""

    account: DictRow
    time: datetime
    rows: dict[int, DictRow]
    mailboxes: dict[int, Mailbox]
    capacities: dict[int, Capacity]

    @property
    def usable(self) -> list[Mailbox]:
        return [m for m in self.mailboxes.values() if self.capacities[m.mailbox_id].remaining > 0]


def claim(connection: psycopg.Connection[DictRow], request: ClaimRequest) -> Claim:
    """Choose and mark at most `request.limit` sends; everything within the caller's transaction.

    Raises:
        NotFound: No lane of that name.
    """
    lane = _lock_lane(connection, request)
    rows = _choose(connection, request, lane) if lane.usable else []
    mailable = [row for row in rows if not (row["suppressed_by"] or row["ended_by"])]
    withdrawn = [row for row in rows if row["suppressed_by"] or row["ended_by"]]
    if withdrawn:
        _withdraw(connection, withdrawn, lane.time)
    assignments = _assign(lane, mailable)
    if not assignments:
        retry_at = None if withdrawn else _retry_at(connection, request, lane)
        return Claim(suppressed=len(withdrawn), retry_at=request.now if withdrawn else retry_at)
    attempts = _mark(connection, request, lane, assignments)
    by_send = {row["send_id"]: row for row in mailable}
    used = {a.mailbox_id for a in assignments}
    return Claim(
        sends=tuple(_claimed(by_send[a.send_id], a.mailbox_id, attempts[a.send_id]) for a in assignments),
        suppressed=len(withdrawn),
        max_per_second=lane.account["max_per_second"],
        senders={m: sender_of(lane.rows[m]) for m in used},
        channels={m: channel_of(lane.rows[m]) for m in used},
    )


def _lock_lane(connection: psycopg.Connection[DictRow], request: ClaimRequest) -> _Lane:
    account = connection.execute(
        query(_SUBJECT, "lock_account"), {"lane": request.lane, "as_of": request.now}
    ).fetchone()
    if account is None:
        raise NotFound(f"There is no lane (provider account) {request.lane!r}; see the mailboxes page.")
    connection.execute(query(_SUBJECT, "lock_domains"), {"account_id": account["account_id"]})
    connection.execute(query(_SUBJECT, "lock_mailboxes"), {"account_id": account["account_id"]})
    now: datetime = account["lane_time"]
    rows = {r["mailbox_id"]: r for r in capacity_rows(connection, now=now, account_id=account["account_id"])}
    mailboxes = {mailbox_id: mailbox_of(row) for mailbox_id, row in rows.items()}
    return _Lane(account, now, rows, mailboxes, {m.mailbox_id: capacity(m, now) for m in mailboxes.values()})


def _choose(connection: psycopg.Connection[DictRow], request: ClaimRequest, lane: _Lane) -> list[DictRow]:
    together = sum(lane.capacities[m.mailbox_id].remaining for m in lane.usable)
    return connection.execute(
        query(_SUBJECT, "choose_due_sends"),
        {
            "as_of": request.now,
            "now": lane.time,
            "pool_ids": sorted({m.pool_id for m in lane.usable}),
            "mailbox_ids": [m.mailbox_id for m in lane.usable],
            "row_limit": min(request.limit, together),
        },
    ).fetchall()


def _withdraw(connection: psycopg.Connection[DictRow], rows: Sequence[DictRow], now: datetime) -> None:
    suppressed = [row["send_id"] for row in rows if row["suppressed_by"]]
    connection.execute(
        query(_SUBJECT, "withdraw_sends"),
        {
            "send_ids": [row["send_id"] for row in rows],
            "states": ["suppressed" if row["suppressed_by"] else "cancelled" for row in rows],
            "codes": [row["suppressed_by"] or row["ended_by"] for row in rows],
            "now": now,
        },
    )
    cancel = {"send_ids": suppressed, "cause": "suppressed", "as_of": now}
    connection.execute(query("ledger/follow_ups", "cancel_follow_ups"), cancel)


def _assign(lane: _Lane, rows: Sequence[DictRow]) -> tuple[Assignment, ...]:
    if not rows:
        return ()
    usable = lane.usable
    first = usable[0]
    account_left = None
    if first.account_daily_limit is not None:
        account_left = max(0, first.account_daily_limit - first.account_taken)
    due = [
        DueSend(row["send_id"], row["pool_id"], row["sticky_mailbox_id"], row["preferred_mailbox_id"]) for row in rows
    ]
    return rotate(
        due,
        [candidate_of(m, lane.capacities[m.mailbox_id]) for m in usable],
        domain_remaining=domain_remaining(usable),
        account_remaining=account_left,
        seed=_seed(lane),
    ).assignments


def _seed(lane: _Lane) -> int:
    """One for a lane and a second: the same claim can be replayed from the stored assignments."""
    return int(lane.time.timestamp()) * 1_000 + int(lane.account["account_id"])


def _mark(
    connection: psycopg.Connection[DictRow], request: ClaimRequest, lane: _Lane, assignments: Sequence[Assignment]
) -> dict[int, int]:
    seed = _seed(lane)
    marked = connection.execute(
        query(_SUBJECT, "claim_sends"),
        {
            "send_ids": [a.send_id for a in assignments],
            "mailbox_ids": [a.mailbox_id for a in assignments],
            "assignments": [_explained(a, seed) for a in assignments],
            "worker": request.worker,
            "now": lane.time,
            "lease_until": lane.time + LEASE,
        },
    ).fetchall()
    counts = Counter(a.mailbox_id for a in assignments)
    connection.execute(
        query(_SUBJECT, "take_quota"),
        {"mailbox_ids": list(counts), "counts": list(counts.values()), "now": lane.time},
    )
    return {row["send_id"]: row["attempts"] for row in marked}


def _explained(assignment: Assignment, seed: int) -> str:
    return json.dumps(
        {
            "reason": assignment.reason.value,
            "fill": round(assignment.fill, 4),
            "bounce_rate": round(assignment.bounce_rate, 5),
            "candidates": assignment.candidates,
            "seed": seed,
        }
    )


def _retry_at(connection: psycopg.Connection[DictRow], request: ClaimRequest, lane: _Lane) -> datetime | None:
    """When a gap or rate ends that keeps due sends waiting; None where something else binds, or nothing is due."""
    ends = [c.relaxes_at for c in lane.capacities.values() if c.binding in _WAITING and c.relaxes_at is not None]
    ends = [end for end in ends if end > lane.time]
    if not ends:
        return None
    due = connection.execute(
        query(_SUBJECT, "has_due_sends"),
        {"pool_ids": sorted({m.pool_id for m in lane.mailboxes.values()}), "as_of": request.now},
    ).fetchone()
    return min(ends) if due and due["has_due"] else None


def _claimed(row: DictRow, mailbox_id: int, attempts: int) -> ClaimedSend:
    return ClaimedSend(
        send_id=row["send_id"],
        campaign_id=row["campaign_id"],
        variant_id=row["variant_id"],
        mailbox_id=mailbox_id,
        attempts=attempts,
        recipient=Recipient(lead_id=row["lead_id"], email=row["email"], fields=row["fields"]),
    )

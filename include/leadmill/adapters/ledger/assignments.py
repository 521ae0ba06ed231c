"""Rotation within a claim: which mailbox sends which chosen row, why, and the quota that it takes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import psycopg
from psycopg.rows import DictRow

from leadmill.adapters.ledger.capacities import RecipientLimits
from leadmill.domain.mailboxes import Capacity, Mailbox, account_remaining, pause_after
from leadmill.domain.rotation import DueSend, LeftReason, Rotation, rotate
from leadmill.domain.rotation_limits import Choice, candidate_of, domain_remaining
from leadmill.domain.weather import PROBE_WITHIN
from leadmill.sql import query

_SOON = timedelta(minutes=5)
"""A wait of a mailbox that is spread over its day."""


@dataclass(frozen=True, slots=True)
class LaneCapacity:
    """What the mailboxes of one lane may send at `now`; `seed` makes the same claim replayable."""

    mailboxes: Mapping[int, Mailbox]
    capacities: Mapping[int, Capacity]
    recipients: RecipientLimits
    now: datetime
    seed: int

    @property
    def usable(self) -> list[Mailbox]:
        """The mailboxes that may send something now."""
        return [m for m in self.mailboxes.values() if self.capacities[m.mailbox_id].remaining > 0]


class LeftRow(Protocol):
    """What is asked of a row that rotation left."""

    @property
    def send_id(self) -> int: ...
    @property
    def pool_id(self) -> int: ...
    @property
    def email(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Assigned:
    """Sends with their mailboxes and reasons, in parallel lists, and what they take of the limits.

    A reason is a word of `AssignmentReason`, with the limited family of recipient domains behind it where there is one:
    "rotation", "rotation gmail". `situation` is JSON: the seed, and under "<mailbox id> <reason>" what spoke for that
    mailbox, so that a thousand sends share a line.
    """

    send_ids: Sequence[int]
    mailbox_ids: Sequence[int]
    reasons: Sequence[str]
    situation: str
    mails: Mapping[int, int]
    recipients: Mapping[tuple[int, str], int]
    left: Mapping[int, LeftReason]
    closes_at: datetime | None


def assign(lane: LaneCapacity, due: Sequence[DueSend], *, closes_at: datetime | None) -> Assigned:
    """Spread due sends over the lane's mailboxes; those that no limit has room for are left out."""
    mailboxes = list(lane.mailboxes.values())
    account = account_remaining(mailboxes[0]) if mailboxes else None
    found = rotate(
        due,
        [candidate_of(m, lane.capacities[m.mailbox_id]) for m in mailboxes],
        domain_remaining=domain_remaining(mailboxes),
        account_remaining=None if account is None else max(0, account[0]),
        recipient_remaining=lane.recipients.remaining,
        seed=lane.seed,
    )
    return _assigned(found, lane, closes_at)


def _assigned(found: Rotation, lane: LaneCapacity, closes_at: datetime | None) -> Assigned:
    reasons = [f"{choice.reason.value} {choice.recipient_family}".rstrip() for choice in found.choices]
    boxes = [choice.mailbox_id for choice in found.choices]
    places = [place for place in found.chosen if place >= 0]
    recipients: Counter[tuple[int, str]] = Counter()
    for place, mails in Counter(places).items():
        choice = found.choices[place]
        if choice.recipient_family:
            recipients[lane.mailboxes[choice.mailbox_id].domain_id, choice.recipient_family] += mails
    why = {f"{c.mailbox_id} {reason}": _said(c) for c, reason in zip(found.choices, reasons, strict=True)}
    return Assigned(
        send_ids=[send.send_id for send, place in zip(found.due, found.chosen, strict=True) if place >= 0],
        mailbox_ids=[boxes[place] for place in places],
        reasons=[reasons[place] for place in places],
        situation=json.dumps({"seed": lane.seed, "why": why}),
        mails=found.mails_by_mailbox(),
        recipients=recipients,
        left=found.left,
        closes_at=closes_at,
    )


def _said(choice: Choice) -> dict[str, object]:
    """What spoke for a mailbox: its share of the day used, its shrunk bounce rate, and what bound the others."""
    return {
        "fill": round(choice.fill, 4),
        "bounce_rate": round(choice.bounce_rate, 5),
        "candidates": choice.candidates,
        "others_bound": choice.others_bound,
    }


def put_off(
    connection: psycopg.Connection[DictRow], assigned: Assigned, lane: LaneCapacity, rows: Sequence[LeftRow]
) -> dict[int, datetime]:
    """Until when the sends wait that a recipient domain's limit left, so that they stand in nobody's way.

    To the next hour; or a few minutes where another sending domain of their pool, whose mailboxes wait now or send in
    another lane, may still mail that family.
    """
    held = {send_id for send_id, reason in assigned.left.items() if reason is LeftReason.RECIPIENT_LIMIT}
    if not held:
        return {}
    waiting = {row.send_id: (row.pool_id, lane.recipients.family(row.email)) for row in rows}
    pairs = {waiting[send_id] for send_id in held}
    found = connection.execute(
        query("ledger/recipient_limits", "recipient_room"),
        {"pool_ids": [pool for pool, _ in pairs], "families": [family for _, family in pairs], "now": lane.now},
    ).fetchall()
    with_room = {(row["pool_id"], row["family"]) for row in found}
    next_hour = lane.now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    soon = min(next_hour, lane.now + _SOON)
    return {send_id: soon if waiting[send_id] in with_room else next_hour for send_id in held}


def take_quota(connection: psycopg.Connection[DictRow], assigned: Assigned, lane: LaneCapacity) -> None:
    """Use up what the assigned sends take of every limit, and say when each mailbox may send next."""
    pauses = [
        pause_after(lane.mailboxes[m], mails, now=lane.now, closes_at=assigned.closes_at, seed=lane.seed)
        for m, mails in assigned.mails.items()
    ]
    is_probe = any(m.is_account_probed for m in lane.usable[:1])
    connection.execute(
        query("ledger/dispatch", "take_quota"),
        {
            "mailbox_ids": list(assigned.mails),
            "counts": list(assigned.mails.values()),
            "gaps_until": [pause.gap_until for pause in pauses],
            "spreads_until": [pause.spread_until for pause in pauses],
            "probe_until": lane.now + PROBE_WITHIN if is_probe else None,
            "now": lane.now,
        },
        prepare=True,
    )
    if assigned.recipients:
        connection.execute(
            query("ledger/recipient_limits", "take_recipient_quota"),
            {
                "domain_ids": [domain_id for domain_id, _ in assigned.recipients],
                "families": [family for _, family in assigned.recipients],
                "counts": list(assigned.recipients.values()),
                "now": lane.now,
            },
        )

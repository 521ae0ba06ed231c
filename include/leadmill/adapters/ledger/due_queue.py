"""The queue of due sends (ADR 0016): a hint which sends to look at; the sends' own rows decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import gt, itemgetter
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import DictRow

from leadmill.adapters.ledger.assignments import LaneCapacity
from leadmill.adapters.ledger.tuple_rows import named, plain_rows
from leadmill.domain.mailboxes import account_remaining, is_warming_up
from leadmill.domain.rotation_limits import domain_remaining
from leadmill.domain.turns import OTHERS_SHARE
from leadmill.sql import query

_SUBJECT = "ledger/claims"
_LOOKS = 20
"""A claim looks so often for something that is still due: after 100,000 people opted out at once, most of the queue's
head is stale, and each look drops what it saw."""

_PROBED_FROM = 100
"""A mail that tries is chosen from so many that are due."""

_LOOK_AHEAD = 1_000
"""Where mailboxes warm up, the most engaged of so many due sends go first, not merely of those that are due longest."""

_FIRST_MAIL, _ANY_MAILBOX = 0, -1
"""In the queue, in a mailbox's stead: a first mail, and a follow-up whose thread began in no mailbox."""

Columns = Mapping[str, Sequence[Any]]
"""Values by the field of `DueRow`, each as long as there are rows."""


class DueRow(NamedTuple):
    """One row of `take_due_sends`, column by column; `queued_until` is None where it is the send's own `due_at`."""

    send_id: int
    campaign_id: int
    pool_id: int
    variant_id: int
    lead_id: int
    attempts: int
    preferred_mailbox_id: int | None
    sticky_mailbox_id: int | None
    is_due: bool
    window_ends_at: datetime | None
    suppressed_by: str | None
    ended_by: str | None
    place: float
    queued_until: datetime | None
    priority: float
    email: str
    email_hash: bytes
    step: int
    needs_look: bool
    is_first_claim: bool


_PLACE = itemgetter(DueRow._fields.index("place"))


@dataclass(frozen=True, slots=True)
class Taken:
    """Rows that came off the queue: to mail, or to take out because the lead must not be mailed (any more).

    `rows`: to mail, column by column as in `DueRow`; `columns`: their values by field.
    `is_worth_another_look`: the queue holds more than was looked at.
    """

    rows: Sequence[tuple[Any, ...]] = ()
    withdrawn: Sequence[DueRow] = ()
    is_worth_another_look: bool = False
    columns: Columns = field(default_factory=dict)

    @property
    def mailable(self) -> list[DueRow]:
        """The rows to mail by name, made anew each time: most claims only ask for columns."""
        return named(DueRow, self.rows)


def take_due_sends(
    connection: psycopg.Connection[DictRow], lane: LaneCapacity, *, as_of: datetime, limit: int, cap: int
) -> Taken:
    """Take at most `limit` due sends off the queue, no more than the lane's mailboxes may send now.

    In turn (`domain/turns.py`): due follow-ups first, then first mails of the campaigns that have come least far.
    `cap`: mails that a person gets in a week; who may come near it asks for a look at its other mails.
    """
    usable = lane.usable
    if (room := min(limit, _room(lane))) <= 0:
        return Taken()
    if not all(mailbox.is_probed for mailbox in usable):
        return _take(connection, lane, as_of=as_of, row_limit=room, cap=cap)
    found = _take(connection, lane, as_of=as_of, row_limit=max(room, _PROBED_FROM), cap=cap)
    return _untried_first(connection, found, room)


def _take(
    connection: psycopg.Connection[DictRow], lane: LaneCapacity, *, as_of: datetime, row_limit: int, cap: int
) -> Taken:
    usable = lane.usable
    is_probe = all(mailbox.is_probed for mailbox in usable)
    pools: Counter[int] = Counter()
    for mailbox in usable:
        pools[mailbox.pool_id] += row_limit if is_probe else lane.capacities[mailbox.mailbox_id].remaining
    young = {mailbox.pool_id for mailbox in usable if is_warming_up(mailbox)}
    parameters = {
        "as_of": as_of,
        "now": lane.now,
        "pool_ids": list(pools),
        "pool_rooms": [min(row_limit, room) for room in pools.values()],
        "look_aheads": [_LOOK_AHEAD if pool_id in young else 0 for pool_id in pools],
        "mailbox_ids": [_ANY_MAILBOX, *(m.mailbox_id for m in usable)],
        "rooms": [
            row_limit,
            *(row_limit if is_probe else min(row_limit, lane.capacities[m.mailbox_id].remaining) for m in usable),
        ],
        "others_share": OTHERS_SHARE,
        "row_limit": row_limit,
        "cap": cap,
    }
    for _ in range(_LOOKS):
        with connection.pipeline(), connection.cursor(row_factory=plain_rows(DueRow), binary=True) as cursor:
            connection.execute(query(_SUBJECT, "keep_to_indexes"))
            rows = cursor.execute(query(_SUBJECT, "take_due_sends"), parameters, prepare=True).fetchall()
        if not rows:
            return Taken()
        _put_in_order(rows)
        every = by_column(rows)
        if _are_all_mailable(every):
            return Taken(rows, columns=every)
        due = _once_each(row for row in named(DueRow, rows) if row.is_due)
        if due:
            withdrawn = [row for row in due if row.suppressed_by or row.ended_by]
            mailable = [row for row in due if not (row.suppressed_by or row.ended_by)]
            return Taken(mailable, withdrawn, is_worth_another_look=not mailable, columns=by_column(mailable))
    return Taken(is_worth_another_look=True)


def _untried_first(connection: psycopg.Connection[DictRow], found: Taken, room: int) -> Taken:
    """What tries whether a server takes mails again: rather one that it has not put off yet.

    The same mail again may be the only one that it does not like, and all others would wait for it for days.
    """
    rows = found.mailable
    if len(rows) <= room:
        return found
    tried = connection.execute(query(_SUBJECT, "tried_sends"), {"send_ids": [row.send_id for row in rows]}).fetchall()
    were_tried = {row["send_id"] for row in tried}
    rows.sort(key=lambda row: row.send_id in were_tried)  # stable: in turn otherwise
    put_back(connection, rows[room:], {row.send_id: None for row in rows})
    return Taken(rows[:room], found.withdrawn, found.is_worth_another_look, columns=by_column(rows[:room]))


def put_back(
    connection: psycopg.Connection[DictRow], rows: Sequence[DueRow], not_before: Mapping[int, datetime | None]
) -> None:
    """Queue rows again that were taken and could not be used, each where it was or not before a time."""
    connection.execute(
        query(_SUBJECT, "put_back"),
        {
            "send_ids": [row.send_id for row in rows],
            "mailbox_ids": [row.sticky_mailbox_id or (_ANY_MAILBOX if row.step > 1 else _FIRST_MAIL) for row in rows],
            "due_ats": [not_before[row.send_id] or row.queued_until for row in rows],
        },
    )


def _room(lane: LaneCapacity) -> int:
    """How many mails the lane may send now: of each domain no more than its limit leaves, and of the account."""
    usable = lane.usable
    by_domain: Counter[int] = Counter()
    for mailbox in usable:
        by_domain[mailbox.domain_id] += lane.capacities[mailbox.mailbox_id].remaining
    domains = domain_remaining(usable)
    room = sum(min(mails, domains.get(domain_id, mails)) for domain_id, mails in by_domain.items())
    account = account_remaining(usable[0]) if usable else None
    return room if account is None else max(0, min(room, account[0]))


def by_column(rows: Sequence[tuple[Any, ...]]) -> Columns:
    """The values of all rows by field, none where there are no rows: many times as fast as asking every row."""
    return dict(zip(DueRow._fields, zip(*rows, strict=True), strict=False))


def _put_in_order(rows: list[tuple[Any, ...]]) -> None:
    """Those whose turn it is first. The join keeps the order of the turns, but SQL does not promise it."""
    places = list(map(_PLACE, rows))
    if any(map(gt, places, places[1:])):
        rows.sort(key=_PLACE)


def _are_all_mailable(every: Columns) -> bool:
    """The common case: all due, none withdrawn, none twice."""
    withdrawn = any(every["suppressed_by"]) or any(every["ended_by"])
    return all(every["is_due"]) and not withdrawn and len(set(every["send_id"])) == len(every["send_id"])


def _once_each(rows: Iterable[DueRow]) -> list[DueRow]:
    """The rows in their order; the queue may hold a send twice."""
    return list({row.send_id: row for row in rows}.values())

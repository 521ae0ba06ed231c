"""A person's other mails, looked at within a claim: who waits, whose sequence an answer elsewhere ended (ADR 0032)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import psycopg
from psycopg.rows import DictRow

from leadmill.adapters.ledger.due_queue import DueRow, Taken, by_column, put_back
from leadmill.domain.contact_rules import NO_CAP, REPLIED_ELSEWHERE, WEEK, PersonContacts, PutOff, waits_until
from leadmill.sql import query

_SUBJECT = "ledger/contacts"
_LOOK_AGAIN = timedelta(minutes=1)
"""When a person whom another claim holds, or to whom this one sends, is looked at again: with the next dispatch."""


def cap_of(mails_a_week: int) -> int:
    """The week's cap as the queries count it; 0 is none."""
    return mails_a_week or NO_CAP


def spare_people(connection: psycopg.Connection[DictRow], taken: Taken, *, now: datetime, cap: int) -> Taken:
    """What was taken, without those whose person gets no (further) mail now.

    Theirs are planned anew for later, or handed on as withdrawn where an answer ended the sequence. Costs nothing where
    no row asks for a look; else the persons are locked, so that what is read stays true until the claim is written.
    """
    if not taken.rows or not any(taken.columns["needs_look"]):
        return taken
    asked = [row for row in taken.mailable if row.needs_look]
    lead_ids = [row.lead_id for row in asked]
    held = {row["person_id"] for row in connection.execute(query(_SUBJECT, "lock_people"), {"lead_ids": lead_ids})}
    contacts = _contacts(connection, asked, cap)
    ended = {s for s, person in contacts.items() if person.has_replied_elsewhere}
    waiting: dict[int, tuple[datetime, PutOff]] = {}
    soon: dict[int, datetime | None] = {}
    served: set[int] = set()
    for row in asked:
        person = contacts[row.send_id]
        if row.send_id in ended:
            continue
        if (person.is_shared and person.person_id not in held) or person.person_id in served:
            soon[row.send_id] = now + _LOOK_AGAIN
        elif (wait := waits_until(person, now=now, cap=cap)) is not None:
            waiting[row.send_id] = wait
        else:
            served.add(person.person_id)
    _put_off(connection, waiting)
    if soon:
        put_back(connection, [row for row in asked if row.send_id in soon], soon)
    return _without(taken, ended, waiting.keys() | soon.keys())


def share_leads(connection: psycopg.Connection[DictRow], campaign_id: int, *, days_apart: int, as_of: datetime) -> None:
    """Write down whom other campaigns mail beside this one; claims stand still from here to the commit.

    The transaction holds the lock of `lock_planning`, so that no other plan is missed.
    """
    values = {"campaign_id": campaign_id, "mailed_since": as_of - max(timedelta(days=days_apart), WEEK)}
    if connection.execute(query(_SUBJECT, "share_leads"), values).rowcount:
        connection.execute(query(_SUBJECT, "await_claims"))


def end_elsewhere(connection: psycopg.Connection[DictRow], replies: Mapping[int, datetime], *, as_of: datetime) -> int:
    """End other campaigns' sequences of who answered, where those chose so; returns how many sends that were.

    Args:
        connection: A transaction.
        replies: When which sends were answered, by people; not by an automaton (RFC 3834).
        as_of: Now, aware UTC.
    """
    if not replies:
        return 0
    values = {"send_ids": list(replies), "reply_times": list(replies.values()), "as_of": as_of}
    return connection.execute(query(_SUBJECT, "end_elsewhere"), values).rowcount


def _contacts(connection: psycopg.Connection[DictRow], asked: Sequence[DueRow], cap: int) -> dict[int, PersonContacts]:
    """By send. A statement of its own, after the lock: it sees what the claim before this one wrote."""
    columns = {
        "send_ids": [row.send_id for row in asked],
        "campaign_ids": [row.campaign_id for row in asked],
        "lead_ids": [row.lead_id for row in asked],
        "cap": cap,
    }
    rows = connection.execute(query(_SUBJECT, "contacts_of_sends"), columns)
    return {row["send_id"]: PersonContacts(**row) for row in rows}


def _put_off(connection: psycopg.Connection[DictRow], waiting: dict[int, tuple[datetime, PutOff]]) -> None:
    """Plan them anew; their new time puts them into the queue again."""
    if waiting:
        columns = {
            "send_ids": list(waiting),
            "untils": [until for until, _ in waiting.values()],
            "codes": [why.value for _, why in waiting.values()],
        }
        connection.execute(query(_SUBJECT, "put_off_sends"), columns)


def _without(taken: Taken, ended: set[int], waiting: set[int]) -> Taken:
    if not ended and not waiting:
        return taken
    rows = taken.mailable
    mailable = [row for row in rows if row.send_id not in ended and row.send_id not in waiting]
    gone = [row._replace(ended_by=REPLIED_ELSEWHERE) for row in rows if row.send_id in ended]
    return replace(
        taken,
        rows=mailable,
        withdrawn=[*taken.withdrawn, *gone],
        is_worth_another_look=not mailable,
        columns=by_column(mailable),
    )

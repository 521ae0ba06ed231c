"""Threads whose mailbox is gone: `ports.threads.ThreadLedger` in Postgres."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import psycopg
from psycopg.rows import DictRow

from leadmill.adapters.ledger.audit import record_audit
from leadmill.adapters.ledger.database import Database
from leadmill.adapters.ledger.retrying import in_transaction
from leadmill.domain.access import Actor
from leadmill.ports.threads import StrandedThreads
from leadmill.sql import query

_SUBJECT = "ledger/threads"
_Connection = psycopg.Connection[DictRow]


class LedgerThreads:
    """Follow-ups are locked first, in the order of ids: a claim that has one goes first, and keeps it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def stranded(self, *, as_of: datetime, mailbox_id: int | None = None) -> list[StrandedThreads]:
        values = {"as_of": as_of, "mailbox_id": mailbox_id}
        with self._database.transaction() as connection:
            return [StrandedThreads(**row) for row in connection.execute(query(_SUBJECT, "stranded_threads"), values)]

    def hand_on(
        self, actor: Actor, mailbox_id: int, to_mailbox_id: int | None, *, reason: str, as_of: datetime
    ) -> tuple[int, int]:
        def work(connection: _Connection) -> tuple[int, int]:
            held = _lock(connection, mailbox_id)
            values = {"send_ids": held, "mailbox_id": mailbox_id, "to_mailbox_id": to_mailbox_id, "as_of": as_of}
            moved = connection.execute(query(_SUBJECT, "hand_on"), values).rowcount
            if moved == len(held):
                connection.execute(query(_SUBJECT, "wait_no_more"), {"mailbox_id": mailbox_id})
            details = {"threads": moved, "stay": len(held) - moved, "to_mailbox": to_mailbox_id}
            _audit(connection, actor, "hand_on_threads", mailbox_id, reason=reason, at=as_of, details=details)
            return moved, len(held) - moved

        return in_transaction(self._database, work)

    def end(self, actor: Actor, mailbox_id: int, *, reason: str, as_of: datetime) -> int:
        def work(connection: _Connection, held: list[int]) -> None:
            connection.execute(query(_SUBJECT, "end_threads"), {"send_ids": held, "as_of": as_of})
            connection.execute(query(_SUBJECT, "wait_no_more"), {"mailbox_id": mailbox_id})

        return self._decide(actor, "end_threads", mailbox_id, work, reason=reason, as_of=as_of)

    def let_wait(self, actor: Actor, mailbox_id: int, *, reason: str, as_of: datetime) -> int:
        def work(connection: _Connection, _: list[int]) -> None:
            values = {"mailbox_id": mailbox_id, "actor": actor.email, "reason": reason, "as_of": as_of}
            connection.execute(query(_SUBJECT, "let_wait"), values)

        return self._decide(actor, "let_threads_wait", mailbox_id, work, reason=reason, as_of=as_of)

    def _decide(
        self,
        actor: Actor,
        verb: str,
        mailbox_id: int,
        work: Callable[[_Connection, list[int]], None],
        *,
        reason: str,
        as_of: datetime,
    ) -> int:
        def decide(connection: _Connection) -> int:
            held = _lock(connection, mailbox_id)
            work(connection, held)
            _audit(connection, actor, verb, mailbox_id, reason=reason, at=as_of, details={"threads": len(held)})
            return len(held)

        return in_transaction(self._database, decide)


def _lock(connection: _Connection, mailbox_id: int) -> list[int]:
    rows = connection.execute(query(_SUBJECT, "lock_stranded"), {"mailbox_id": mailbox_id})
    return [row["send_id"] for row in rows]


def _audit(
    connection: _Connection,
    actor: Actor,
    verb: str,
    mailbox_id: int,
    *,
    reason: str,
    at: datetime,
    details: Mapping[str, object],
) -> None:
    record_audit(connection, actor, f"mailbox.{verb}", ("mailbox", mailbox_id), at=at, reason=reason, details=details)

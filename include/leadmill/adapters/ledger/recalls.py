"""Claimed sends that must not go out any more: `ports.recalls.RecallLedger` in Postgres (ADR 0027)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime

import psycopg
from psycopg.rows import DictRow

from leadmill.adapters.ledger.database import Database
from leadmill.domain.dispatch import Outcome, SendResult
from leadmill.errors import DatabaseUnavailable
from leadmill.ports.recalls import Hands, Look
from leadmill.sql import query

_SUBJECT = "ledger/recalls"


class LedgerRecalls:
    """The common case, that nothing was written, is one small statement."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def first_look(self, *, now: datetime) -> Look:
        with self._connected() as connection:
            row = connection.execute(query(_SUBJECT, "first_look")).fetchone()
        assert row is not None  # noqa: S101 - it asks no table
        return Look(row["seen"], now, {})

    def look(self, worker: str, since: Look, *, now: datetime) -> Look:
        asked = {"seen": since.seen, "since": since.at, "now": now}
        unwanted: dict[int, SendResult] = {}
        with self._connected() as connection:
            row = connection.execute(query(_SUBJECT, "look_for_marks"), asked, prepare=True).fetchone()
            assert row is not None  # noqa: S101 - it always has one row
            if row["is_changed"]:
                connection.execute(query("ledger/claims", "keep_to_indexes"))
                values = {"worker": worker, "now": now}
                rows = connection.execute(query(_SUBJECT, "unwanted_sends"), values, prepare=True)
                unwanted = {row["send_id"]: _result_of(row) for row in rows}
        return Look(row["seen"], now, unwanted)

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[DictRow]]:
        """A transaction. Raises `DatabaseUnavailable` where the connection breaks, too."""
        try:
            with self._database.transaction() as connection:
                yield connection
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable("The connection to Postgres broke; the next look opens another.") from error

    def sends_in_hand(self, hands: Hands, *, as_of: datetime) -> int:
        with self._database.transaction() as connection:
            row = connection.execute(query(_SUBJECT, "sends_in_hand"), asdict(hands) | {"as_of": as_of}).fetchone()
        return int(row["sends"]) if row else 0


def _result_of(row: DictRow) -> SendResult:
    return SendResult(row["send_id"], Outcome(row["outcome"]), code=row["code"])

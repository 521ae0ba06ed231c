"""The outbox of wishes in Postgres, and bringing a ledger back to the last word about everybody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import DictRow

from leadmill.adapters.ledger.database import Database
from leadmill.adapters.ledger.people import empty, withdraw
from leadmill.adapters.ledger.retrying import in_transaction
from leadmill.domain.identity import hash_pads
from leadmill.domain.wishes import Wish, Word
from leadmill.ports.wishes import Reapplied, StoppedSubject, WishLog
from leadmill.sql import query

WISHES_AN_OBJECT = 50_000
"""About 12 MB of lines; a day without imports has one small object a minute at most."""

_SUBJECT = "ledger/wishes"
_Connection = psycopg.Connection[DictRow]
_COLUMNS = ("place", "word", "who", "inbox", "reason", "what", "which", "status", "until", "at")
# COPY and TRUNCATE cannot be prepared, so they stand here and not among the tested statements.
_COPY = sql.SQL("copy ledger.incoming_wishes ({}) from stdin").format(
    sql.SQL(", ").join(sql.Identifier(name) for name in _COLUMNS)
)
_EMPTY = "truncate ledger.incoming_wishes"
_COUNT = "analyze ledger.incoming_wishes"


class LedgerWishes:
    """Implements `ports.wishes.WishLedger`."""

    def __init__(self, database: Database, *, key: bytes) -> None:
        """`key` is the secret of the keyed hashes."""
        self._database = database
        inner, outer = hash_pads(key)
        self._pads = {"inner_pad": inner, "outer_pad": outer}

    def hand_on(self, log: WishLog, *, wait: bool = False) -> int:
        with self._database.transaction() as connection:
            turn = connection.execute(query(_SUBJECT, "wait_for_turn" if wait else "take_turns")).fetchone()
            if turn is None or not turn["is_mine"]:
                return 0
            values = {**self._pads, "row_limit": WISHES_AN_OBJECT}
            rows = connection.execute(query(_SUBJECT, "take_wishes"), values).fetchall()
            wishes = [wish for row in rows if (wish := _wish_of(row)) is not None]
            if wishes:  # what was deleted meanwhile has no name to remember it by
                self._append(connection, log, wishes)
        return len(rows)

    def _append(self, connection: _Connection, log: WishLog, wishes: Sequence[Wish]) -> None:
        """Append, and remember how far the log is known: not past what lies there and this ledger never read."""
        said = connection.execute(query(_SUBJECT, "time_of_next_object")).fetchone()
        assert said is not None  # noqa: S101 - it is one row
        is_current = log.latest(after=said["through"]) is None
        log.append(wishes, said["at"])
        if is_current:
            connection.execute(query(_SUBJECT, "note_read"), {"through": said["at"]})

    def logged_through(self) -> datetime | None:
        with self._database.transaction() as connection:
            row = connection.execute(query(_SUBJECT, "time_of_next_object")).fetchone()
        return row["through"] if row else None

    def note_read(self, through: datetime) -> None:
        with self._database.transaction() as connection:
            connection.execute(query(_SUBJECT, "note_read"), {"through": through})

    def wait_longer_than(self, time: timedelta) -> bool:
        with self._database.transaction() as connection:
            row = connection.execute(query(_SUBJECT, "waiting_wishes"), {"time": time}).fetchone()
        return bool(row and row["is_late"])

    def reapply(self, wishes: Iterable[Wish], *, as_of: datetime) -> Reapplied:
        said = list(wishes)
        return in_transaction(self._database, lambda connection: self._reapply(connection, said, as_of))

    def _reapply(self, connection: _Connection, wishes: Sequence[Wish], as_of: datetime) -> Reapplied:
        connection.execute(query(_SUBJECT, "begin_reapplying"))
        # No import may be between its look at the suppressions and its writing of leads.
        connection.execute(query("ledger/lead_files", "lock_leads"))
        connection.execute(_EMPTY)
        with connection.cursor().copy(_COPY) as rows:
            for place, wish in enumerate(wishes):
                rows.write_row(_row_of(place, wish))
        connection.execute(_COUNT)
        connection.execute(query(_SUBJECT, "remember_lifts"))
        lifted = connection.execute(query(_SUBJECT, "lift_again")).rowcount
        suppressed = connection.execute(query(_SUBJECT, "suppress_again")).rowcount
        erased = _erase_again(connection, as_of)
        suppressed += connection.execute(query(_SUBJECT, "suppress_aliases"), self._pads).rowcount
        stopped = connection.execute(query(_SUBJECT, "stopped_subjects"), self._pads).fetchall()
        connection.execute(_EMPTY)
        return Reapplied(suppressed, lifted, erased, [StoppedSubject(**row) for row in stopped])


def _erase_again(connection: _Connection, as_of: datetime) -> int:
    """Leave the tombstones and empty the leads that an older copy still holds; how many people that changed."""
    erased = connection.execute(query(_SUBJECT, "leave_tombstones")).rowcount
    leads = [row["lead_id"] for row in connection.execute(query(_SUBJECT, "leads_to_erase"))]
    for lead_id in leads:
        withdraw(connection, lead_id, cause="erased", as_of=as_of)
        empty(connection, lead_id, as_of)
    return max(erased, len(leads))


def _wish_of(row: Mapping[str, Any]) -> Wish | None:
    word = Word(row["word"])
    if word is Word.STATUS and row["which"] is None:
        return None
    known: dict[str, Any] = {name: row[name] for name in ("reason", "what", "status", "until", "at", "noted_at")}
    for name in ("who", "inbox", "which"):
        known[name] = None if row[name] is None else bytes(row[name])
    return Wish(word=word, **known)


def _row_of(place: int, wish: Wish) -> tuple[Any, ...]:
    """The columns of `ledger.incoming_wishes`."""
    return (place, wish.word.value, *(getattr(wish, name) for name in _COLUMNS[2:]))

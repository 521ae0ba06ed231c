"""Running a transaction again when Postgres broke a deadlock by rolling it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import psycopg
from psycopg.rows import DictRow

from leadmill.adapters.ledger.database import Database
from leadmill.errors import DatabaseUnavailable

T = TypeVar("T")
_ATTEMPTS = 5


def in_transaction(database: Database, work: Callable[[psycopg.Connection[DictRow]], T]) -> T:
    """What `work` returns, run in one transaction; again from the start if it was the victim of a deadlock.

    Our own transactions lock in one order. Others (a person's bulk edit, a projection) may not.

    Raises:
        DatabaseUnavailable: The connection broke, or five attempts met a deadlock; nothing was committed, unless the
            connection broke within the commit itself.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with database.transaction() as connection:
                return work(connection)
        except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure) as error:
            if attempt == _ATTEMPTS:
                raise DatabaseUnavailable("Postgres broke the transaction five times over; try again.") from error
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable("The connection to Postgres broke; check the server and try again.") from error
    raise AssertionError("unreachable")  # pragma: no cover

"""Pooled connections to the ledger (psycopg 3)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from leadmill.errors import DatabaseUnavailable

_TIMEOUT_SECONDS = 30.0


class Database:
    """A lazily opened pool; rows come back as dicts, timestamps aware and in UTC."""

    def __init__(self, url: str, *, max_size: int = 8) -> None:
        self.url = url
        self._pool: ConnectionPool[psycopg.Connection[DictRow]] = ConnectionPool(
            url,
            connection_class=psycopg.Connection[DictRow],
            min_size=0,
            max_size=max_size,
            open=False,
            timeout=_TIMEOUT_SECONDS,
            kwargs={"row_factory": dict_row, "options": "-c timezone=UTC", "application_name": "leadmill"},
        )

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection[DictRow]]:
        """One transaction: committed at the end of the block, rolled back when it raises.

        Raises:
            DatabaseUnavailable: Postgres did not answer within 30 seconds.
        """
        self._pool.open()
        try:
            with self._pool.connection() as connection, connection.transaction():
                yield connection
        except PoolTimeout as error:
            raise DatabaseUnavailable("Postgres did not answer; check LEADMILL_DATABASE_URL.") from error

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

"""Counts of unknown replies in Postgres: `ports.replies.ReplyCounts`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from leadmill.adapters.ledger.database import Database
from leadmill.ports.replies import UnknownReply
from leadmill.sql import query

_SUBJECT = "ledger/replies"


class LedgerReplyCounts:
    """One row a provider and code."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count_unknown(self, provider: str, replies_by_code: Mapping[str, int], *, now: datetime) -> None:
        if not replies_by_code:
            return
        with self._database.transaction() as connection:
            connection.execute(
                query(_SUBJECT, "count_unknown_replies"),
                {
                    "provider": provider,
                    "codes": list(replies_by_code),
                    "replies": list(replies_by_code.values()),
                    "now": now,
                },
            )

    def unknown_replies(self, *, limit: int) -> list[UnknownReply]:
        with self._database.transaction() as connection:
            rows = connection.execute(query(_SUBJECT, "unknown_replies"), {"row_limit": limit})
            return [UnknownReply(**row) for row in rows]

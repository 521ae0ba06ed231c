"""What providers allow their accounts, in Postgres: `ports.provider_limits.LimitLedger`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from leadmill.adapters.ledger.database import Database
from leadmill.ports.provider_limits import AccountToRead, ProviderLimits
from leadmill.sql import query

_SUBJECT = "ledger/provider_limits"


class LedgerProviderLimits:
    """Each call is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due_for_reading(
        self, lane: str, providers: Collection[str], *, read_before: datetime, as_of: datetime
    ) -> AccountToRead | None:
        values = {"lane": lane, "providers": list(providers), "read_before": read_before, "as_of": as_of}
        with self._database.transaction() as connection:
            row = connection.execute(query(_SUBJECT, "account_due_for_reading"), values).fetchone()
        return AccountToRead(**row) if row else None

    def is_released_from(self, lane: str, status: str) -> bool:
        with self._database.transaction() as connection:
            row = connection.execute(query(_SUBJECT, "is_released_from"), {"lane": lane, "status": status}).fetchone()
        return bool(row and row["is_released"])

    def save_limits(self, lane: str, limits: ProviderLimits) -> None:
        values = {
            "lane": lane,
            "daily_limit": limits.daily_limit,
            "max_per_second": limits.max_per_second,
            "sent_24h": limits.sent_24h,
            "status": limits.status,
        }
        with self._database.transaction() as connection:
            connection.execute(query(_SUBJECT, "save_provider_limits"), values)

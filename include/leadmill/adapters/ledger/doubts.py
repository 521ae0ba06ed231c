"""Ambiguous sends for people, in Postgres: `ports.doubts.DoubtLedger`."""

from __future__ import annotations

from datetime import datetime

from leadmill.adapters.ledger.database import Database
from leadmill.domain.doubts import Doubt, Surroundings
from leadmill.sql import query

_SUBJECT = "ledger/doubts"


class LedgerDoubts:
    """Reads only; decisions go the way of every other settlement (`ports.dispatch.SendLedger`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def doubts(self, *, campaign_id: int | None, limit: int) -> list[Doubt]:
        values = {"campaign_id": campaign_id, "row_limit": limit}
        with self._database.transaction() as connection:
            return [Doubt(**row) for row in connection.execute(query(_SUBJECT, "doubts_of_people"), values)]

    def around(self, lane: str, *, since: datetime, until: datetime) -> Surroundings:
        values = {"lane": lane, "since": since, "until": until}
        with self._database.transaction() as connection:
            row = connection.execute(query(_SUBJECT, "taken_around"), values).fetchone()
        return Surroundings(**row) if row else Surroundings()

"""History for simulations, from Postgres: `ports.simulation.SimulationHistory`."""

from __future__ import annotations

from datetime import date

from psycopg.types.json import Jsonb

from leadmill.adapters.ledger.database import Database
from leadmill.errors import NotFound
from leadmill.ports.simulation import CampaignToSimulate, PoolHistory
from leadmill.sql import query

_SUBJECT = "ledger/simulation"


class LedgerSimulationHistory:
    """Reads only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pool_history(self, pool: str, *, since: date) -> PoolHistory:
        with self._database.transaction() as connection:
            row = connection.execute(query(_SUBJECT, "pool_history"), {"pool": pool, "since": since}).fetchone()
        if row is None:
            raise NotFound(f"There is no pool {pool!r}.")
        return PoolHistory(row["mails"], row["bounced"], row["complained"], row["blocked"], row["replied"])

    def campaign(self, campaign_id: int) -> CampaignToSimulate:
        key = {"campaign_id": campaign_id}
        with self._database.transaction() as connection:
            row = connection.execute(query(_SUBJECT, "campaign_to_simulate"), key).fetchone()
            if row is None:
                raise NotFound(f"There is no campaign {campaign_id}.")
            if row["is_planned"]:
                groups = connection.execute(query(_SUBJECT, "recipients_to_come"), key).fetchall()
            else:
                audience = {"segment": Jsonb(row["segment"]), "accepts": row["accepts_legal_bases"]}
                groups = connection.execute(query(_SUBJECT, "audience_to_come"), audience).fetchall()
        return CampaignToSimulate(
            pool=row["pool"],
            recipients=sum(group["recipients"] for group in groups),
            families={group["family"]: group["recipients"] for group in groups if group["family"]},
            hourly_limits={group["family"]: group["hourly_limit"] for group in groups if group["family"]},
            steps=row["steps"],
            step_delay_days=row["step_delay_days"],
        )

"""Plans as rows: audiences become sends, one statement a campaign; upkeep over all of them."""

from __future__ import annotations

from datetime import datetime

import psycopg
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from leadmill.adapters.ledger.audit import record_audit
from leadmill.adapters.ledger.database import Database
from leadmill.domain.access import SYSTEM
from leadmill.domain.campaigns import CampaignStatus
from leadmill.domain.send_days import MISSES_TO_ANY_HOUR
from leadmill.domain.send_time import WINDOW_HOURS
from leadmill.domain.spread import FASTEST_DAY
from leadmill.errors import NotFound
from leadmill.ports.plans import PlanOutcome, Upkeep
from leadmill.sql import query

_SUBJECT = "ledger/plan"
_BULK_ROWS = 1_000
"""From here on the planner needs fresh statistics at once: with stale ones, 180,000 new rows made upkeep quadratic."""


class PostgresPlan:
    """The campaign's row lock makes planning happen once; `sends_once` would even if it were not held."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def awaiting_plan(self) -> list[int]:
        with self._database.transaction() as connection:
            return [row["campaign_id"] for row in connection.execute(query(_SUBJECT, "awaiting_plan"))]

    def plan(self, campaign_id: int, *, as_of: datetime) -> PlanOutcome:
        with self._database.transaction() as connection:
            locked = connection.execute(
                query(_SUBJECT, "lock_approved"), {"campaign_id": campaign_id, "as_of": as_of}
            ).fetchone()
            if locked is None:
                return _outcome_without_plan(connection, campaign_id)
            connection.execute("set local work_mem = '128MB'")  # sorts and hashes of a million leads stay in memory
            counts = _insert_sends(connection, locked, as_of)
            if counts["rows_created"] >= _BULK_ROWS:
                connection.execute("analyze ledger.sends")
            values = {"campaign_id": campaign_id, "as_of": as_of, "audience_count": counts["audience_count"]}
            connection.execute(query(_SUBJECT, "mark_planned"), values | {"left_out": Jsonb(counts["left_out"])})
            record_audit(connection, SYSTEM, "campaign.plan", ("campaign", campaign_id), at=as_of, details=dict(counts))
        return PlanOutcome(campaign_id, CampaignStatus.RUNNING, planned_now=True, **counts)

    def upkeep(self, *, as_of: datetime) -> Upkeep:
        return Upkeep(
            suppressed=self._count("suppress_planned", as_of) + self._withdraw_against_rules(as_of),
            released=self._release_missed(as_of),
            expired=self._count("expire_planned", as_of),
            orphaned=self._orphans(as_of),
            rolled=self._count("roll_windows", as_of, misses_to_any_hour=MISSES_TO_ANY_HOUR),
            finished=self._count("finish_campaigns", as_of),
        )

    def _count(self, name: str, as_of: datetime, **values: int) -> int:
        with self._database.transaction() as connection:
            return connection.execute(query(_SUBJECT, name), {"as_of": as_of, **values}).rowcount

    def _withdraw_against_rules(self, as_of: datetime) -> int:
        """A lead's country or legal basis may have changed since the plan; claiming does not look again."""
        with self._database.transaction() as connection:
            return connection.execute(
                query("ledger/country_rules", "withdraw_against_rules"), {"as_of": as_of}
            ).rowcount

    def _release_missed(self, as_of: datetime) -> int:
        with self._database.transaction() as connection:
            missed = [row["send_id"] for row in connection.execute(query(_SUBJECT, "missed_releases"))]
            values = {"send_ids": missed, "as_of": as_of}
            return connection.execute(query("ledger/follow_ups", "release_follow_ups"), values).rowcount

    def _orphans(self, as_of: datetime) -> int:
        """A cancelled step orphans the one behind it: go on until a round finds none."""
        total = 0
        while found := self._count("cancel_orphans", as_of):
            total += found
        return total


def _outcome_without_plan(connection: psycopg.Connection[DictRow], campaign_id: int) -> PlanOutcome:
    values = {"campaign_id": campaign_id}
    row = connection.execute(query("ledger/campaigns", "campaign_detail"), values).fetchone()
    if row is None:
        raise NotFound(f"There is no campaign {campaign_id} to plan.")
    return PlanOutcome(
        campaign_id,
        CampaignStatus(row["status"]),
        audience_count=row["audience_count"],
        left_out=row["left_out"],
    )


def _insert_sends(connection: psycopg.Connection[DictRow], locked: DictRow, as_of: datetime) -> DictRow:
    values = {
        "campaign_id": locked["campaign_id"],
        "segment": Jsonb(locked["segment"]),
        "accepts": locked["accepts_legal_bases"],
        "seed": locked["seed"],
        "earliest": locked["earliest"],
        "hours_a_day": FASTEST_DAY.total_seconds() / 3600,
        "most_hours": WINDOW_HOURS,
        "as_of": as_of,
    }
    counts = connection.execute(query(_SUBJECT, "plan_sends"), values).fetchone()
    if counts is None:
        raise NotFound(f"Planning campaign {locked['campaign_id']} returned no counts; plan it again.")
    return counts

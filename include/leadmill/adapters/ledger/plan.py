"""Plans as rows: audiences become sends, one statement a campaign; upkeep over all of them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import psycopg
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from leadmill.adapters.ledger.audit import record_audit
from leadmill.adapters.ledger.contacts import end_elsewhere, share_leads
from leadmill.adapters.ledger.database import Database
from leadmill.domain.access import SYSTEM
from leadmill.domain.campaigns import CampaignStatus
from leadmill.domain.contact_rules import DAYS_APART, ContactBounds, ContactRules
from leadmill.domain.send_days import MISSES_TO_ANY_HOUR
from leadmill.domain.send_time import WINDOW_HOURS
from leadmill.domain.spread import FASTEST_DAY
from leadmill.errors import NotFound
from leadmill.ports.plans import PlanOutcome, Upkeep
from leadmill.sql import query

_SUBJECT = "ledger/plan"
_CONTACTS = "ledger/contacts"
_BULK_ROWS = 1_000
"""From here on the planner needs fresh statistics at once: with stale ones, 180,000 new rows made upkeep quadratic."""


class PostgresPlan:
    """The campaign's row lock makes planning happen once; `sends_once` would even if it were not held."""

    def __init__(self, database: Database, *, usual_days_apart: int = DAYS_APART) -> None:
        """`usual_days_apart`: days between two campaigns' mails to a person where a campaign says nothing else."""
        self._database = database
        self._usual_days_apart = usual_days_apart

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
            connection.execute(query(_CONTACTS, "lock_planning"))
            rules = _contact_rules(locked, self._usual_days_apart)
            bounds = rules.bounds(usual_days_apart=self._usual_days_apart, as_of=as_of)
            counts = _insert_sends(connection, locked, bounds, as_of)
            if counts["rows_created"] >= _BULK_ROWS:
                connection.execute("analyze ledger.sends")
            values = {"campaign_id": campaign_id, "as_of": as_of, "audience_count": counts["audience_count"]}
            values |= {"left_out": Jsonb(counts["left_out"]), "days_apart": rules.days_apart}
            connection.execute(query(_SUBJECT, "mark_planned"), values)
            record_audit(connection, SYSTEM, "campaign.plan", ("campaign", campaign_id), at=as_of, details=dict(counts))
            share_leads(connection, campaign_id, days_apart=rules.days_apart or 0, as_of=as_of)  # last of all
        return PlanOutcome(campaign_id, CampaignStatus.RUNNING, planned_now=True, **counts)

    def upkeep(self, *, as_of: datetime) -> Upkeep:
        return Upkeep(
            suppressed=self._count("suppress_planned", as_of) + self._withdraw_against_rules(as_of),
            released=self._release_missed(as_of),
            expired=self._count("expire_planned", as_of),
            orphaned=self._end_elsewhere(as_of) + self._orphans(as_of),
            rolled=self._count("roll_windows", as_of, misses_to_any_hour=MISSES_TO_ANY_HOUR),
            finished=self._finish(as_of),
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

    def _end_elsewhere(self, as_of: datetime) -> int:
        """Answers to other campaigns that came while a plan or a claim ran."""
        with self._database.transaction() as connection:
            found = connection.execute(query(_CONTACTS, "repliers_with_mail_to_come")).fetchall()
            return end_elsewhere(connection, {row["send_id"]: row["replied_at"] for row in found}, as_of=as_of)

    def _finish(self, as_of: datetime) -> int:
        """Finish what has no open send, and forget whom only such shared; not while a plan shares them again."""
        with self._database.transaction() as connection:
            connection.execute(query(_CONTACTS, "lock_planning"))
            connection.execute(query(_CONTACTS, "forget_shared"))
        return self._count("finish_campaigns", as_of)

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


def _contact_rules(locked: DictRow, usual_days_apart: int) -> ContactRules:
    """A campaign's own, the installation's days filled in: from here on they are the campaign's."""
    days = usual_days_apart if locked["days_apart"] is None else locked["days_apart"]
    return ContactRules(
        leave_out_replied=locked["leave_out_replied"],
        leave_out_in_sequence=locked["leave_out_in_sequence"],
        days_apart=days,
        ends_on_other_reply=locked["ends_on_other_reply"],
    )


def _insert_sends(
    connection: psycopg.Connection[DictRow], locked: DictRow, bounds: ContactBounds, as_of: datetime
) -> DictRow:
    values = {
        "campaign_id": locked["campaign_id"],
        "segment": Jsonb(locked["segment"]),
        "accepts": locked["accepts_legal_bases"],
        "seed": locked["seed"],
        "earliest": locked["earliest"],
        "hours_a_day": FASTEST_DAY.total_seconds() / 3600,
        "most_hours": WINDOW_HOURS,
        "as_of": as_of,
    } | asdict(bounds)
    counts = connection.execute(query(_SUBJECT, "plan_sends"), values).fetchone()
    if counts is None:
        raise NotFound(f"Planning campaign {locked['campaign_id']} returned no counts; plan it again.")
    return counts

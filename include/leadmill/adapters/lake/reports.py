"""`ports.reports` over DuckDB, which joins the lake's events to the ledger's sends in one statement."""

from __future__ import annotations

from datetime import datetime

from leadmill.adapters.lake.duck import Lake
from leadmill.adapters.ledger.database import Database
from leadmill.ports.reports import Outcomes, Overview, ReportScope
from leadmill.sql import query


class LakeReports:
    """Aggregates over ledger and lake; reads the newest snapshot, so it never waits for a DAG that writes."""

    def __init__(self, lake: Lake, database: Database) -> None:
        self._lake = lake
        self._database = database

    def overview(self, scope: ReportScope) -> Overview:
        with self._lake.reader() as duck:
            rows = duck.execute(
                query("lake/reports", "outcomes_of_accepted_mails"),
                {
                    "start": scope.start,
                    "end": scope.end,
                    "campaign_id": scope.campaign_id,
                    "bucket_hours": scope.bucket_hours,
                },
            ).fetchall()
        with self._database.transaction() as ledger:
            counted = ledger.execute(query("ledger/reports", "sends_by_state"), {"campaign_id": scope.campaign_id})
            states = {row["state"]: row["sends"] for row in counted}
        over_time: dict[datetime, Outcomes] = {}
        by_domain: dict[str, Outcomes] = {}
        for bucket, domain, *counts in rows:
            outcomes = Outcomes(*counts)
            over_time[bucket] = over_time.get(bucket, Outcomes()) + outcomes
            by_domain[domain] = by_domain.get(domain, Outcomes()) + outcomes
        return Overview(scope.bucket_hours, sorted(over_time.items()), by_domain, states)

"""`ports.reports` over DuckDB, which joins the lake's events to the ledger's sends in one statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from leadmill.adapters.lake.duck import Lake
from leadmill.adapters.ledger.database import Database
from leadmill.domain.outcomes import Outcomes
from leadmill.ports.reports import Overview, ReportScope
from leadmill.sql import query

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class _Group:
    """One line of the statement."""

    campaign_id: int
    variant_id: int
    domain: str
    bucket: datetime
    outcomes: Outcomes


class LakeReports:
    """Aggregates over ledger and lake; reads the newest snapshot, so it never waits for a DAG that writes."""

    def __init__(self, lake: Lake, database: Database) -> None:
        self._lake = lake
        self._database = database

    def overview(self, scope: ReportScope) -> Overview:
        groups = self._groups(scope.start, scope.end, scope.campaign_id, scope.bucket_hours)
        with self._database.transaction() as ledger:
            counted = ledger.execute(query("ledger/reports", "sends_by_state"), {"campaign_id": scope.campaign_id})
            states = {row["state"]: row["sends"] for row in counted}
        over_time = _summed([(group.bucket, group.outcomes) for group in groups])
        by_domain = _summed([(group.domain, group.outcomes) for group in groups])
        return Overview(scope.bucket_hours, sorted(over_time.items()), by_domain, states)

    def by_campaign(self) -> Mapping[int, Outcomes]:
        return _summed([(group.campaign_id, group.outcomes) for group in self._groups()])

    def by_variant(self, campaign_id: int) -> Mapping[int, Outcomes]:
        return _summed([(group.variant_id, group.outcomes) for group in self._groups(campaign_id=campaign_id)])

    def _groups(
        self,
        start: datetime | None = None,
        end: datetime | None = None,
        campaign_id: int | None = None,
        bucket_hours: int = 24,
    ) -> list[_Group]:
        asked = {"start": start, "end": end, "campaign_id": campaign_id, "bucket_hours": bucket_hours}
        with self._lake.reader() as duck:
            rows = duck.execute(query("lake/reports", "mail_outcomes"), asked).fetchall()
        return [
            _Group(campaign, variant, domain, bucket, Outcomes(*counts))
            for campaign, variant, domain, bucket, *counts in rows
        ]


def _summed(parts: list[tuple[Key, Outcomes]]) -> dict[Key, Outcomes]:
    total: dict[Key, Outcomes] = {}
    for key, outcomes in parts:
        total[key] = total.get(key, Outcomes()) + outcomes
    return total

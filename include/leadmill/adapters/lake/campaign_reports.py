"""`ports.campaign_reports` over DuckDB, which joins the lake's events to the ledger's sends in one statement."""

from __future__ import annotations

from leadmill.adapters.lake.duck import Lake
from leadmill.ports.reports import Outcomes
from leadmill.sql import query


class LakeCampaignReports:
    """Outcomes by campaign and by variant; reads the newest snapshot, so it never waits for a DAG that writes."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def by_campaign(self) -> dict[int, Outcomes]:
        with self._lake.reader() as duck:
            rows = duck.execute(query("lake/campaign_reports", "outcomes_by_campaign")).fetchall()
        return {campaign_id: Outcomes(*counts) for campaign_id, *counts in rows}

    def by_variant(self, campaign_id: int) -> dict[int, Outcomes]:
        with self._lake.reader() as duck:
            rows = duck.execute(
                query("lake/campaign_reports", "outcomes_by_variant"), {"campaign_id": campaign_id}
            ).fetchall()
        return {variant_id: Outcomes(*counts) for variant_id, *counts in rows}

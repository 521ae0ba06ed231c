"""What dashboards read."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from leadmill.bootstrap.core import Core
from leadmill.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from leadmill.domain.outcomes import Outcomes
from leadmill.ports.reports import Overview, Reports, ReportScope


class Reporting(Core):
    """What dashboards read."""

    @cached_property
    def _reports(self) -> Reports:
        from leadmill.adapters.lake.reports import LakeReports

        return LakeReports(self.lake, self.database)

    def ledger_answers(self) -> bool:
        """Whether the ledger can be reached now."""
        import psycopg

        try:
            with self.database.transaction() as connection:
                return connection.execute("select 1").fetchone() is not None
        except (DatabaseUnavailable, psycopg.OperationalError):
            return False

    def overview(self, scope: ReportScope) -> Overview:
        """What was sent in a period and what came back, people and machines apart."""
        return self._reports.overview(scope)

    def campaign_outcomes(self) -> Mapping[int, Outcomes]:
        """What became of each campaign's mails, by campaign id; those that never sent are absent."""
        return self._reports.by_campaign()

    def variant_outcomes(self, campaign_id: int) -> Mapping[int, Outcomes]:
        """What became of one campaign's mails, by variant id; those that never sent are absent."""
        return self._reports.by_variant(campaign_id)

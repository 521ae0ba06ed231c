"""What the overview reads: counts only, no person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from leadmill.domain.outcomes import Outcomes


@dataclass(frozen=True, slots=True)
class Overview:
    """One period of one campaign, or of all.

    `over_time` holds the outcomes of the mails sent in each bucket of `bucket_hours`, oldest first (aware UTC).
    `by_domain` is by sending domain. `states` counts every send of the campaigns, whenever it was, by state.
    """

    bucket_hours: int
    over_time: Sequence[tuple[datetime, Outcomes]]
    by_domain: Mapping[str, Outcomes]
    states: Mapping[str, int]

    @property
    def total(self) -> Outcomes:
        """All of the period together."""
        return sum((outcomes for _, outcomes in self.over_time), Outcomes())


@dataclass(frozen=True, slots=True)
class ReportScope:
    """What is asked for: mails sent in [start, end), aware UTC, of one campaign or (None) of all."""

    start: datetime
    end: datetime
    campaign_id: int | None = None
    bucket_hours: int = 24


class Reports(Protocol):
    """Aggregates over ledger and lake."""

    def overview(self, scope: ReportScope) -> Overview:
        """What was sent and what came back."""
        ...

    def by_campaign(self) -> Mapping[int, Outcomes]:
        """Outcomes of all time by campaign id; campaigns without a mail that was tried are absent."""
        ...

    def by_variant(self, campaign_id: int) -> Mapping[int, Outcomes]:
        """Outcomes of one campaign by variant id; variants without a mail that was tried are absent."""
        ...

"""Planning campaigns, as the ledger does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from leadmill.domain.campaigns import CampaignStatus


@dataclass(frozen=True, slots=True)
class PlanOutcome:
    """What planning one campaign did; counts only. `planned_now`: by this call, not by an earlier one."""

    campaign_id: int
    status: CampaignStatus
    planned_now: bool = False
    audience_count: int = 0
    rows_created: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What a round of upkeep over all campaigns changed; counts of sends, but `finished` of campaigns."""

    released: int = 0
    suppressed: int = 0
    orphaned: int = 0
    expired: int = 0
    rolled: int = 0
    finished: int = 0


class PlanLedger(Protocol):
    """Turning audiences into send rows, set by set."""

    def awaiting_plan(self) -> list[int]:
        """Ids of approved campaigns."""
        ...

    def plan(self, campaign_id: int, *, as_of: datetime) -> PlanOutcome:
        """Make one approved campaign's rows and set it running; safe to run twice and at the same time as itself."""
        ...

    def upkeep(self, *, as_of: datetime) -> Upkeep:
        """Suppress, release, expire and finish what time and events made due."""
        ...

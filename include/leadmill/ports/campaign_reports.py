"""What became of campaigns' mails, people and machines apart: counts only, no person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from leadmill.ports.reports import Outcomes


class CampaignReports(Protocol):
    """Outcomes of every mail that a provider accepted, whenever it was."""

    def by_campaign(self) -> Mapping[int, Outcomes]:
        """Outcomes by campaign id; campaigns without an accepted mail are absent."""
        ...

    def by_variant(self, campaign_id: int) -> Mapping[int, Outcomes]:
        """Outcomes of one campaign by variant id; variants without an accepted mail are absent."""
        ...

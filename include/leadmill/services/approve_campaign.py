"""Approve a campaign: from here on it is planned and sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from leadmill.domain.access import Actor, Role
from leadmill.domain.campaigns import CampaignStatus
from leadmill.errors import Conflict
from leadmill.ports.campaigns import CampaignDetail, CampaignLedger, Check


def approve_campaign(
    actor: Actor,
    campaign_id: int,
    *,
    campaigns: CampaignLedger,
    checks: Callable[[CampaignDetail], list[Check]],
    as_of: datetime,
) -> None:
    """Approve what the pre-flight checks have seen, and nothing that was changed after them.

    Raises:
        NotFound: No such campaign.
        Conflict: It is no draft, a check found an error, or somebody changed it meanwhile.
    """
    actor.require(Role.ANALYST, to="approve a campaign")
    campaign = campaigns.detail(campaign_id)
    if campaign.status is not CampaignStatus.DRAFT:
        raise Conflict(f"Campaign {campaign_id} is {campaign.status.value}; only a draft can be approved.")
    if errors := [check for check in checks(campaign) if check.result == "error"]:
        reasons = " ".join(f"{check.message} {check.advice}".strip() for check in errors)
        raise Conflict(f"Campaign {campaign_id} cannot be approved. {reasons}")
    campaigns.change_status(actor, campaign_id, CampaignStatus.APPROVED, as_of=as_of, loaded_at=campaign.updated_at)

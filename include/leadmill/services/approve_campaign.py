"""Approve a campaign: from here on it is planned and sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from leadmill.domain.access import Actor, Role
from leadmill.domain.campaigns import CampaignStatus
from leadmill.domain.quantities import counted
from leadmill.errors import Conflict
from leadmill.ports.campaigns import CampaignDetail, CampaignLedger, Check


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody who approves had before their eyes: how many people, and which state of the draft."""

    people: int
    updated_at: datetime


def approve_campaign(
    actor: Actor,
    campaign_id: int,
    *,
    campaigns: CampaignLedger,
    checks: Callable[[CampaignDetail], list[Check]],
    as_of: datetime,
    seen: Seen | None = None,
) -> None:
    """Approve what the pre-flight checks have seen, and nothing that was changed after them.

    Args:
        actor: Who approves; needs the role analyst.
        campaign_id: Which.
        campaigns: Where it is kept.
        checks: The pre-flight.
        as_of: Now, aware UTC.
        seen: What the person was shown and said yes to; None where nobody was shown anything (a system's call).

    Raises:
        NotFound: No such campaign.
        Conflict: It is no draft, a check found an error, somebody changed it meanwhile, or it is not what was shown.
    """
    actor.require(Role.ANALYST, to="approve a campaign")
    campaign = campaigns.detail(campaign_id)
    if campaign.status is not CampaignStatus.DRAFT:
        raise Conflict(f"“{campaign.draft.name}” is {campaign.status.value}; only a draft can be approved.")
    if seen is not None and seen.updated_at != campaign.updated_at:
        raise Conflict("Somebody changed the campaign since you looked; look at the check again.")
    found = checks(campaign)
    if errors := [check for check in found if check.result == "error"]:
        reasons = " ".join(f"{check.message} {check.advice}".strip() for check in errors)
        raise Conflict(f"“{campaign.draft.name}” cannot be approved. {reasons}")
    people = next((check.count for check in found if check.name == "audience"), None)
    if seen is not None and people != seen.people:
        raise Conflict(
            f"{counted(people or 0, 'person', 'people')} would be mailed now, not {seen.people:,} as you were shown: "
            "leads were added or left meanwhile. Look at the check again."
        )
    campaigns.change_status(actor, campaign_id, CampaignStatus.APPROVED, as_of=as_of, loaded_at=campaign.updated_at)

"""Make a new draft of an existing campaign."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from leadmill.domain.access import Actor, Role
from leadmill.domain.campaigns import NAME_LIMIT
from leadmill.ports.campaigns import CampaignLedger

_SUFFIX = " (copy)"


def copy_campaign(actor: Actor, campaign_id: int, *, campaigns: CampaignLedger, seed: int, as_of: datetime) -> int:
    """Copy content, segment and timing to a new draft and return its id; the schedule's dates stay behind.

    Raises:
        NotFound: No such campaign.
    """
    actor.require(Role.ANALYST, to="copy a campaign")
    draft = campaigns.detail(campaign_id).draft
    name = draft.name[: NAME_LIMIT - len(_SUFFIX)] + _SUFFIX
    return campaigns.create(actor, replace(draft, name=name, starts_at=None, ends_at=None), seed=seed, as_of=as_of)

"""Change a draft."""

from __future__ import annotations

from datetime import datetime

from leadmill.domain.access import Actor, Role
from leadmill.domain.attachments import AttachmentLimits
from leadmill.domain.campaigns import CampaignDraft
from leadmill.errors import InputInvalid
from leadmill.ports.campaigns import CampaignLedger
from leadmill.services.attach_files import attachments_problems, require_own_files
from leadmill.services.create_campaign import require_sensible


def edit_campaign(
    actor: Actor,
    campaign_id: int,
    draft: CampaignDraft,
    *,
    campaigns: CampaignLedger,
    limits: AttachmentLimits,
    as_of: datetime,
    loaded_at: datetime | None = None,
) -> None:
    """Put a draft's content anew; `loaded_at` is the `updated_at` that the editor saw.

    Raises:
        InputInvalid: The draft makes no sense, or its attachments are too large together.
        Conflict: The campaign is no draft any more, or somebody else changed it.
    """
    actor.require(Role.ANALYST, to="edit a campaign")
    require_sensible(draft)
    if problems := list(attachments_problems(draft, limits)):
        raise InputInvalid(" ".join(problems))
    require_own_files(draft, campaign_id)
    campaigns.replace(actor, campaign_id, draft, as_of=as_of, loaded_at=loaded_at)

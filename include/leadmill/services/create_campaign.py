"""Keep a new campaign as a draft."""

from __future__ import annotations

from datetime import datetime

from leadmill.domain.access import Actor, Role
from leadmill.domain.campaigns import CampaignDraft
from leadmill.errors import InputInvalid
from leadmill.ports.campaigns import CampaignLedger


def create_campaign(
    actor: Actor, draft: CampaignDraft, *, campaigns: CampaignLedger, seed: int, as_of: datetime
) -> int:
    """Store a draft and return its id.

    Args:
        actor: An analyst or admin.
        draft: May be incomplete, not impossible.
        campaigns: The ledger.
        seed: Decides who gets which variant; any 63-bit number.
        as_of: Now, aware UTC.

    Raises:
        InputInvalid: The draft makes no sense; the message says what to change.
    """
    actor.require(Role.ANALYST, to="create a campaign")
    require_sensible(draft)
    if any(step.attachments for step in draft.steps):
        raise InputInvalid("Files are attached once the campaign is there: create it without them first.")
    return campaigns.create(actor, draft, seed=seed, as_of=as_of)


def require_sensible(draft: CampaignDraft) -> None:
    """Pass where a draft can be kept.

    Raises:
        InputInvalid: It cannot; every reason is in the message.
    """
    if problems := draft.problems():
        raise InputInvalid(" ".join(problems))

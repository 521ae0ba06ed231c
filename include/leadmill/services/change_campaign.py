"""Pause, resume, cancel or delete a campaign, or change its share. Dispatch sees it within two seconds."""

from __future__ import annotations

from datetime import datetime

from leadmill.domain.access import Actor, Role, optional_reason
from leadmill.domain.campaigns import CampaignStatus, weight_problems
from leadmill.errors import Conflict, InputInvalid
from leadmill.ports.campaigns import CampaignLedger
from leadmill.ports.store import ObjectStore
from leadmill.services.attach_files import remove_files


def pause_campaign(
    actor: Actor, campaign_id: int, *, campaigns: CampaignLedger, as_of: datetime, reason: str = ""
) -> None:
    """Stop claiming for it; what is claimed already is taken back and planned again.

    Raises:
        NotFound, Conflict: No such campaign; it neither runs nor waits to.
    """
    actor.require(Role.ANALYST, to="pause a campaign")
    campaigns.change_status(actor, campaign_id, CampaignStatus.PAUSED, as_of=as_of, reason=optional_reason(reason))


def resume_campaign(
    actor: Actor, campaign_id: int, *, campaigns: CampaignLedger, as_of: datetime, reason: str = ""
) -> None:
    """Go on where it stood: run, or wait for the plan where there was none yet.

    Raises:
        NotFound, Conflict: No such campaign; it is not paused.
    """
    actor.require(Role.ANALYST, to="resume a campaign")
    campaign = campaigns.detail(campaign_id)
    if campaign.status is not CampaignStatus.PAUSED:
        raise Conflict(f"“{campaign.draft.name}” is {campaign.status.value}, not paused; reload and look again.")
    status = CampaignStatus.RUNNING if campaign.planned_at else CampaignStatus.APPROVED
    campaigns.change_status(
        actor, campaign_id, status, as_of=as_of, reason=optional_reason(reason), loaded_at=campaign.updated_at
    )


def cancel_campaign(
    actor: Actor, campaign_id: int, *, campaigns: CampaignLedger, as_of: datetime, reason: str = ""
) -> int:
    """End it for good; its planned sends become cancelled. Returns how many.

    Raises:
        NotFound, Conflict: No such campaign; it is over already, or a draft.
    """
    actor.require(Role.ANALYST, to="cancel a campaign")
    return campaigns.change_status(
        actor, campaign_id, CampaignStatus.CANCELLED, as_of=as_of, reason=optional_reason(reason)
    )


def weigh_campaign(
    actor: Actor, campaign_id: int, weight: float, *, campaigns: CampaignLedger, as_of: datetime
) -> None:
    """Give it another share of its pool, also while it runs; 1 is normal.

    Raises:
        InputInvalid: No weight.
        NotFound, Conflict: No such campaign; it is over.
    """
    actor.require(Role.ANALYST, to="change a campaign's weight")
    if problems := weight_problems(weight):
        raise InputInvalid(" ".join(problems))
    campaigns.set_weight(actor, campaign_id, weight, as_of=as_of)


def delete_campaign(
    actor: Actor, campaign_id: int, *, campaigns: CampaignLedger, store: ObjectStore, as_of: datetime
) -> None:
    """Take a draft, or a cancelled campaign that never sent, out of sight; the row stays for the audit log.

    Its attachments leave the store.

    Raises:
        NotFound, Conflict: No such campaign; it has sent mail, or runs.
    """
    actor.require(Role.ANALYST, to="delete a campaign")
    campaigns.change_status(actor, campaign_id, CampaignStatus.DELETED, as_of=as_of)
    remove_files(campaign_id, store)

"""Make a new draft of an existing campaign."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from leadmill.domain.access import Actor, Role
from leadmill.domain.campaigns import NAME_LIMIT
from leadmill.ports.campaigns import CampaignLedger
from leadmill.ports.store import ObjectStore
from leadmill.services.attach_files import with_own_files

_SUFFIX = " (copy)"


def copy_campaign(
    actor: Actor, campaign_id: int, *, campaigns: CampaignLedger, store: ObjectStore, seed: int, as_of: datetime
) -> int:
    """Copy content, files, segment and timing to a new draft and return its id; the schedule's dates stay behind.

    Raises:
        NotFound: No such campaign, or one of its files is gone from the store.
    """
    actor.require(Role.ANALYST, to="copy a campaign")
    draft = campaigns.detail(campaign_id).draft
    name = draft.name[: NAME_LIMIT - len(_SUFFIX)] + _SUFFIX
    copy = replace(draft, name=name, starts_at=None, ends_at=None)
    if not any(step.attachments for step in copy.steps):
        return campaigns.create(actor, copy, seed=seed, as_of=as_of)
    without = replace(copy, steps=tuple(replace(step, attachments=()) for step in copy.steps))
    copied_id = campaigns.create(actor, without, seed=seed, as_of=as_of)
    campaigns.replace(actor, copied_id, with_own_files(copy, copied_id, store), as_of=as_of, loaded_at=None)
    return copied_id

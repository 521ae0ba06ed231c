"""Attach a file to a campaign's mails; files are copied with a campaign and go with a deleted draft."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

from leadmill.domain.access import Actor, Role
from leadmill.domain.attachments import (
    AttachedFile,
    AttachmentLimits,
    content_type_of,
    file_problems,
    mail_problems,
    object_key,
    object_prefix,
)
from leadmill.domain.campaigns import CampaignDraft, CampaignStatus
from leadmill.errors import Conflict, InputInvalid
from leadmill.ports.campaigns import CampaignLedger
from leadmill.ports.store import ObjectStore


def upload_attachment(
    actor: Actor,
    campaign_id: int,
    name: str,
    body: bytes,
    *,
    campaigns: CampaignLedger,
    store: ObjectStore,
    limits: AttachmentLimits,
) -> AttachedFile:
    """Put a file into the store and return the reference to keep in a step of the draft.

    Args:
        actor: An analyst or admin.
        campaign_id: A draft's.
        name: The file's name as recipients see it.
        body: Its bytes.
        campaigns: The ledger.
        store: Where the bytes go, under `attachments/<campaign>/`.
        limits: Bytes of one file and of one mail.

    Raises:
        InputInvalid: Too large, or of a kind that mail filters refuse; every reason is in the message.
        NotFound, Conflict: No such campaign, or it is no draft any more.
    """
    actor.require(Role.ANALYST, to="attach a file")
    campaign = campaigns.detail(campaign_id)
    if campaign.status is not CampaignStatus.DRAFT:
        raise Conflict(f"“{campaign.draft.name}” is approved already; files are attached to drafts.")
    if problems := file_problems(name, body, limits):
        raise InputInvalid(" ".join(problems))
    sha256 = hashlib.sha256(body).hexdigest()
    key = object_key(campaign_id, sha256, name)
    store.write(key, body)
    return AttachedFile(name, content_type_of(name) or "", len(body), sha256, key)


def attachments_problems(draft: CampaignDraft, limits: AttachmentLimits) -> Iterator[str]:
    """Why a draft's files cannot go out as they are, one sentence each."""
    for number, step in enumerate(draft.steps, start=1):
        for problem in mail_problems(step.attachments, limits):
            yield f"Mail {number}: {problem}"


def require_own_files(draft: CampaignDraft, campaign_id: int) -> None:
    """Pass where a draft's files are the campaign's own: a reference may not name any other object of the store.

    Raises:
        InputInvalid: One is not.
    """
    for file in (file for step in draft.steps for file in step.attachments):
        if file.key != object_key(campaign_id, file.sha256, file.name):
            raise InputInvalid(f"The attachment {file.name!r} does not belong to this campaign; upload it here.")


def with_own_files(draft: CampaignDraft, campaign_id: int, store: ObjectStore) -> CampaignDraft:
    """The draft with copies of its files under that campaign, so that either campaign can go without the other's."""

    def own(file: AttachedFile) -> AttachedFile:
        key = object_key(campaign_id, file.sha256, file.name)
        if key != file.key:
            store.write(key, store.read(file.key))
        return replace(file, key=key)

    return replace(
        draft, steps=tuple(replace(step, attachments=tuple(map(own, step.attachments))) for step in draft.steps)
    )


def remove_files(campaign_id: int, store: ObjectStore, *, keep: CampaignDraft | None = None) -> int:
    """Take a campaign's files out of the store, save those that a draft keeps; returns how many went."""
    kept = {file.key for step in keep.steps for file in step.attachments} if keep else set()
    gone = [found.key for found in store.list(object_prefix(campaign_id)) if found.key not in kept]
    for key in gone:
        store.delete(key)
    return len(gone)

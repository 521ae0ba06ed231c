"""Campaigns and their content in the ledger."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from leadmill.adapters.ledger.audit import record_audit
from leadmill.adapters.ledger.campaign_rows import (
    conservation_of,
    days_of,
    detail_of,
    progress_of,
    summary_of,
)
from leadmill.adapters.ledger.database import Database
from leadmill.domain.access import Actor
from leadmill.domain.campaigns import TRANSITIONS, CampaignDraft, CampaignStatus, require_transition
from leadmill.errors import Conflict, InputInvalid, NotFound
from leadmill.ports.campaigns import CampaignDetail, CampaignProgress, CampaignSummary, Conservation
from leadmill.sql import query

_SUBJECT = "ledger/campaigns"


class PostgresCampaigns:
    """Drafts, statuses and counts; every change locks its campaign first and writes the audit log with it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, actor: Actor, draft: CampaignDraft, *, seed: int, as_of: datetime) -> int:
        with self._database.transaction() as connection:
            values = _settings(draft) | {"seed": seed, "created_by": actor.email, "as_of": as_of}
            row = _execute(connection, "insert_campaign", values).fetchone()
            campaign_id = int(row["campaign_id"]) if row else 0
            _insert_steps(connection, campaign_id, draft)
            record_audit(connection, actor, "campaign.create", ("campaign", campaign_id), at=as_of)
        return campaign_id

    def replace(
        self, actor: Actor, campaign_id: int, draft: CampaignDraft, *, as_of: datetime, loaded_at: datetime | None
    ) -> None:
        with self._database.transaction() as connection:
            locked = _lock(connection, campaign_id, loaded_at)
            if locked["status"] != CampaignStatus.DRAFT:
                raise Conflict(f"“{locked['name']}” is {locked['status']}; only drafts can be edited. Copy it.")
            before = detail_of(
                _one(connection, "campaign_detail", campaign_id), _rows(connection, "campaign_variants", campaign_id)
            ).draft
            _execute(connection, "update_draft", _settings(draft) | {"campaign_id": campaign_id, "as_of": as_of})
            connection.execute(query(_SUBJECT, "delete_steps"), {"campaign_id": campaign_id})
            _insert_steps(connection, campaign_id, draft)
            changes = _changes(before, draft)
            record_audit(connection, actor, "campaign.edit", ("campaign", campaign_id), at=as_of, details=changes)

    def change_status(
        self,
        actor: Actor,
        campaign_id: int,
        status: CampaignStatus,
        *,
        as_of: datetime,
        reason: str = "",
        loaded_at: datetime | None = None,
    ) -> int:
        with self._database.transaction() as connection:
            locked = _lock(connection, campaign_id, loaded_at)
            require_transition(locked["name"], CampaignStatus(locked["status"]), status)
            if status is CampaignStatus.DELETED and locked["has_sent"]:
                raise Conflict(f"“{locked['name']}” has sent mail and stays for the record; it cannot be deleted.")
            if (
                locked["status"] == CampaignStatus.PAUSED
                and status is CampaignStatus.RUNNING
                and locked["awaits_review"]
            ):
                raise Conflict(
                    f"“{locked['name']}” drew complaints: read its content and confirm it on Deliverability, tab "
                    "Stopped; then it goes on."
                )
            values = {"campaign_id": campaign_id, "as_of": as_of}
            closed = 0
            if status is CampaignStatus.CANCELLED:
                closed = connection.execute(query(_SUBJECT, "cancel_planned"), values).rowcount
            _execute(connection, "set_status", values | {"status": status, "reason": reason, "actor": actor.email})
            action = f"campaign.{_VERBS.get((locked['status'], status), status)}"
            details = {"from": locked["status"], "to": status.value, "closed_sends": closed}
            record_audit(connection, actor, action, ("campaign", campaign_id), at=as_of, reason=reason, details=details)
        return closed

    def set_weight(self, actor: Actor, campaign_id: int, weight: float, *, as_of: datetime) -> None:
        with self._database.transaction() as connection:
            locked = _lock(connection, campaign_id, None)
            if not TRANSITIONS[CampaignStatus(locked["status"])]:
                raise Conflict(f"“{locked['name']}” is {locked['status']}; its weight changes nothing any more.")
            before = _one(connection, "campaign_detail", campaign_id)["weight"]
            _execute(connection, "set_weight", {"campaign_id": campaign_id, "weight": weight, "as_of": as_of})
            details = {"from": before, "to": weight}
            record_audit(connection, actor, "campaign.weight", ("campaign", campaign_id), at=as_of, details=details)

    def detail(self, campaign_id: int) -> CampaignDetail:
        with self._database.transaction() as connection:
            row = _one(connection, "campaign_detail", campaign_id)
            return detail_of(row, _rows(connection, "campaign_variants", campaign_id))

    def summaries(self) -> list[CampaignSummary]:
        with self._database.transaction() as connection:
            return [summary_of(row) for row in connection.execute(query(_SUBJECT, "campaign_summaries"))]

    def progress(self, campaign_id: int) -> CampaignProgress:
        with self._database.transaction() as connection:
            connection.execute("set transaction isolation level repeatable read read only")
            return progress_of(
                _one(connection, "campaign_detail", campaign_id),
                _rows(connection, "sends_by_variant", campaign_id),
                conservation_of(campaign_id, _one(connection, "conservation", campaign_id)),
                _one(connection, "next_due", campaign_id)["next_due_at"],
            )

    def conservation(self, campaign_id: int) -> Conservation:
        with self._database.transaction() as connection:
            return conservation_of(campaign_id, _one(connection, "conservation", campaign_id))


_VERBS = {
    (CampaignStatus.DRAFT, CampaignStatus.APPROVED): "approve",
    (CampaignStatus.PAUSED, CampaignStatus.APPROVED): "resume",
    (CampaignStatus.PAUSED, CampaignStatus.RUNNING): "resume",
    (CampaignStatus.APPROVED, CampaignStatus.PAUSED): "pause",
    (CampaignStatus.RUNNING, CampaignStatus.PAUSED): "pause",
    (CampaignStatus.APPROVED, CampaignStatus.CANCELLED): "cancel",
    (CampaignStatus.RUNNING, CampaignStatus.CANCELLED): "cancel",
    (CampaignStatus.PAUSED, CampaignStatus.CANCELLED): "cancel",
    (CampaignStatus.DRAFT, CampaignStatus.DELETED): "delete",
    (CampaignStatus.CANCELLED, CampaignStatus.DELETED): "delete",
}
"""A change of status as the audit log words it."""


def _execute(connection: psycopg.Connection[DictRow], name: str, values: dict[str, Any]) -> psycopg.Cursor[DictRow]:
    try:
        return connection.execute(query(_SUBJECT, name), values)
    except psycopg.errors.ForeignKeyViolation as error:
        raise InputInvalid("The pool of this campaign does not exist (any more); choose another.") from error


def _rows(connection: psycopg.Connection[DictRow], name: str, campaign_id: int) -> list[DictRow]:
    return connection.execute(query(_SUBJECT, name), {"campaign_id": campaign_id}).fetchall()


def _one(connection: psycopg.Connection[DictRow], name: str, campaign_id: int) -> DictRow:
    rows = _rows(connection, name, campaign_id)
    if not rows:
        raise NotFound(f"There is no campaign {campaign_id}.")
    return rows[0]


def _lock(connection: psycopg.Connection[DictRow], campaign_id: int, loaded_at: datetime | None) -> DictRow:
    row = _one(connection, "lock_campaign", campaign_id)
    if loaded_at is not None and row["updated_at"] != loaded_at:
        raise Conflict("Somebody else changed this campaign meanwhile; reload and look again.")
    return row


def _settings(draft: CampaignDraft) -> dict[str, Any]:
    return {
        "name": draft.name.strip(),
        "pool_id": draft.pool_id,
        "segment": Jsonb(draft.segment.to_json()),
        "timing": draft.timing,
        "send_hour": draft.send_hour,
        "starts_at": draft.starts_at,
        "ends_at": draft.ends_at,
        "track_opens": draft.track_opens,
        "track_clicks": draft.track_clicks,
        "ends_on_any_bounce": draft.ends_on_any_bounce,
        "fallbacks": Jsonb([list(pair) for pair in draft.fallbacks]),
        "blocks": Jsonb([block.to_json() for block in draft.blocks]),
        **asdict(draft.contacts),
        **days_of(draft),
        "weight": draft.weight,
    }


def _changes(before: CampaignDraft, after: CampaignDraft) -> dict[str, object]:
    """Which parts of a draft an edit changed; fallbacks in full, since they stand in the mails without being seen."""
    changed = [f.name for f in fields(CampaignDraft) if getattr(before, f.name) != getattr(after, f.name)]
    found: dict[str, object] = {"changed": changed}
    if "fallbacks" in changed:
        found["fallbacks"] = dict(after.fallbacks)
    attached = [file.name for step in after.steps for file in step.attachments]
    if attached != [file.name for step in before.steps for file in step.attachments]:
        found["attachments"] = attached
    return found


def _insert_steps(connection: psycopg.Connection[DictRow], campaign_id: int, draft: CampaignDraft) -> None:
    for number, step in enumerate(draft.steps, start=1):
        at = {"campaign_id": campaign_id, "step": number}
        attachments = Jsonb([file.to_json() for file in step.attachments])
        values = at | {"delay_days": step.delay_days, "attachments": attachments}
        connection.execute(query(_SUBJECT, "insert_step"), values)
        for variant in step.variants:
            content = {
                "label": variant.label.strip(),
                "weight": variant.weight,
                "subject": variant.subject,
                "body_html": variant.body_html,
                "body_text": variant.body_text,
            }
            connection.execute(query(_SUBJECT, "insert_variant"), at | content)

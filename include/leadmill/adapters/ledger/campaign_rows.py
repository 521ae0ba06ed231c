"""Rows of the campaign queries as the types of `ports/campaigns.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from leadmill.domain.attachments import AttachedFile
from leadmill.domain.campaigns import CampaignDraft, CampaignStatus, Step, Timing, Variant
from leadmill.domain.contact_rules import ContactRules
from leadmill.domain.content_blocks import ContentBlock
from leadmill.domain.segments import Segment
from leadmill.domain.send_days import SendDays
from leadmill.domain.sends import SendState
from leadmill.ports.campaigns import CampaignDetail, CampaignProgress, CampaignSummary, Conservation, StepProgress
from leadmill.ports.content import VariantContent

Row = Mapping[str, Any]


def detail_of(row: Row, variants: Sequence[Row]) -> CampaignDetail:
    """One campaign whole, out of its row and its variants' rows (in order of step)."""
    return CampaignDetail(
        draft=_draft_of(row, variants),
        status=CampaignStatus(row["status"]),
        variant_ids={(v["step"], v["label"]): v["variant_id"] for v in variants},
        **{name: row[name] for name in _AS_THEY_ARE},
    )


_AS_THEY_ARE = (
    *("campaign_id", "pool_name", "created_by", "created_at", "updated_at", "approved_by", "approved_at"),
    *("planned_at", "finished_at", "status_reason", "audience_count", "left_out"),
)


def _draft_of(row: Row, variants: Sequence[Row]) -> CampaignDraft:
    numbers = sorted({v["step"] for v in variants})
    return CampaignDraft(
        name=row["name"],
        pool_id=row["pool_id"],
        segment=Segment.from_json(row["segment"]),
        steps=tuple(_step_of([v for v in variants if v["step"] == number]) for number in numbers),
        timing=Timing(row["timing"]),
        send_hour=row["send_hour"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        track_opens=row["track_opens"],
        track_clicks=row["track_clicks"],
        ends_on_any_bounce=row["ends_on_any_bounce"],
        fallbacks=fallbacks_of(row),
        blocks=blocks_of(row),
        send_days=SendDays(None if row["weekdays"] is None else tuple(row["weekdays"]), row["skips_holidays"]),
        best_of_days=row["best_of_days"],
        contacts=ContactRules(**{f.name: row[f.name] for f in fields(ContactRules)}),
        weight=row["weight"],
    )


def days_of(draft: CampaignDraft) -> dict[str, Any]:
    """The columns that say on which days a draft sends."""
    weekdays = draft.send_days.weekdays
    return {
        "weekdays": None if weekdays is None else sorted(set(weekdays)),
        "skips_holidays": draft.send_days.skips_holidays,
        "best_of_days": draft.best_of_days,
    }


def fallbacks_of(row: Row) -> tuple[tuple[str, str], ...]:
    """A campaign's fallbacks."""
    return tuple((name, text) for name, text in row["fallbacks"])


def blocks_of(row: Row) -> tuple[ContentBlock, ...]:
    """A campaign's content blocks."""
    return tuple(ContentBlock.from_json(stored) for stored in row["blocks"])


def attachments_of(row: Row) -> tuple[AttachedFile, ...]:
    """A step's attachments."""
    return tuple(AttachedFile.from_json(stored) for stored in row["attachments"])


def variant_content_of(row: Row) -> VariantContent:
    """One variant for the compiler."""
    changed = {
        "fallbacks": fallbacks_of(row),
        "blocks": blocks_of(row),
        "attachments": attachments_of(row),
        "conversation": tuple((variant_id, subject) for variant_id, subject in row["conversation"]),
    }
    return VariantContent(**{**row, **changed})


def _step_of(rows: Sequence[Row]) -> Step:
    names = ("label", "subject", "body_html", "body_text", "weight")
    variants = tuple(Variant(**{name: row[name] for name in names}) for row in rows)
    return Step(variants, rows[0]["delay_days"], attachments_of(rows[0]))


def _states(counts: Mapping[str, int]) -> dict[SendState, int]:
    return {state: counts[state] for state in SendState if counts.get(state)}


def summary_of(row: Row) -> CampaignSummary:
    """One line of the list."""
    changed = {
        "status": CampaignStatus(row["status"]),
        "timing": Timing(row["timing"]),
        "counts": _states(row["counts"]),
    }
    return CampaignSummary(**{**row, **changed})


def conservation_of(campaign_id: int, row: Row) -> Conservation:
    """The counts that must add up."""
    return Conservation(
        campaign_id=campaign_id,
        audience=row["audience"],
        left_out=sum(row["left_out"].values()),
        planned_leads=row["planned_leads"],
        steps=row["steps"],
        by_state=_states(row["by_state"]),
    )


def progress_of(
    campaign: Row, variants: Sequence[Row], conservation: Conservation, next_due_at: datetime | None
) -> CampaignProgress:
    """Progress, out of one row per variant and state."""
    ids = list(dict.fromkeys(row["variant_id"] for row in variants))
    return CampaignProgress(
        campaign_id=campaign["campaign_id"],
        status=CampaignStatus(campaign["status"]),
        audience_count=campaign["audience_count"],
        left_out=campaign["left_out"],
        steps=tuple(_variant_progress([row for row in variants if row["variant_id"] == i]) for i in ids),
        conservation=conservation,
        next_due_at=next_due_at,
    )


def _variant_progress(rows: Sequence[Row]) -> StepProgress:
    first = rows[0]
    return StepProgress(
        step=first["step"],
        variant_id=first["variant_id"],
        label=first["label"],
        subject=first["subject"],
        counts=_states({row["state"]: row["sends"] for row in rows if row["state"]}),
        replied=sum(row["replied"] for row in rows),
        waiting=sum(row["waiting"] for row in rows),
    )

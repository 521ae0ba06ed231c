"""Places of a mail that would arrive as no reader should see them: blank, or with what was still to be written."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from leadmill.domain.campaigns import CampaignDraft
from leadmill.domain.content_blocks import ContentBlock, used_blocks
from leadmill.domain.content_hints import foreign_tags, unfilled_places
from leadmill.domain.quantities import counted
from leadmill.ports.audience import AudienceLedger, ExaminedAudience, FieldGap
from leadmill.ports.campaigns import Check, LeadGap

_SAMPLES = 5
_SEEN = re.compile(r"<(?:img|hr|video|table)\b|\{\{", re.IGNORECASE)
_TAG_OR_TEMPLATE = re.compile(r"<[^>]*>|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def template_texts(draft: CampaignDraft) -> list[str]:
    """Every subject and body of a draft."""
    variants = [variant for step in draft.steps for variant in step.variants]
    return [text for variant in variants for text in (variant.subject, variant.body_html, variant.body_text)]


def written_texts(draft: CampaignDraft) -> list[str]:
    """All that somebody wrote for readers: subjects, bodies, versions of blocks, fallbacks."""
    versions = [text for b in draft.blocks for text in (b.default or "", *dict(b.versions).values())]
    return [*template_texts(draft), *versions, *dict(draft.fallbacks).values()]


def placeholder_checks(draft: CampaignDraft) -> Iterator[Check]:
    """What of the sample is still to be replaced (an error), and other tools' merge tags (sent as they stand)."""
    text = "\n".join(written_texts(draft))
    if unfilled := unfilled_places(text):
        message = f"Readers would see what the sample asks you to replace: {', '.join(unfilled)}."
        yield Check("placeholders", "error", message, "Write your own words, and the address of your own page.")
    if foreign := foreign_tags(text):
        message = f"This would be sent as it stands: {', '.join(foreign)}."
        advice = "Where a lead's field is meant, write it as {{ first_name }} or {{ company }}."
        yield Check("merge_tags", "warning", message, advice)


def blank_blocks_checks(draft: CampaignDraft, examined: ExaminedAudience, audience: AudienceLedger) -> Iterator[Check]:
    """Whether anybody would see an empty place where a content block stands; for everybody it is an error."""
    used = used_blocks(*template_texts(draft))
    everybody = sum(gap.lead_count for gap in examined.field_gaps)
    gaps = [
        gap
        for block in draft.blocks
        if block.name in used and (gap := _blank_gap(block, examined.field_gaps, audience)) is not None
    ]
    if not gaps:
        return
    said = [f"{counted(gap.lead_count, 'lead sees', 'leads see')} nothing where {gap.name} stands" for gap in gaps]
    is_error = any(gap.lead_count == everybody for gap in gaps)
    yield Check(
        "blank_blocks",
        "error" if is_error else "warning",
        f"{'; '.join(said)}: {'its version' if len(gaps) == 1 else 'their version'} is empty.",
        "Write a default version, or leave these leads out, unless you mean it.",
        gaps=tuple(gaps),
    )


def _blank_gap(block: ContentBlock, every: Sequence[FieldGap], audience: AudienceLedger) -> LeadGap | None:
    groups = [gap for gap in every if _is_blank(block.version_for(gap.category))]
    if not groups:
        return None
    some = [lead_id for gap in groups for lead_id in gap.some_lead_ids][:_SAMPLES]
    count = sum(gap.lead_count for gap in groups)
    return LeadGap(
        kind="blank",
        name=block.name,
        lead_count=count,
        without_count=count,
        samples=tuple(audience.leads(some)),
        categories=tuple(sorted({gap.category for gap in groups})),
        keys=tuple(gap.key for gap in groups),
    )


def _is_blank(version: str | None) -> bool:
    """Whether a version shows a reader nothing; one that is missing (None) leaves the lead without a mail instead."""
    if version is None or _SEEN.search(version):
        return False
    return not html.unescape(_TAG_OR_TEMPLATE.sub("", version)).strip().strip("\u200b\u00ad\ufeff")

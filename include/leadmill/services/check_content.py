"""Render every variant for every kind of lead in the audience: would anybody get no mail, or half a sentence?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from leadmill.domain.campaigns import CampaignDraft
from leadmill.domain.content_hints import content_hints
from leadmill.errors import TemplateInvalid
from leadmill.ports.audience import AudienceLedger, FieldGap
from leadmill.ports.campaigns import Check
from leadmill.ports.content import CompiledContent, ContentCompiler, Organisation, Recipient, Sender
from leadmill.ports.sending_identity import SenderLedger
from leadmill.services.preview_message import PREVIEW_SEND_ID, preview_sender, variant_content

_EXAMPLES = 5


def check_content(
    draft: CampaignDraft,
    organisation: Organisation,
    *,
    audience: AudienceLedger,
    senders: SenderLedger,
    compiler: ContentCompiler,
) -> Iterator[Check]:
    """One check on the templates, one on the leads' fields, one on the wording.

    Leads are grouped by which of the templates' fields they have; one lead of each group stands for it.
    """
    compiled: dict[str, CompiledContent] = {}
    broken = []
    for step, label in _variants(draft):
        try:
            compiled[f"step {step}, {label}"] = compiler.compile(variant_content(draft, step, label), organisation)
        except TemplateInvalid as error:
            broken.append(str(error))
    if broken:
        yield Check("content", "error", " ".join(broken), "Correct the template.")
    elif not compiled:
        yield Check("content", "error", "The campaign has no content.", "Write a subject and a body for step 1.")
    else:
        yield Check("content", "ok", f"{len(compiled)} templates compile, with postal address and unsubscribe link.")
        names = sorted(frozenset[str]().union(*(content.variables for content in compiled.values())))
        gaps = audience.field_gaps(draft.segment, draft.pool_id, names)
        yield _fields_check(compiled, gaps, audience, preview_sender(senders, draft.pool_id, organisation))
    yield _wording_check(draft)


def _variants(draft: CampaignDraft) -> Iterator[tuple[int, str]]:
    for number, step in enumerate(draft.steps, start=1):
        for variant in step.variants:
            yield number, variant.label


def _fields_check(
    compiled: dict[str, CompiledContent], gaps: Sequence[FieldGap], audience: AudienceLedger, sender: Sender
) -> Check:
    """Whether every group's example renders in every variant; counts and ids of those that do not."""
    recipients = {r.lead_id: r for r in audience.recipients([gap.example_lead_id for gap in gaps])}
    failing: list[FieldGap] = []
    first_error = ""
    for gap in gaps:
        recipient = recipients.get(gap.example_lead_id)
        error = _first_error(compiled, recipient, sender) if recipient else ""
        if error:
            failing.append(gap)
            first_error = first_error or error
    if not failing:
        return Check("fields", "ok", "Every lead has what the templates need, or a default stands in.")
    count = sum(gap.lead_count for gap in failing)
    return Check(
        "fields",
        "error",
        f"{count:,} leads would get no mail. {first_error}",
        "Give the variable a default, or leave these leads out of the segment.",
        tuple(gap.example_lead_id for gap in failing[:_EXAMPLES]),
    )


def _first_error(compiled: dict[str, CompiledContent], recipient: Recipient, sender: Sender) -> str:
    for content in compiled.values():
        try:
            content.render(send_id=PREVIEW_SEND_ID, recipient=recipient, sender=sender)
        except TemplateInvalid as error:
            return str(error)
    return ""


def _wording_check(draft: CampaignDraft) -> Check:
    hints = [
        f"Step {number}, {variant.label}: {hint}."
        for number, step in enumerate(draft.steps, start=1)
        for variant in step.variants
        for hint in content_hints(variant.subject, variant.body_html, is_first_step=number == 1)
    ]
    if hints:
        return Check("wording", "warning", " ".join(hints), "Reword, unless you mean it.")
    return Check("wording", "ok", "Nothing in the wording is known to alarm filters.")

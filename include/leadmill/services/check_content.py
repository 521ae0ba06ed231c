"""Render every variant for every kind of lead in the audience: would anybody get no mail, or half a sentence?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from leadmill.domain.attachments import MAIL_LIMITS_BYTES, encoded_bytes, megabytes
from leadmill.domain.campaigns import CampaignDraft
from leadmill.domain.content_blocks import NO_VERSION, used_blocks
from leadmill.domain.content_hints import content_hints
from leadmill.domain.quantities import counted
from leadmill.domain.spintax import spintax_in
from leadmill.domain.template_fields import AskedFields, nearest_field
from leadmill.errors import TemplateInvalid
from leadmill.ports.audience import AudienceLedger, ExaminedAudience, FieldGap
from leadmill.ports.campaigns import Check, LeadGap
from leadmill.ports.content import CompiledContent, ContentCompiler, Organisation, Recipient, Sender
from leadmill.services.check_places import blank_blocks_checks, placeholder_checks, template_texts, written_texts
from leadmill.services.preview_message import PREVIEW_SEND_ID, variant_content

_SAMPLES = 5
_MISSING_LIMIT = 60
"""Fields that one lead may lack before we stop looking for more."""

_REST_OF_A_MAIL_BYTES = 250_000
"""Headers and both bodies, encoded: Gmail's clipped HTML, its text and room to spare."""


@dataclass(frozen=True, slots=True)
class CompiledVariants:
    """A draft's variants by their place in words; `broken`: one sentence each for those that do not compile."""

    contents: Mapping[str, CompiledContent]
    broken: tuple[str, ...]

    @property
    def fields(self) -> AskedFields:
        """The lead fields that any of them reads, and those by whose values any decides."""
        names = frozenset[str]().union(*(content.variables for content in self.contents.values()))
        deciding = frozenset[str]().union(*(content.deciding for content in self.contents.values()))
        return AskedFields(frozenset(name for name in names if not name.startswith(NO_VERSION)), deciding & names)


def compile_variants(draft: CampaignDraft, organisation: Organisation, compiler: ContentCompiler) -> CompiledVariants:
    """Compile every variant of a draft, without tracking."""
    contents: dict[str, CompiledContent] = {}
    broken = []
    for step, label in variants_of(draft):
        try:
            contents[f"step {step}, {label}"] = compiler.compile(variant_content(draft, step, label), organisation)
        except TemplateInvalid as error:
            broken.append(str(error))
    return CompiledVariants(contents, tuple(broken))


def variants_of(draft: CampaignDraft) -> Iterator[tuple[int, str]]:
    """Step number and label of every variant."""
    for number, step in enumerate(draft.steps, start=1):
        for variant in step.variants:
            yield number, variant.label


def check_content(
    draft: CampaignDraft,
    compiled: CompiledVariants,
    examined: ExaminedAudience,
    *,
    audience: AudienceLedger,
    sender: Sender,
    providers: Sequence[str],
) -> Iterator[Check]:
    """Checks on the templates, the leads' fields, content blocks, spintax, wording and attachments.

    Leads are grouped by which of the templates' fields they have and, where some are lacking, by the values that
    conditions look at. One lead stands for each group.
    """
    if compiled.broken:
        yield Check("content", "error", " ".join(compiled.broken), "Correct the template.")
    elif not compiled.contents:
        yield Check("content", "error", "The campaign has no content.", "Write a subject and a body for step 1.")
    else:
        count = len(compiled.contents)
        said = counted(count, "template compiles", "templates compile")
        yield Check("content", "ok", f"{said}, with postal address and unsubscribe link.")
        yield from _fields_checks(compiled, examined, audience, sender)
        yield from _blocks_checks(draft, examined)
        yield from blank_blocks_checks(draft, examined, audience)
    yield from placeholder_checks(draft)
    yield from _spintax_checks(draft)
    yield _wording_check(draft)
    yield from _attachments_checks(draft, providers)


def _fields_checks(
    compiled: CompiledVariants, examined: ExaminedAudience, audience: AudienceLedger, sender: Sender
) -> Iterator[Check]:
    """Whether every group's example renders in every variant; who does not, and for the lack of what."""
    gaps = examined.field_gaps
    recipients = {r.lead_id: r for r in audience.recipients([gap.some_lead_ids[0] for gap in gaps])}
    lacking: dict[str, list[FieldGap]] = defaultdict(list)
    failing: list[FieldGap] = []
    other_error = ""
    for gap in gaps:
        recipient = recipients.get(gap.some_lead_ids[0])
        missing, error = _missing(compiled.contents, recipient, sender) if recipient else (set(), "")
        if missing or error:
            failing.append(gap)
        other_error = other_error or error
        for name in missing:
            lacking[name].append(gap)
    untried = examined.preview.will_be_mailed - sum(gap.lead_count for gap in gaps)
    if untried:
        rare = counted(untried, "lead of a rare kind was", "leads of rare kinds were")
        message = f"{rare} not tried; whoever lacks a field gets no mail."
        yield Check("rare_leads", "warning", message, "Give a fallback to every variable to be sure.")
    if not failing:
        yield Check("fields", "ok", "Every lead has what the templates need, or a default stands in.")
        return
    found = tuple(_lead_gap(name, groups, gaps, audience) for name, groups in _by_count(lacking))
    meant = _meant_fields(found, gaps, audience)
    said = [f"{gap.lead_count:,} {_lack(gap)}{meant.get(gap.name, '')}" for gap in found]
    how_many = counted(sum(gap.lead_count for gap in failing), "lead")
    yield Check(
        "fields",
        "error",
        f"{how_many} would get no mail. {'; '.join([*said, *filter(None, [other_error])]).rstrip('.')}.",
        "Give the variable a default or the campaign a fallback for it, or leave these leads out.",
        tuple(lead_id for gap in failing for lead_id in gap.some_lead_ids)[:_SAMPLES],
        gaps=found,
    )


def _meant_fields(found: Sequence[LeadGap], every: Sequence[FieldGap], audience: AudienceLedger) -> dict[str, str]:
    """For variables that nobody has, the name that is nearest among those that leads have."""
    everybody = sum(gap.lead_count for gap in every)
    names = [gap.name for gap in found if gap.kind == "variable" and gap.without_count == everybody]
    known = audience.known_fields() - set(names) if names else frozenset()
    near = {name: nearest_field(name, known) for name in names}
    return {name: f" (nobody has: did you mean {meant}?)" for name, meant in near.items() if meant}


def _by_count(lacking: Mapping[str, list[FieldGap]]) -> list[tuple[str, list[FieldGap]]]:
    return sorted(lacking.items(), key=lambda item: (-sum(gap.lead_count for gap in item[1]), item[0]))


def _lack(gap: LeadGap) -> str:
    has = "has" if gap.lead_count == 1 else "have"
    if gap.kind == "block":
        return f"{has} a category without a version of the block {gap.name}, which has no default version"
    if gap.without_count > gap.lead_count:
        return f"{'needs' if gap.lead_count == 1 else 'need'} {gap.name} and {has} none"
    return f"{has} no {gap.name}"


def _lead_gap(name: str, groups: Sequence[FieldGap], every: Sequence[FieldGap], audience: AudienceLedger) -> LeadGap:
    some = [lead_id for gap in groups for lead_id in gap.some_lead_ids][:_SAMPLES]
    is_block = name.startswith(NO_VERSION)
    without = groups if is_block else [gap for gap in every if name not in gap.present]
    return LeadGap(
        kind="block" if is_block else "variable",
        name=name.removeprefix(NO_VERSION),
        lead_count=sum(gap.lead_count for gap in groups),
        without_count=sum(gap.lead_count for gap in without),
        samples=tuple(audience.leads(some)),
        categories=tuple(sorted({gap.category for gap in groups})),
        keys=tuple(gap.key for gap in groups),
    )


def _missing(contents: Mapping[str, CompiledContent], recipient: Recipient, sender: Sender) -> tuple[set[str], str]:
    """Every field that keeps this lead from getting some variant, found by supplying one after the other.

    Also the first error that no field would mend.
    """
    missing: set[str] = set()
    for content in contents.values():
        for _ in range(_MISSING_LIMIT):
            fields = {**recipient.fields, **dict.fromkeys(missing, "x")}
            supplied = Recipient(recipient.lead_id, recipient.email, fields)
            try:
                content.render(send_id=PREVIEW_SEND_ID, recipient=supplied, sender=sender)
                break
            except TemplateInvalid as error:
                if not error.missing or error.missing in missing:
                    return missing, "" if missing else str(error)
                missing.add(error.missing)
    return missing, ""


def _blocks_checks(draft: CampaignDraft, examined: ExaminedAudience) -> Iterator[Check]:
    """Versions that no lead of the audience will see, and blocks that stand nowhere."""
    used = used_blocks(*template_texts(draft))
    known = {gap.category for gap in examined.field_gaps}
    said = [f"The block {block.name} is used nowhere." for block in draft.blocks if block.name not in used]
    for block in draft.blocks:
        if block.name in used and examined.field_gaps:
            strange = [category for category, _ in block.versions if category not in known]
            said += [f"No lead of the audience has the category {c!r} of the block {block.name}." for c in strange]
    if said:
        yield Check("blocks", "warning", " ".join(said), "Look whether the category is written as in your lead files.")


def _spintax_checks(draft: CampaignDraft) -> Iterator[Check]:
    found = list(dict.fromkeys(group for text in written_texts(draft) for group in spintax_in(text)))
    if found:
        message = f"The content holds spintax, which is sent as it stands: {', '.join(found[:_SAMPLES])}."
        advice = "Write one wording, and add a variant (A/B) for the other: then you also see which one works."
        yield Check("spintax", "error", message, advice)


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


def _attachments_checks(draft: CampaignDraft, providers: Sequence[str]) -> Iterator[Check]:
    if not any(step.attachments for step in draft.steps):
        return
    limits = {name: MAIL_LIMITS_BYTES[name] for name in providers if name in MAIL_LIMITS_BYTES}
    for number, step in enumerate(draft.steps, start=1):
        size = sum(encoded_bytes(file.byte_size) for file in step.attachments)
        whole = size + _REST_OF_A_MAIL_BYTES
        too_small = [f"{name} ({megabytes(limit)})" for name, limit in limits.items() if whole > limit]
        if size and too_small:
            message = (
                f"Step {number} has about {megabytes(whole)} with its attachments, more than {', '.join(too_small)}."
            )
            yield Check("attachments", "error", message, "Attach less, or put the file on a page and link to it.")
        elif size:
            names = ", ".join(file.name for file in step.attachments)
            yield Check("attachments", "ok", f"Step {number} carries {names}: {megabytes(size)} in each mail.")
    if draft.steps[0].attachments:
        message = "The first mail has an attachment; from a stranger, many filters take that for a danger."
        yield Check("attachments", "warning", message, "A link does the same with less risk.")

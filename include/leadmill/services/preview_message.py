"""Show a mail as one lead would get it; nothing is sent and nothing is tracked."""

from __future__ import annotations

from leadmill.domain.campaigns import CampaignDraft
from leadmill.domain.content_blocks import used_blocks
from leadmill.domain.messages import OutgoingMessage
from leadmill.domain.send_references import NO_SEND
from leadmill.domain.template_fields import variable_name
from leadmill.domain.threads import earlier_subject
from leadmill.errors import ConfigInvalid, NotFound
from leadmill.ports.audience import AudienceLedger
from leadmill.ports.content import ContentCompiler, Organisation, PreviewNotes, Sender, VariantContent
from leadmill.ports.sending_identity import SenderLedger

PREVIEW_SEND_ID = NO_SEND
"""No send has it: the links of a preview lead to a page that says so."""


def preview_message(
    draft: CampaignDraft,
    *,
    step: int,
    label: str,
    lead_id: int,
    audience: AudienceLedger,
    senders: SenderLedger,
    compiler: ContentCompiler,
) -> OutgoingMessage:
    """Render one variant for one lead.

    Args:
        draft: The campaign, saved or not.
        step: From 1.
        label: The variant's.
        lead_id: Whose fields to fill in.
        audience: Where the lead comes from.
        senders: Where organisation and mailbox come from.
        compiler: Renders.

    Raises:
        NotFound: No such step, variant or lead.
        ConfigInvalid: The organisation is not set.
        TemplateInvalid: The content does not render for this lead.
    """
    content = variant_content(draft, step, label)
    recipients = audience.recipients([lead_id])
    if not recipients:
        raise NotFound(f"There is no lead {lead_id} to preview with, or it was erased.")
    organisation = senders.organisation()
    if organisation is None:
        raise ConfigInvalid("The organisation's name and postal address are not set; an admin sets them.")
    sender = preview_sender(senders, draft.pool_id, organisation)
    compiled = compiler.compile(content, organisation)
    return compiled.render(send_id=PREVIEW_SEND_ID, recipient=recipients[0], sender=sender)


def preview_notes(
    draft: CampaignDraft,
    *,
    step: int,
    label: str,
    lead_id: int,
    audience: AudienceLedger,
    senders: SenderLedger,
    compiler: ContentCompiler,
) -> PreviewNotes:
    """What a person should know beside the preview of that mail.

    Raises: as `preview_message` does.
    """
    content = variant_content(draft, step, label)
    recipient = next(iter(audience.recipients([lead_id])), None)
    organisation = senders.organisation()
    if recipient is None or organisation is None:
        return PreviewNotes({}, {})
    has = {variable_name(name) for name, value in recipient.fields.items() if value not in (None, "")}
    reads = compiler.compile(content, organisation).variables
    used = used_blocks(content.subject, content.body_html, content.body_text)
    category = str(recipient.fields.get("category", ""))
    return PreviewNotes(
        {name: text for name, text in draft.fallbacks if name in reads - has},
        {b.name: category if category in dict(b.versions) else "" for b in draft.blocks if b.name in used},
    )


def variant_content(draft: CampaignDraft, step: int, label: str) -> VariantContent:
    """One variant for the compiler, without tracking.

    Raises:
        NotFound: The draft has no such step or variant.
    """
    found = [v for v in draft.steps[step - 1].variants if v.label == label] if 0 < step <= len(draft.steps) else []
    if not found:
        raise NotFound(f"The campaign has no variant {label} in step {step}.")
    carried_on = earlier_subject(draft, step, label)
    return VariantContent(
        campaign_id=0,
        step=step,
        variant_id=0,
        subject=found[0].subject,
        body_html=found[0].body_html,
        body_text=found[0].body_text,
        track_opens=False,
        track_clicks=False,
        label=label,
        fallbacks=draft.fallbacks,
        blocks=draft.blocks,
        attachments=draft.steps[step - 1].attachments,
        conversation=((0, carried_on),) if carried_on else (),
    )


def preview_sender(senders: SenderLedger, pool_id: int | None, organisation: Organisation) -> Sender:
    """A mailbox of the pool; before there is one, a sender of the organisation's name at a domain that cannot exist."""
    return senders.example_sender(pool_id) or Sender(
        address="preview@sender.invalid", display_name=organisation.name, domain="sender.invalid"
    )

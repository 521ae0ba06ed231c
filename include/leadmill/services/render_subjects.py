"""The subjects of a lead's mails as the lead reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from leadmill.domain.template_fields import in_plain_words
from leadmill.errors import LeadmillError
from leadmill.ports.audience import AudienceLedger
from leadmill.ports.content import CompiledContent, ContentCompiler, Organisation, Recipient, Sender, VariantContent


class VariantShelf(Protocol):
    """Where the content of variants is."""

    def content(self, variant_ids: Sequence[int]) -> Mapping[int, VariantContent]:
        """The content of variants."""
        ...

    def organisation(self) -> Organisation:
        """Who is behind the mails. Raises `ConfigInvalid` where it was never said."""
        ...


@dataclass(frozen=True, slots=True)
class SubjectSources:
    """What subjects are rendered from."""

    shelf: VariantShelf
    audience: AudienceLedger
    compiler: ContentCompiler


def render_subjects(sends: Sequence[Mapping[str, Any]], lead_id: int, sources: SubjectSources) -> dict[int, str]:
    """Each mail's subject by its send, rendered as dispatch does, from the lead's fields as they are now.

    Where one cannot be rendered (a field is missing by now, no organisation is set), its template's text with the
    fields by their names.
    """
    subjects = {send["send_id"]: in_plain_words(send["subject"]) for send in sends}
    recipient = next(iter(sources.audience.recipients([lead_id])), None)
    if recipient is None or not sends:
        return subjects
    try:
        organisation = sources.shelf.organisation()
    except LeadmillError:
        return subjects
    contents = sources.shelf.content(sorted({send["variant_id"] for send in sends}))
    compiled = {number: _compiled(content, organisation, sources.compiler) for number, content in contents.items()}
    for send in sends:
        content = compiled.get(send["variant_id"])
        said = _rendered(content, send, recipient, organisation) if content else None
        if said is not None:
            subjects[send["send_id"]] = said
    return subjects


def _compiled(content: VariantContent, organisation: Organisation, compiler: ContentCompiler) -> CompiledContent | None:
    """Without attachments: a subject needs no files out of the store."""
    try:
        return compiler.compile(replace(content, attachments=()), organisation)
    except LeadmillError:
        return None


def _rendered(
    content: CompiledContent, send: Mapping[str, Any], recipient: Recipient, organisation: Organisation
) -> str | None:
    address = send["mailbox"] or "preview@sender.invalid"
    sender = Sender(address, send["sender_name"] or organisation.name, address.rpartition("@")[2])
    try:
        return content.render(send_id=send["send_id"], recipient=recipient, sender=sender).subject
    except LeadmillError:
        return None

"""The subjects of a lead's mails as the lead reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from leadmill.domain.template_fields import in_plain_words
from leadmill.domain.threads import EarlierMail, reply_subject, shown_subject
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
    subjects = {send["send_id"]: _in_plain_words(send, sends) for send in sends}
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
        whole = recipient._replace(thread=_thread(send, sends))
        said = _rendered(content, send, whole, organisation) if content else None
        if said is not None:
            subjects[send["send_id"]] = said
    return subjects


def _before(send: Mapping[str, Any], sends: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The mails of the same campaign that came before it, first to last."""
    before = [each for each in sends if each["campaign_id"] == send["campaign_id"] and each["step"] < send["step"]]
    return sorted(before, key=lambda each: int(each["step"]))


def _thread(send: Mapping[str, Any], sends: Sequence[Mapping[str, Any]]) -> tuple[EarlierMail, ...]:
    return tuple(EarlierMail(each["send_id"], each["variant_id"], "", "") for each in _before(send, sends))


def _in_plain_words(send: Mapping[str, Any], sends: Sequence[Mapping[str, Any]]) -> str:
    own = [each["subject"] for each in [*_before(send, sends), send] if each["subject"].strip()]
    if send["subject"].strip() or not own:
        return shown_subject(send["subject"])
    return in_plain_words(reply_subject(own[-1]))


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

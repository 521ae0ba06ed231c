"""Variants compiled once, rendered per recipient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from jinja2 import Template, nodes

from leadmill.adapters.content import time_budget
from leadmill.adapters.content.framing import FramedVariant
from leadmill.adapters.content.header_values import ascii_domain, list_headers, mail_address, single_line
from leadmill.adapters.content.known_values import KnownValues, taken_apart
from leadmill.adapters.content.pieces import NotFramed
from leadmill.adapters.content.sandbox import TemplateSandbox, fill, parse
from leadmill.adapters.content.sources import sources_of
from leadmill.adapters.content.text_part import close_gaps
from leadmill.adapters.content.tracking import Edge, add_pixel, track_links
from leadmill.domain.messages import Attachment, Frame, OutgoingMessage
from leadmill.domain.send_references import message_id, unsubscribe_url
from leadmill.domain.template_fields import AskedFields
from leadmill.domain.threads import CONVERSATION, EarlierMail, thread_headers
from leadmill.errors import TemplateDefect, TemplateInvalid
from leadmill.ports.content import (
    PROVIDED_VARIABLES,
    AttachmentLoader,
    Organisation,
    Recipient,
    Sender,
    VariantContent,
)

SUBJECT_LIMIT = 500
_REQUIRED = ("postal_address", "unsubscribe_url")
_OURS = PROVIDED_VARIABLES | {CONVERSATION}


class JinjaContentCompiler:
    """Compiles variants in the sandbox; `edge_base_url` has no slash at its end."""

    def __init__(self, *, edge_base_url: str, key: bytes, attachments: AttachmentLoader | None = None) -> None:
        self._edge = Edge(edge_base_url.rstrip("/"), key)
        self._attachments = attachments
        self._html = TemplateSandbox(escapes_html=True)
        self._text = TemplateSandbox(escapes_html=False)

    def compile(self, variant: VariantContent, organisation: Organisation) -> JinjaContent:
        place = f"Step {variant.step}, variant {variant.label or variant.variant_id}"
        _require_organisation(organisation, place)
        sources = sources_of(variant, html_sandbox=self._html, text_sandbox=self._text, where=place)
        parts = {
            name: parse(source, sandbox=sandbox, where=f"{place}: the {name}", fallbacks=dict(variant.fallbacks))
            for name, source, sandbox in (
                ("subject", sources.subject, self._text),
                ("HTML body", sources.html, self._html),  # before the text, which may be made of it
                ("text body", sources.text, self._text),
            )
        }
        subject, html, text = parts.values()
        for part, names in (("HTML", html.variables), ("text", text.variables)):
            for name in _REQUIRED:
                if name not in names:
                    raise TemplateInvalid(f"{place}: the {part} body must contain {{{{ {name} }}}}.")
        known = KnownValues.of(organisation)
        attachments = self._load(variant, place)
        trees = (subject.tree, text.tree, html.tree)
        framed = self._framed(trees, known, variant, attachments)
        return JinjaContent(
            variant=variant,
            known=known,
            place=place,
            templates=(subject.template, text.template, html.template),
            framed=framed,
            attachments=attachments,
            fields=AskedFields(
                (subject.variables | text.variables | html.variables) - _OURS,
                (subject.deciding | text.deciding | html.deciding) - _OURS,
            ),
            edge=self._edge,
        )

    def _framed(
        self,
        trees: tuple[nodes.Template, nodes.Template, nodes.Template],
        known: KnownValues,
        variant: VariantContent,
        attachments: tuple[Attachment, ...],
    ) -> FramedVariant | None:
        try:
            sources = taken_apart(trees, known, variant, attachments, edge=self._edge)
        except NotFramed:
            return None
        return FramedVariant(sources, plain=self._text, escaping=self._html, edge=self._edge)

    def _load(self, variant: VariantContent, place: str) -> tuple[Attachment, ...]:
        """The variant's attachments with their bytes, once for all its mails."""
        if not variant.attachments:
            return ()
        if self._attachments is None:
            raise TemplateInvalid(f"{place}: no store to read its attachments from.")
        return self._attachments.load(variant.attachments)


def _require_organisation(organisation: Organisation, place: str) -> None:
    if not organisation.postal_address.strip() or not organisation.name.strip():
        raise TemplateInvalid(f"{place}: the organisation's name and postal address are not set; an admin sets them.")


class _Shared(NamedTuple):
    """What all mails of a variant from one mailbox share: addresses, headers, and what the templates read of it."""

    address: str
    name: str
    domain: str
    headers: tuple[tuple[str, str], ...]
    fields: dict[str, object]


class JinjaContent:
    """One compiled variant; safe to use from several threads."""

    def __init__(
        self,
        *,
        variant: VariantContent,
        known: KnownValues,
        place: str,
        templates: tuple[Template, Template, Template],
        framed: FramedVariant | None,
        attachments: tuple[Attachment, ...],
        fields: AskedFields,
        edge: Edge,
    ) -> None:
        self.variables, self.deciding = fields.names, fields.deciding
        self._variant = variant
        self._known = known
        self._place = place
        self._subject, self._text, self._html = templates
        self._framed = framed
        self._whole = Frame(subject=(0,), text=(1,), html=(2,), attachments=attachments)
        self._edge = edge
        self._static_tags = {
            "campaign_id": str(variant.campaign_id),
            "step": str(variant.step),
            "variant": str(variant.variant_id),
        }
        self._conversation = frozenset(variant_id for variant_id, _ in variant.conversation)
        self._senders: dict[Sender, _Shared] = {}

    def render(self, *, send_id: int, recipient: Recipient, sender: Sender) -> OutgoingMessage:
        shared = self._senders.get(sender) or self._shared(sender)
        unsubscribe = unsubscribe_url(self._edge.base_url, send_id, self._edge.key)
        fields: dict[str, object] = dict(recipient.fields.items())
        fields |= shared.fields
        fields["email"], fields["unsubscribe_url"] = recipient.email, unsubscribe
        thread = self._thread(recipient.thread, fields) if recipient.thread else ()
        frame, values = self._filled(fields, send_id, unsubscribe)
        return OutgoingMessage(
            send_id=send_id,
            sender_address=shared.address,
            sender_name=shared.name,
            recipient=mail_address(recipient.email, what=f"The address of lead {recipient.lead_id}"),
            frame=frame,
            values=values,
            message_id=message_id(send_id, shared.domain, self._edge.key),
            headers=(("List-Unsubscribe", f"<{unsubscribe}>"), *shared.headers, *thread),
            tags={"send_id": str(send_id), **self._static_tags},
        )

    def _thread(self, earlier: Sequence[EarlierMail], fields: dict[str, object]) -> tuple[tuple[str, str], ...]:
        """The headers of a follow-up; says in the fields whose subject it carries on."""
        subjects = [mail.variant_id for mail in earlier if mail.variant_id in self._conversation]
        fields[CONVERSATION] = subjects[-1] if subjects else 0
        ids = [self._message_id(mail) if mail.given_id is None else mail.given_id for mail in earlier]
        return thread_headers([one for one in ids if one])

    def _message_id(self, mail: EarlierMail) -> str:
        return message_id(mail.send_id, ascii_domain(mail.domain, what="The sending domain"), self._edge.key)

    def _filled(self, fields: dict[str, object], send_id: int, unsubscribe: str) -> tuple[Frame, tuple[str, ...]]:
        """By the frame where it can, by the whole templates where not; only these know what to say of a failure."""
        framed = self._framed
        if framed is not None and not framed.computes:  # look-ups alone take no time
            found = self._by_frame(framed, fields, send_id, unsubscribe)
            if found is not None:
                return found
        time_budget.begin()
        try:
            found = self._by_frame(framed, fields, send_id, unsubscribe) if framed is not None else None
            return found or (self._whole, self._rendered(fields, send_id, unsubscribe, self._place))
        except TemplateDefect as error:
            raise TemplateDefect(f"{self._place}: {error}") from error
        finally:
            time_budget.end()

    def _by_frame(
        self, framed: FramedVariant, fields: dict[str, object], send_id: int, unsubscribe: str
    ) -> tuple[Frame, tuple[str, ...]] | None:
        try:
            frame, values, subject = framed.fill(
                fields, self._known.in_html, send_id=send_id, unsubscribe_url=unsubscribe
            )
        except NotFramed:
            return None
        return (frame, values) if 0 < len(subject) <= SUBJECT_LIMIT else None

    def _rendered(self, fields: dict[str, object], send_id: int, unsubscribe: str, where: str) -> tuple[str, str, str]:
        """Subject, text and HTML out of the whole templates.

        Raises:
            TemplateInvalid: Something is missing, or does not work on this lead's values.
        """
        subject = single_line(fill(self._subject, fields, f"{where}: the subject"))
        if not 0 < len(subject) <= SUBJECT_LIMIT:
            raise TemplateInvalid(f"{where}: the subject is empty or longer than {SUBJECT_LIMIT} characters.")
        html = fill(self._html, fields | self._known.in_html, f"{where}: the HTML body")
        text = close_gaps(fill(self._text, fields, f"{where}: the text body"))
        self._require_footer(text, html, unsubscribe, where)
        if self._variant.track_clicks:
            html = track_links(html, edge=self._edge, send_id=send_id)
        if self._variant.track_opens:
            html = add_pixel(html, edge=self._edge, send_id=send_id)
        return subject, text, html

    def _require_footer(self, text: str, html: str, unsubscribe: str, where: str) -> None:
        """A condition may hide what the law asks for: look at what came out, not only at the template."""
        if unsubscribe not in text or unsubscribe not in html:
            raise TemplateInvalid(f"{where}: the unsubscribe link is missing in the rendered mail; no `if` around it.")
        found = all(line in text for line in self._known.address_lines)
        if not (found and all(line in html for line in self._known.address_html_lines)):
            raise TemplateInvalid(f"{where}: the postal address is missing in the rendered mail; no `if` around it.")

    def _shared(self, sender: Sender) -> _Shared:
        variant = self._variant
        domain = ascii_domain(sender.domain, what="The sending domain")
        name = sender.display_name or self._known.organisation
        found = self._senders[sender] = _Shared(
            address=mail_address(sender.address, what="The mailbox's address"),
            name=single_line(name),
            domain=domain,
            headers=list_headers(
                campaign_id=variant.campaign_id, step=variant.step, variant_id=variant.variant_id, domain=domain
            ),
            fields={**self._known.in_text, "sender_name": name},
        )
        return found

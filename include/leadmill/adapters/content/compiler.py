"""Variants compiled once, rendered per recipient."""

from __future__ import annotations

from html import escape

from jinja2 import Template
from markupsafe import Markup

from leadmill.adapters.content.header_values import list_headers, require_single_line, single_line
from leadmill.adapters.content.sandbox import TemplateSandbox, fill, parse
from leadmill.adapters.content.text_part import close_gaps, text_template
from leadmill.adapters.content.tracking import add_pixel, track_links
from leadmill.domain.messages import OutgoingMessage
from leadmill.domain.send_references import message_id, unsubscribe_url
from leadmill.domain.template_fields import variable_name
from leadmill.errors import TemplateInvalid
from leadmill.ports.content import PROVIDED_VARIABLES, Organisation, Recipient, Sender, VariantContent

SUBJECT_LIMIT = 500
_REQUIRED = ("postal_address", "unsubscribe_url")
_WRAPPED = ('<!doctype html><html><head><meta charset="utf-8"></head><body>', "</body></html>")


class JinjaContentCompiler:
    """Compiles variants in the sandbox; `edge_base_url` has no slash at its end."""

    def __init__(self, *, edge_base_url: str, key: bytes) -> None:
        self._edge_base_url = edge_base_url.rstrip("/")
        self._key = key
        self._html = TemplateSandbox(escapes_html=True)
        self._text = TemplateSandbox(escapes_html=False)

    def compile(self, variant: VariantContent, organisation: Organisation) -> JinjaContent:
        campaign = f"Campaign {variant.campaign_id}, step" if variant.campaign_id else "Step"
        place = f"{campaign} {variant.step}, variant {variant.label or variant.variant_id}"
        _require_organisation(organisation, place)
        html = variant.body_html
        if not any(tag in html.lower() for tag in ("<html", "<body")):
            html = html.join(_WRAPPED)
        subject, in_subject = parse(variant.subject, sandbox=self._text, where=f"{place}: the subject")
        body_html, in_html = parse(html, sandbox=self._html, where=f"{place}: the HTML body")
        source = variant.body_text if variant.body_text.strip() else text_template(html)
        body_text, in_text = parse(source, sandbox=self._text, where=f"{place}: the text body")
        for part, names in (("HTML", in_html), ("text", in_text)):
            for name in _REQUIRED:
                if name not in names:
                    raise TemplateInvalid(f"{place}: the {part} body must contain {{{{ {name} }}}}.")
        return JinjaContent(
            variant=variant,
            organisation=organisation,
            place=place,
            templates=(subject, body_html, body_text),
            variables=(in_subject | in_html | in_text) - PROVIDED_VARIABLES,
            edge_base_url=self._edge_base_url,
            key=self._key,
        )


def _require_organisation(organisation: Organisation, place: str) -> None:
    if not organisation.postal_address.strip() or not organisation.name.strip():
        raise TemplateInvalid(f"{place}: the organisation's name and postal address are not set; an admin sets them.")


class JinjaContent:
    """One compiled variant; safe to use from several threads."""

    def __init__(
        self,
        *,
        variant: VariantContent,
        organisation: Organisation,
        place: str,
        templates: tuple[Template, Template, Template],
        variables: frozenset[str],
        edge_base_url: str,
        key: bytes,
    ) -> None:
        self.variables = variables
        self._variant = variant
        self._organisation = organisation
        self._place = place
        self._subject, self._html, self._text = templates
        self._edge_base_url = edge_base_url
        self._key = key
        lines = [line.strip() for line in organisation.postal_address.splitlines() if line.strip()]
        self._address_lines = lines
        self._address_html = Markup("<br>").join(lines)
        self._address_html_lines = [escape(line, quote=False) for line in lines]

    def render(self, *, send_id: int, recipient: Recipient, sender: Sender) -> OutgoingMessage:
        unsubscribe = unsubscribe_url(self._edge_base_url, send_id, self._key)
        where = f"{self._place}, lead {recipient.lead_id}"
        values = self._values(recipient, sender, unsubscribe)
        subject = single_line(fill(self._subject, values, f"{where}: the subject"))
        if not 0 < len(subject) <= SUBJECT_LIMIT:
            raise TemplateInvalid(f"{where}: the subject is empty or longer than {SUBJECT_LIMIT} characters.")
        html = fill(self._html, values | {"postal_address": self._address_html}, f"{where}: the HTML body")
        text = close_gaps(fill(self._text, values, f"{where}: the text body"))
        self._require_footer(text, html, unsubscribe, where)
        return OutgoingMessage(
            send_id=send_id,
            sender_address=require_single_line(sender.address, what="The mailbox's address"),
            sender_name=single_line(str(values["sender_name"])),
            recipient=require_single_line(recipient.email, what=f"The address of lead {recipient.lead_id}"),
            subject=subject,
            text=text,
            html=self._tracked(html, send_id, unsubscribe),
            message_id=require_single_line(message_id(send_id, sender.domain, self._key), what="The sending domain"),
            headers=self._headers(unsubscribe, sender.domain),
            tags=self._tags(send_id),
        )

    def _values(self, recipient: Recipient, sender: Sender, unsubscribe: str) -> dict[str, object]:
        fields = {variable_name(name): value for name, value in recipient.fields.items() if value not in (None, "")}
        return fields | {
            "email": recipient.email,
            "organisation": self._organisation.name,
            "postal_address": "\n".join(self._address_lines),
            "sender_name": sender.display_name or self._organisation.name,
            "unsubscribe_url": unsubscribe,
        }

    def _require_footer(self, text: str, html: str, unsubscribe: str, where: str) -> None:
        """A condition may hide what the law asks for: look at what came out, not only at the template."""
        if unsubscribe not in text or unsubscribe not in html:
            raise TemplateInvalid(f"{where}: the unsubscribe link is missing in the rendered mail; no `if` around it.")
        found = all(line in text for line in self._address_lines)
        if not (found and all(line in html for line in self._address_html_lines)):
            raise TemplateInvalid(f"{where}: the postal address is missing in the rendered mail; no `if` around it.")

    def _tracked(self, html: str, send_id: int, unsubscribe: str) -> str:
        if self._variant.track_clicks:
            html = track_links(
                html, edge_base_url=self._edge_base_url, send_id=send_id, key=self._key, unsubscribe_url=unsubscribe
            )
        if self._variant.track_opens:
            html = add_pixel(html, edge_base_url=self._edge_base_url, send_id=send_id, key=self._key)
        return html

    def _headers(self, unsubscribe: str, domain: str) -> tuple[tuple[str, str], ...]:
        return list_headers(
            unsubscribe_url=unsubscribe,
            campaign_id=self._variant.campaign_id,
            step=self._variant.step,
            variant_id=self._variant.variant_id,
            domain=domain,
        )

    def _tags(self, send_id: int) -> dict[str, str]:
        variant = self._variant
        return {
            "send_id": str(send_id),
            "campaign_id": str(variant.campaign_id),
            "step": str(variant.step),
            "variant": str(variant.variant_id),
        }

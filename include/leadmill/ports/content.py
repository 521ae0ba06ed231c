"""Rendering a campaign's content, as planning, preview and dispatch see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from leadmill.domain.messages import OutgoingMessage

PROVIDED_VARIABLES = frozenset({"email", "organisation", "postal_address", "sender_name", "unsubscribe_url"})
"""What every template may read besides the lead's own fields."""


@dataclass(frozen=True, slots=True)
class VariantContent:
    """One variant of one step, as the analyst wrote it (Jinja templates).

    `label` names it in messages where it has no id yet.
    """

    campaign_id: int
    step: int
    variant_id: int
    subject: str
    body_html: str
    body_text: str = ""
    track_opens: bool = True
    track_clicks: bool = True
    label: str = ""


@dataclass(frozen=True, slots=True)
class Organisation:
    """Who is behind the mails: CAN-SPAM's postal address, GDPR's controller."""

    name: str
    postal_address: str
    website: str = ""


@dataclass(frozen=True, slots=True)
class Sender:
    """The mailbox a mail goes out from; `domain` is the sending domain, where Message-ID lives."""

    address: str
    display_name: str
    domain: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """One lead as a template sees it.

    `fields`: first_name, last_name, company, job_title, country, category and the file's further columns; missing ones
    are absent, never an empty surprise.
    """

    lead_id: int
    email: str
    fields: Mapping[str, object]


class CompiledContent(Protocol):
    """A variant compiled once, rendered per recipient."""

    @property
    def variables(self) -> frozenset[str]:
        """Names of the lead fields that the subject and both bodies read."""
        ...

    def render(self, *, send_id: int, recipient: Recipient, sender: Sender) -> OutgoingMessage:
        """One mail, with Message-ID, List-Unsubscribe(-Post), tags, tracked links and pixel.

        Raises:
            TemplateInvalid: A variable the template needs is missing for this lead.
        """
        ...


class ContentCompiler(Protocol):
    """Compiles variants in a sandbox."""

    def compile(self, variant: VariantContent, organisation: Organisation) -> CompiledContent:
        """Compile once per variant.

        Raises:
            TemplateInvalid: A syntax error, or the postal address or the unsubscribe link is missing.
        """
        ...

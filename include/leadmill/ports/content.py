"""Rendering a campaign's content, as planning, preview and dispatch see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from leadmill.domain import template_fields
from leadmill.domain.attachments import AttachedFile
from leadmill.domain.content_blocks import ContentBlock
from leadmill.domain.messages import Attachment, OutgoingMessage
from leadmill.domain.threads import EarlierMail

PROVIDED_VARIABLES = template_fields.PROVIDED_VARIABLES
"""What every template may read besides the lead's own fields."""


@dataclass(frozen=True, slots=True)
class VariantContent:
    """One variant of one step, as the analyst wrote it (Jinja templates).

    `label` names it in messages. `fallbacks` and `blocks` are the campaign's, `attachments` the step's.
    `conversation`: the variants of the steps before, nearest first, by their ids with their subjects; an empty
    subject carries theirs on.
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
    fallbacks: tuple[tuple[str, str], ...] = ()
    blocks: tuple[ContentBlock, ...] = ()
    attachments: tuple[AttachedFile, ...] = ()
    conversation: tuple[tuple[int, str], ...] = ()


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


class Recipient(NamedTuple):
    """One lead as a template sees it.

    `fields`: first_name, last_name, company, job_title, country, category and the file's further columns, as
    `domain.template_fields` makes them: missing and empty ones are absent. `thread`: the mails that the lead got
    before in the same campaign, first to last.
    """

    lead_id: int
    email: str
    fields: Mapping[str, object]
    thread: tuple[EarlierMail, ...] = ()


@dataclass(frozen=True, slots=True)
class PreviewNotes:
    """What a lead's mail owes to its category and to what is missing.

    `fallbacks`: the campaign's text for each variable that the lead lacks. `blocks`: for each block, the category whose
    version the lead gets, "" for the default one.
    """

    fallbacks: Mapping[str, str]
    blocks: Mapping[str, str]


class CompiledContent(Protocol):
    """A variant compiled once, rendered per recipient."""

    @property
    def variables(self) -> frozenset[str]:
        """Names of the lead fields that the subject and both bodies read."""
        ...

    @property
    def deciding(self) -> frozenset[str]:
        """Those of them by whose values, beyond there being one, conditions decide what else is read."""
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


class AttachmentLoader(Protocol):
    """Gives the bytes of attached files, from the store or from what was read a moment ago."""

    def load(self, files: Sequence[AttachedFile]) -> tuple[Attachment, ...]:
        """The files with their bytes, checked against their digests.

        Raises:
            TemplateInvalid: A file is gone from the store, or is not the one that was uploaded.
            StoreUnavailable: The store does not answer.
        """
        ...

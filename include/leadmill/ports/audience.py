"""Segments over leads, as pages, checks and the plan see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from leadmill.domain.campaigns import CampaignDraft
from leadmill.domain.contact_rules import ANYBODY, ContactBounds
from leadmill.domain.segments import Segment
from leadmill.domain.send_days import FirstMails
from leadmill.domain.template_fields import AskedFields
from leadmill.ports.content import Recipient


@dataclass(frozen=True, slots=True)
class ContactCount:
    """Leads with whom another campaign has something: `kind` is replied, in_sequence or mailed_recently.

    Of several campaigns of a kind the latest counts the lead.
    """

    kind: str
    campaign_id: int
    campaign_name: str
    lead_count: int


@dataclass(frozen=True, slots=True)
class AudiencePreview:
    """Live counts of a segment. matched = will_be_mailed + sum(left_out).

    Keys of `left_out`: erased, no_email, suppressed, policy, policy_country, replied, in_sequence, mailed_recently,
    duplicate; a lead counts under the first that applies. `contacts`: what other campaigns have with those who are left
    out for nothing else, whether it leaves them out or not; a lead may stand under several kinds.
    """

    matched: int
    will_be_mailed: int
    left_out: Mapping[str, int]
    contacts: tuple[ContactCount, ...] = ()

    def in_contact(self, kind: str) -> int:
        """How many leads that kind of contact concerns."""
        return sum(count.lead_count for count in self.contacts if count.kind == kind)


@dataclass(frozen=True, slots=True)
class LeadAddress:
    """A line of a downloaded list."""

    lead_id: int
    email: str
    name: str
    company: str
    country: str
    category: str


@dataclass(frozen=True, slots=True)
class SampleLead:
    """A lead to preview with; the page shows it to people who may see leads."""

    lead_id: int
    name: str
    company: str
    country: str
    category: str


@dataclass(frozen=True, slots=True)
class CountryGap:
    """Leads of an audience that their country's rule keeps from being mailed."""

    country: str
    legal_basis: str
    lead_count: int


GapKey = tuple[int, str, str, str]
"""What the ledger groups leads by: which columns they have, which further fields, their category, and where they lack
something a digest of the deciding fields' values."""


@dataclass(frozen=True, slots=True)
class FieldGap:
    """Leads of an audience that have the same of the asked fields; the first of some stands for all of them."""

    key: GapKey
    present: frozenset[str]
    category: str
    lead_count: int
    some_lead_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ExaminedAudience:
    """One segment's leads as they were at one moment.

    `country_gaps`: whom the countries' rules leave out, most frequent first. `field_gaps`: those who will be mailed, by
    which of the asked fields each lead has, by category where that was asked for, and by the values of the deciding
    fields where it lacks any; most frequent first, at most 2,000 kinds of leads.
    """

    preview: AudiencePreview
    country_gaps: tuple[CountryGap, ...]
    field_gaps: tuple[FieldGap, ...]


class AudienceLedger(Protocol):
    """Segments over the ledger's leads."""

    def preview(self, segment: Segment, pool_id: int | None, bounds: ContactBounds = ANYBODY) -> AudiencePreview:
        """Live counts; without a pool, every legal basis counts as accepted.

        `bounds`, here and below: whom to leave out for what other campaigns have with them.
        """
        ...

    def sample(self, segment: Segment, limit: int) -> list[SampleLead]:
        """A few mailable leads, of as many categories as possible."""
        ...

    def recipients(self, lead_ids: Sequence[int]) -> list[Recipient]:
        """Leads as a template sees them, in the order asked for; those that are gone or erased are left out."""
        ...

    def first_mails(self, draft: CampaignDraft, *, earliest: datetime, bounds: ContactBounds = ANYBODY) -> FirstMails:
        """When the first mails of a draft would go out at or after `earliest`, as the plan reckons it."""
        ...

    def examine(
        self, segment: Segment, pool_id: int | None, fields: AskedFields, bounds: ContactBounds = ANYBODY
    ) -> ExaminedAudience:
        """The whole audience in one pass, with which of these template fields the leads have."""
        ...

    def known_fields(self) -> frozenset[str]:
        """The names, as templates write them, of all further columns that lead files brought."""
        ...

    def leads(self, lead_ids: Sequence[int]) -> list[SampleLead]:
        """Leads to show, by id; those that are gone or erased are left out."""
        ...

    def addresses_of(
        self,
        segment: Segment,
        pool_id: int | None,
        fields: AskedFields,
        keys: Sequence[GapKey],
        limit: int,
        bounds: ContactBounds = ANYBODY,
    ) -> list[LeadAddress]:
        """The leads of these groups with their addresses, by id. `fields`: as they were examined with."""
        ...

    def addresses_of_contacts(
        self, segment: Segment, pool_id: int | None, bounds: ContactBounds, kind: str, limit: int
    ) -> list[LeadAddress]:
        """The leads behind `AudiencePreview.in_contact(kind)` with their addresses, by id."""
        ...

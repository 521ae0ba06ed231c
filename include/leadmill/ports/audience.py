"""Segments over leads, as pages, checks and the plan see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from leadmill.domain.segments import Segment
from leadmill.ports.content import Recipient


@dataclass(frozen=True, slots=True)
class AudiencePreview:
    """Live counts of a segment. matched = will_be_mailed + sum(left_out).

    Keys of `left_out`: erased, no_email, suppressed, policy, duplicate; a lead counts under the first that applies.
    """

    matched: int
    will_be_mailed: int
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SampleLead:
    """A lead to preview with; the page shows it to people who may see leads."""

    lead_id: int
    name: str
    company: str
    country: str
    category: str


@dataclass(frozen=True, slots=True)
class FieldGap:
    """Leads of an audience that have the same of the asked fields; one of them stands for all."""

    present: frozenset[str]
    category: str
    lead_count: int
    example_lead_id: int


class AudienceLedger(Protocol):
    """Segments over the ledger's leads."""

    def preview(self, segment: Segment, pool_id: int | None) -> AudiencePreview:
        """Live counts; without a pool, every legal basis counts as accepted."""
        ...

    def sample(self, segment: Segment, limit: int) -> list[SampleLead]:
        """A few mailable leads, of as many categories as possible."""
        ...

    def recipients(self, lead_ids: Sequence[int]) -> list[Recipient]:
        """Leads as a template sees them, in the order asked for; those that are gone or erased are left out."""
        ...

    def field_gaps(self, segment: Segment, pool_id: int | None, names: Sequence[str]) -> list[FieldGap]:
        """The audience, grouped by which of these template fields each lead has; most frequent first, at most 200."""
        ...

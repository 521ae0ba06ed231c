"""Finding leads, and everything that is known of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class LeadFilter:
    """Which leads to show; an empty filter means "any". Scores are probabilities from 0 to 1.

    `text` is looked for anywhere in e-mail address, name and company.
    """

    text: str = ""
    countries: tuple[str, ...] = ()
    industries: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    legal_bases: tuple[str, ...] = ()
    min_score: float = 0.0
    max_score: float = 1.0


@dataclass(frozen=True, slots=True)
class PageKey:
    """The last row of a page: the next one begins after it. `score` counts only for the order by score."""

    lead_id: int
    score: float = 2.0


@dataclass(frozen=True, slots=True)
class FoundLead:
    """One line of a list of leads. `probability` is None before the first scoring."""

    lead_id: int
    email: str
    first_name: str
    last_name: str
    company: str
    job_title: str
    country: str
    industry: str
    category: str
    source: str
    legal_basis: str
    created_at: datetime
    probability: float | None
    is_base_rate: bool
    is_suppressed: bool


@dataclass(frozen=True, slots=True)
class LeadPage:
    """One page; `next_key` is None on the last one."""

    leads: tuple[FoundLead, ...]
    next_key: PageKey | None


@dataclass(frozen=True, slots=True)
class LeadTotals:
    """Living leads, suppressed ones among them, and those with a model's score."""

    leads: int
    suppressed: int
    scored: int


@dataclass(frozen=True, slots=True)
class LeadEvent:
    """Something that happened to one of a lead's mails; `machine` means that no person did it."""

    occurred_at: datetime
    kind: str
    bounce_kind: str | None
    machine: bool
    machine_reason: str
    send_id: int | None
    url: str


@dataclass(frozen=True, slots=True)
class ScorePoint:
    """A lead's score from `as_of` on."""

    as_of: datetime
    probability: float
    is_base_rate: bool


@dataclass(frozen=True, slots=True)
class LeadDetail:
    """Everything known of one lead: the ledger's row (with score, window, suppression), its mails, what came back."""

    lead: Mapping[str, Any]
    sends: tuple[Mapping[str, Any], ...]
    events: tuple[LeadEvent, ...]
    scores: tuple[ScorePoint, ...]


class LeadSearch(Protocol):
    """Leads in the ledger."""

    def page(self, wanted: LeadFilter, *, by_score: bool, after: PageKey | None, size: int) -> LeadPage:
        """One page, newest or best first."""
        ...

    def count(self, wanted: LeadFilter, *, most: int) -> int:
        """How many leads the filter holds, counted no further than `most`."""
        ...

    def totals(self) -> LeadTotals:
        """How many leads there are."""
        ...

    def values(self) -> dict[str, tuple[str, ...]]:
        """The values in use of country, industry, category and source, the commonest first."""
        ...

    def lead(self, lead_id: int) -> Mapping[str, Any]:
        """One lead with score, window and suppression. Raises `NotFound`."""
        ...

    def sends(self, lead_id: int) -> tuple[Mapping[str, Any], ...]:
        """Mails to one lead, newest first, at most 200."""
        ...


class LeadHistory(Protocol):
    """What the lake knows of a lead."""

    def of(self, lead_id: int) -> tuple[tuple[LeadEvent, ...], tuple[ScorePoint, ...]]:
        """Events (newest first, at most 500) and scores (oldest first)."""
        ...

"""What is stopped, on what evidence, and which contents wait for a person to read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from leadmill.domain.access import Actor


class Cause(StrEnum):
    """Who or what stopped a sender."""

    PERSON = "person"
    EVIDENCE = "evidence"  # a guardrail, by what became of its mails
    PROVIDER = "provider"  # its answer: refused log-in, suspended, sender refused
    BLACKLIST = "blacklist"


@dataclass(frozen=True, slots=True)
class Hold:
    """A pause or cool-down with its evidence; `ended_at` None: it holds now. Times are UTC.

    `subject` is a mailbox's address, a domain's or an account's name; `subject_id` its id in the ledger.
    """

    hold_id: int
    subject_kind: str
    subject_id: int
    subject: str
    status: str
    cause: str
    finding: str
    reason: str
    evidence: Mapping[str, object]
    began_by: str
    began_at: datetime
    until: datetime | None
    ended_by: str
    ended_at: datetime | None
    end_reason: str


@dataclass(frozen=True, slots=True)
class Complained:
    """A campaign with more complaints than any review has seen; `seen` is how many they had."""

    campaign_id: int
    campaign_name: str
    complaints: int
    mailbox_ids: tuple[int, ...]
    seen: int


@dataclass(frozen=True, slots=True)
class ContentReview:
    """A campaign whose content a person should read; `is_held`: nothing of it is claimed until then."""

    review_id: int
    campaign_id: int
    campaign: str
    campaign_status: str
    complaints: int
    mails: int
    is_held: bool
    opened_at: datetime
    mailboxes: tuple[str, ...]


class HoldLedger(Protocol):
    """Holds and content reviews."""

    def holds(self, *, since: datetime, limit: int = 500) -> list[Hold]:
        """What is stopped now, and what was stopped since then."""
        ...

    def complained(self) -> Sequence[Complained]:
        """Campaigns with complaints that no review has seen."""
        ...

    def mails_of(self, campaign_id: int) -> int:
        """Accepted mails of a campaign."""
        ...

    def open_review(self, found: Complained, *, mails: int, hold_reason: str, as_of: datetime) -> bool:
        """Open or update a campaign's review; with a reason, hold the campaign. Returns whether it is held by this."""
        ...

    def close_review(self, actor: Actor, campaign_id: int, *, reason: str, as_of: datetime) -> bool:
        """Close it, and let a campaign that it held run again. Returns whether it runs. Raises `NotFound`."""
        ...

    def open_reviews(self) -> list[ContentReview]:
        """Reviews that wait for a person, the oldest first."""
        ...

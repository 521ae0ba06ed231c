"""The law that nobody is lost: what must add up for every campaign, every claim and every limit's books (DESIGN §2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from leadmill.domain.campaigns import CampaignStatus
from leadmill.domain.sends import OPEN_STATES, SendState


class Breach(StrEnum):
    """Which part of the law does not hold."""

    ROWS_MISSING = "rows_missing"
    AUDIENCE = "audience"
    FINISHED_WITH_OPEN = "finished_with_open"
    NOT_QUEUED = "not_queued"
    NOT_SHOWN = "not_shown"
    NO_LEASE = "no_lease"
    BOOKS_SHORT = "books_short"


REPAIRABLE = frozenset({Breach.NOT_QUEUED, Breach.NOT_SHOWN})
"""Queue and doubts are only hints beside the sends' own rows: making them anew can harm nothing."""


@dataclass(frozen=True, slots=True)
class CampaignBooks:
    """Counts of one planned campaign, all of one moment.

    `not_queued`: planned sends with a time that no claim would ever find; `not_shown`: ambiguous ones that no person
    would see; `no_lease`: claimed ones that no sweep would ever recover. Each of the three is 0 where all is well.
    """

    campaign_id: int
    name: str
    status: CampaignStatus
    audience: int
    left_out: int
    planned_leads: int
    steps: int
    by_state: Mapping[SendState, int]
    not_queued: int = 0
    not_shown: int = 0
    no_lease: int = 0

    @property
    def rows(self) -> int:
        """All send rows of the campaign, whatever their state."""
        return sum(self.by_state.values())

    @property
    def open(self) -> int:
        """Sends that are neither out nor given up."""
        return sum(self.by_state.get(state, 0) for state in OPEN_STATES)


@dataclass(frozen=True, slots=True)
class MailboxBooks:
    """What a mailbox's books say of one local day, against the sends claimed for it on that day."""

    mailbox_id: int
    address: str
    day: str
    taken: int
    claimed: int


@dataclass(frozen=True, slots=True)
class Fault:
    """One breach: its size in sends (or leads), and a sentence for people that says what to do."""

    breach: Breach
    count: int
    sentence: str


def campaign_faults(books: CampaignBooks) -> Iterator[Fault]:
    """What does not add up in a campaign; nothing where the law holds.

    Every lead of the audience is left out or has one row a step; every row is in exactly one state; what is planned
    with a time is queued, what is in doubt is shown, what is claimed has a lease that ends; what is finished has
    nothing open.
    """
    owed = books.planned_leads * books.steps
    if books.rows != owed:
        sentence = f"it should have {owed:,} mails and has {books.rows:,}. Pause it, and restore the lost rows"
        yield Fault(Breach.ROWS_MISSING, abs(owed - books.rows), sentence + " from a backup of the ledger.")
    if books.planned_leads + books.left_out != books.audience:
        found = books.planned_leads + books.left_out
        sentence = (
            f"its audience held {books.audience:,} leads, but {found:,} are accounted for. Pause it and look into"
        )
        yield Fault(
            Breach.AUDIENCE, abs(books.audience - found), sentence + " the audit log for what changed its rows."
        )
    if books.status is CampaignStatus.FINISHED and books.open:
        sentence = f"it is finished, but {books.open:,} mails are still open. Settle the unclear ones; the others"
        yield Fault(Breach.FINISHED_WITH_OPEN, books.open, sentence + " were reopened by hand and go nowhere.")
    if books.not_queued:
        sentence = f"{books.not_queued:,} due mails were missing from the queue. They are put back; nothing to do"
        yield Fault(Breach.NOT_QUEUED, books.not_queued, sentence + " unless it comes again.")
    if books.not_shown:
        sentence = (
            f"{books.not_shown:,} unclear mails were missing from the list of unclear mails. They are shown again;"
        )
        yield Fault(Breach.NOT_SHOWN, books.not_shown, sentence + " settle them.")
    if books.no_lease:
        sentence = f"{books.no_lease:,} mails are marked as being sent, but no worker holds them. Nothing recovers them"
        yield Fault(Breach.NO_LEASE, books.no_lease, sentence + " by itself: see the run-book check_conservation.")


def mailbox_fault(books: MailboxBooks) -> Fault | None:
    """Whether fewer mails are booked against a mailbox's limit than it was given: then the limit is exceeded unseen."""
    if books.taken >= books.claimed:
        return None
    sentence = (
        f"on {books.day} its books say {books.taken:,} mails, but {books.claimed:,} were given to it. Its limits may be"
        " exceeded: pause it, and correct the books as the run-book check_conservation says."
    )
    return Fault(Breach.BOOKS_SHORT, books.claimed - books.taken, sentence)

"""Collecting events and projecting them to the ledger, as the services see it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from leadmill.ports.store import StoredObject


@dataclass(frozen=True, slots=True)
class CollectionCounts:
    """What collecting came to; `unknown_words` are provider words that no table holds, with how often they came."""

    objects: int = 0
    events: int = 0
    duplicates: int = 0
    broken: int = 0
    unmatched_mails: int = 0
    unknown_words: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: CollectionCounts) -> CollectionCounts:
        words = dict(self.unknown_words)
        for word, count in other.unknown_words.items():
            words[word] = words.get(word, 0) + count
        return CollectionCounts(
            self.objects + other.objects,
            self.events + other.events,
            self.duplicates + other.duplicates,
            self.broken + other.broken,
            self.unmatched_mails + other.unmatched_mails,
            words,
        )


class Collection(Protocol):
    """One collector at work, alone until it is closed."""

    def waiting(self) -> Sequence[StoredObject]:
        """Objects in the landing zone that were not read yet: our edge's and mails first, then by key."""
        ...

    def collect(self, batch: Sequence[StoredObject], *, as_of: datetime) -> CollectionCounts:
        """Read objects and commit their events together with the fact that they were read, in one transaction.

        Raises:
            EventObjectsUnreadable: One of them cannot be held; nothing was read, and the collection can go on.
            DatabaseUnavailable: Lake, ledger or store did not answer; nothing was read.
        """
        ...

    def set_aside(self, item: StoredObject, *, reason: str, as_of: datetime) -> CollectionCounts:
        """Note an object as read and as broken as a whole, with the reason; it stays where it lies."""
        ...


class Collector(Protocol):
    """Opens collections; a second one waits until the first is closed."""

    def open(self) -> AbstractContextManager[Collection]:
        """Take the collector's lock."""
        ...


@dataclass(frozen=True, slots=True)
class SendEvidence:
    """Columns of equal length: what a run of batches proves, one entry a send.

    `states` with its `ranks` (see `domain.sends.EVIDENCE_RANK`) since `times`; `first_times` is the earliest event;
    None where nothing of the kind was seen. `are_signed`: our own signature named the send, so this mail left whatever
    the ledger says; else an id that anybody could have written, or the sender's address.
    """

    send_ids: list[int]
    states: list[str]
    ranks: list[int]
    times: list[datetime]
    first_times: list[datetime]
    bounce_kinds: list[str | None]
    reply_times: list[datetime | None]
    unsubscribe_times: list[datetime | None]
    are_signed: list[bool]


@dataclass(frozen=True, slots=True)
class SuppressionEvidence:
    """Columns of equal length: whom events ask to be left alone, one entry a (send, reason).

    `times` and `event_ids` are the earliest event's, `last_times` the latest's; `are_signed` as in `SendEvidence`.
    """

    send_ids: list[int]
    reasons: list[str]
    times: list[datetime]
    event_ids: list[str]
    last_times: list[datetime]
    are_signed: list[bool]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the lake's batches after a position, up to and including `upto`, prove."""

    upto: int
    sends: SendEvidence
    suppressions: SuppressionEvidence


@dataclass(frozen=True, slots=True)
class ProjectionCounts:
    """What a projection changed."""

    sends_moved: int = 0
    suppressed: int = 0
    follow_ups_cancelled: int = 0
    follow_ups_released: int = 0
    mailbox_days: int = 0
    position: int = 0

    def __add__(self, other: ProjectionCounts) -> ProjectionCounts:
        return ProjectionCounts(
            self.sends_moved + other.sends_moved,
            self.suppressed + other.suppressed,
            self.follow_ups_cancelled + other.follow_ups_cancelled,
            self.follow_ups_released + other.follow_ups_released,
            self.mailbox_days + other.mailbox_days,
            max(self.position, other.position),
        )


class EvidenceSource(Protocol):
    """The lake, as the projection reads it."""

    def evidence_after(self, position: int) -> Evidence | None:
        """The next batches' evidence, bounded in size; None where nothing is new."""
        ...


class LedgerProjection(Protocol):
    """One transaction of the projection; holds the position's lock."""

    @property
    def position(self) -> int:
        """The last batch that was applied."""
        ...

    def apply(self, evidence: Evidence, *, as_of: datetime) -> ProjectionCounts:
        """Bring states, suppressions and follow-ups up to date and move the position."""
        ...

    def refresh_health(self, *, as_of: datetime) -> int:
        """Count today's and yesterday's mailbox health anew. Returns how many (mailbox, day) there are."""
        ...


class ProjectionLedger(Protocol):
    """Opens projection transactions; a second one waits until the first has committed."""

    def projecting(self) -> AbstractContextManager[LedgerProjection]:
        """One transaction, committed at the end of the block."""
        ...

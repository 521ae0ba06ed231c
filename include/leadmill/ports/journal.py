"""The journal in the store, and what a restored ledger takes over from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from leadmill.domain.access import Actor
from leadmill.domain.journal import JournalEntry


@dataclass(frozen=True, slots=True)
class Tidied:
    """How far the journal was tidied: entries of claims up to `claim_id`, all from before `before`, are gone."""

    claim_id: int
    before: date


class Journal(Protocol):
    """Entries of claims, one object each. Every method raises `StoreUnavailable`."""

    def keep(self, entry: JournalEntry) -> None:
        """Put an entry into the store; when this returns it is there for good."""
        ...

    def keys(self, *, after_claim: int = -1) -> Iterator[str]:
        """Keys of the entries of later claims, in the order of claims."""
        ...

    def read(self, key: str) -> JournalEntry:
        """One entry."""
        ...

    def delete(self, key: str) -> None:
        """Remove an entry."""
        ...

    def tidied(self) -> Tidied | None:
        """How far it was tidied; None where it never was."""
        ...

    def note_tidied(self, tidied: Tidied) -> None:
        """Say how far it is being tidied, before anything is removed."""
        ...


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What taking over entries came to, in mails.

    `doubted` are in doubt now; `known` had an outcome or were withdrawn; `missing` have no row in this ledger.
    """

    entries: int = 0
    doubted: int = 0
    known: int = 0
    missing: int = 0

    def __add__(self, other: TakenOver) -> TakenOver:
        return TakenOver(
            self.entries + other.entries,
            self.doubted + other.doubted,
            self.known + other.known,
            self.missing + other.missing,
        )


@dataclass(frozen=True, slots=True)
class RestoreStanding:
    """How far a restore is, also one that was broken off and goes on; `lacks_since` is UTC.

    Mails sent since `lacks_since` were not in the copy; `doubted` were put in doubt, and `waiting` of them still are.
    """

    lacks_since: datetime | None
    doubted: int
    waiting: int


class RestoreLedger(Protocol):
    """A restored ledger while it learns what it lacks."""

    def alone(self) -> AbstractContextManager[None]:
        """Keep a second one out until the block ends. Raises `Conflict` where one is at work."""
        ...

    def begin(self, *, as_of: datetime) -> None:
        """Refuse dispatch until `end`, also after this process died."""
        ...

    def take_over(self, key: str, entry: JournalEntry, *, as_of: datetime) -> TakenOver:
        """Put an entry's sends in doubt, use up what they used of the limits, and move the sequences on: all or none.

        An entry that was taken over before changes nothing.
        """
        ...

    def standing(self) -> RestoreStanding:
        """How far it is."""
        ...

    def end(self, actor: Actor, *, through_claim: int, counts: Mapping[str, int], as_of: datetime) -> None:
        """Lift the refusal, give no claim's number up to `through_claim` again; the counts go into the audit log."""
        ...


class Replay(Protocol):
    """The landing zone."""

    def replay(self, as_of: datetime, *, since: datetime | None) -> int:
        """Collect what waits and apply what it proves, with what came `since`; returns how many sends moved."""
        ...

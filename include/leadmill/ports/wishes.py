"""Wishes on their way into the store and back, as the services see them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from leadmill.domain.wishes import Wish


@dataclass(frozen=True, slots=True)
class StoppedSubject:
    """What was stopped last and not released since: its kind, its id and name in this ledger, and how."""

    kind: str
    subject_id: int
    name: str
    status: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Reapplied:
    """How many people a reading of the log changed in the ledger, and what was stopped by its last word."""

    suppressed: int
    lifted: int
    erased: int
    stopped: Sequence[StoppedSubject]


@dataclass(frozen=True, slots=True)
class LoggedWishes:
    """What the log holds, in the order in which it was said.

    `unreadable`: so many lines could not be read. `through`: the time of the latest object that was read, aware UTC.
    """

    wishes: Sequence[Wish]
    unreadable: int
    through: datetime | None


class WishLedger(Protocol):
    """The ledger's outbox of wishes, which its own triggers fill, and the way back."""

    def hand_on(self, log: WishLog, *, wait: bool = False) -> int:
        """Append the next wishes to the log, and forget them once they lie there.

        Returns how many; 0 where none waits, or where another process is at it (unless `wait`, which waits for it).
        """
        ...

    def logged_through(self) -> datetime | None:
        """The time of the log's latest object that this ledger wrote or read; None before the first."""
        ...

    def note_read(self, through: datetime) -> None:
        """Remember that all objects up to that time were read."""
        ...

    def wait_longer_than(self, time: timedelta) -> bool:
        """Whether the oldest wish waits for longer than that."""
        ...

    def reapply(self, wishes: Iterable[Wish], *, as_of: datetime) -> Reapplied:
        """Bring people to the last word about each; twice is the same as once."""
        ...


class WishLog(Protocol):
    """The wishes in the store; objects are only ever added."""

    def append(self, wishes: Sequence[Wish], at: datetime) -> None:
        """Add one object. Raises `StoreUnavailable`."""
        ...

    def latest(self, *, after: datetime | None) -> datetime | None:
        """The time of the latest object after that one; None where there is none. Raises `StoreUnavailable`."""
        ...

    def wishes(self, *, since: date | None = None) -> LoggedWishes:
        """All wishes since a day (UTC)."""
        ...

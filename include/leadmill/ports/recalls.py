"""What takes claimed sends back, as a lane and people who ask see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from leadmill.domain.dispatch import SendResult


@dataclass(frozen=True, slots=True)
class Look:
    """What a look found. `seen` says, to the ledger alone, what it could see; `at` is when it was, aware UTC.

    `unwanted`: by send id, what becomes of the sends that must not go out.
    """

    seen: str
    at: datetime
    unwanted: Mapping[int, SendResult]


@dataclass(frozen=True, slots=True)
class Hands:
    """Whose sends are counted: of all of these that are given, as SQL's `and`."""

    lead_id: int | None = None
    campaign_id: int | None = None
    mailbox_id: int | None = None
    domain: str | None = None
    account: str | None = None


class RecallLedger(Protocol):
    """Says which claimed sends must not go out any more."""

    def first_look(self, *, now: datetime) -> Look:
        """Where looks begin: what is written from now on is news."""
        ...

    def look(self, worker: str, since: Look, *, now: datetime) -> Look:
        """Which of a worker's claimed sends must not go out? None where nothing that may say so was written since."""
        ...

    def sends_in_hand(self, hands: Hands, *, as_of: datetime) -> int:
        """How many sends are in workers' hands right now."""
        ...

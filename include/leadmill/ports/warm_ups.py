"""Warm-ups and probations: what the daily look at them reads and writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from leadmill.domain.access import Actor
from leadmill.domain.guardrails import Health
from leadmill.domain.warm_up import ProbationDay, WarmUp, WarmUpDay


@dataclass(frozen=True, slots=True)
class WarmUpDue:
    """A mailbox whose local day `day` has not been looked at; `accepted` since it was, `health` of the recent mails.

    `warm_up` is None for a mailbox that never warmed up; `clean_days` is None where it is on no probation.
    """

    mailbox_id: int
    full_limit: int
    curve: str
    evaluated_on: date
    day: date
    accepted: int
    health: Health
    warm_up: WarmUp | None = None
    clean_days: int | None = None


@dataclass(frozen=True, slots=True)
class WarmUpMove:
    """What a look changed: the mailbox as it was found and its new day."""

    found: WarmUpDue
    new: WarmUpDay


@dataclass(frozen=True, slots=True)
class ProbationMove:
    """The same of a probation; `limit` is the new day's, in mails."""

    found: WarmUpDue
    new: ProbationDay
    limit: int


@dataclass(frozen=True, slots=True)
class WarmUpStanding:
    """Where a mailbox's warm-up and probation stand, for people. `limit` is what they allow today, in mails."""

    mailbox_id: int
    address: str
    pool: str
    full_limit: int
    curve: str
    started_on: date | None
    warm_up: WarmUp | None
    limit: int
    last_advanced_on: date | None
    reason: str
    probation_days: int | None
    probation_since: date | None
    probation_cause: str


@dataclass(frozen=True, slots=True)
class LimitDay:
    """What one day did to a mailbox's limit; `kind` is warm_up or probation, `stage` of a probation its clean days."""

    mailbox_id: int
    address: str
    kind: str
    day: date
    change: str
    stage: int
    day_limit: int
    reason: str
    evidence: dict[str, float] = field(default_factory=dict)


class WarmUpLedger(Protocol):
    """Warm-ups and probations with their history."""

    def warm_ups_due(self, *, as_of: datetime) -> Sequence[WarmUpDue]:
        """Warm-ups not looked at on their mailbox's present local day."""
        ...

    def probations_due(self, *, as_of: datetime) -> Sequence[WarmUpDue]:
        """The same of probations."""
        ...

    def save_warm_ups(self, moves: Sequence[WarmUpMove]) -> int:
        """Write new days; those that somebody else wrote meanwhile stay as they are. Returns how many were written."""
        ...

    def save_probations(self, moves: Sequence[ProbationMove]) -> int:
        """The same of probations."""
        ...

    def standings(self) -> list[WarmUpStanding]:
        """Every mailbox that warms up, did so, or is on probation."""
        ...

    def history(self, *, since: date, mailbox_id: int | None = None) -> list[LimitDay]:
        """What each day did to the limits, in order."""
        ...

    def set_curve(self, actor: Actor, kind: str, name: str, curve: str, *, as_of: datetime) -> None:
        """Let a mailbox (by address) or a pool (by name) follow a curve. Raises `NotFound`."""
        ...

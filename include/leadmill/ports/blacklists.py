"""Blacklists as the services see them: what is watched, how it stands, and what was seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from leadmill.domain.blacklists import Outcome, SubjectKind, Verdict


@dataclass(frozen=True, slots=True)
class Subject:
    """An IP address or a domain that must be on no list.

    `roles`: sending_domain, sending_ip, tracking, link. `sending_domain` is the one that has to cool down when this
    is listed; empty for anything that is no sending domain itself. `shared_ip`: a provider's shared address.
    """

    name: str
    kind: SubjectKind
    roles: frozenset[str]
    sending_domain: str = ""
    shared_ip: bool = False


@dataclass(frozen=True, slots=True)
class CheckedPair:
    """One list's verdict on one subject, and how many checks in this run said so."""

    subject: Subject
    zone: str
    verdict: Verdict
    checks: int = 1


@dataclass(frozen=True, slots=True)
class Standing:
    """How a subject stands on a list now, UTC. `consecutive` counts checks in a row with this outcome."""

    subject: str
    subject_kind: SubjectKind
    zone: str
    outcome: Outcome
    answer: str
    since: datetime
    checked_at: datetime
    consecutive: int
    alerted: bool


class BlacklistLedger(Protocol):
    """The current standing."""

    def subjects(self) -> Sequence[Subject]:
        """Everything that the ledger says we send from or link to; link hosts as registrable names."""
        ...

    def record(self, pairs: Sequence[CheckedPair], *, as_of: datetime) -> None:
        """Bring the standings up to date; an older or repeated run changes nothing."""
        ...

    def standings(self) -> Sequence[Standing]:
        """Every standing."""
        ...

    def mark_alerted(self, pairs: Sequence[tuple[str, str]], *, alerted: bool) -> None:
        """Note for which (subject, list) people were told of a listing (or, with False, of its end)."""
        ...

    def forget_unwatched(
        self, subjects: Sequence[str], zones: Sequence[str], *, as_of: datetime
    ) -> Sequence[tuple[str, str]]:
        """Drop all other standings. Returns the (subject, list) pairs that people had been told of."""
        ...

    def extend_cool_downs(self, domains: Sequence[str], *, until: datetime, as_of: datetime) -> None:
        """Lengthen cool-downs that would end sooner; a domain that a person put back stays in rotation."""
        ...


class CheckHistory(Protocol):
    """Every check there was."""

    def add(self, pairs: Sequence[CheckedPair], *, as_of: datetime) -> None:
        """Keep one run's verdicts in one batch; a repeated run adds nothing."""
        ...

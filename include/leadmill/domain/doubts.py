"""Sends of which nobody knows whether they went out: what happened, what speaks for which answer, and what follows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from leadmill.domain.dispatch import AMBIGUOUS_IS_LOST_AFTER

SAME_INCIDENT_WITHIN = timedelta(minutes=30)
"""Doubts of one lane and one cause that follow each other so closely have one origin. Our choice: two leases."""

ENOUGH_TO_TELL = 20
"""So many mails of the same hours must have been taken before their reports say anything. Our choice."""

MOSTLY = 0.8
"""From this share on, an account reports what becomes of its mails. Our choice."""


class Cause(StrEnum):
    """Why nobody knows."""

    WORKER_DIED = "worker_died"
    NO_ANSWER = "no_answer"
    GATEWAY = "gateway"
    RESTORED = "restored"


def cause_of(code: str) -> Cause:
    """The cause that the ledger's code of an ambiguous send tells."""
    if code == "lease_expired":
        return Cause.WORKER_DIED
    if code == "restored":
        return Cause.RESTORED
    return Cause.GATEWAY if code.startswith("http-") else Cause.NO_ANSWER


@dataclass(frozen=True, slots=True)
class Doubt:
    """One ambiguous send, and whom it was for. Times are UTC; it cannot have gone out before `claimed_at`."""

    send_id: int
    campaign_id: int
    campaign_name: str
    campaign_status: str
    step: int
    lead_id: int
    lead_name: str
    email: str
    subject: str
    mailbox_address: str
    lane: str
    provider: str
    claimed_at: datetime
    since: datetime
    code: str

    @property
    def cause(self) -> Cause:
        """Why nobody knows."""
        return cause_of(self.code)

    @property
    def lost_at(self) -> datetime:
        """When it counts as lost by itself, if nothing is heard until then."""
        return self.since + AMBIGUOUS_IS_LOST_AFTER


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Mails that the same account surely took in the hours around, and for how many of them anything was reported."""

    taken: int = 0
    reported: int = 0


class Hint(StrEnum):
    """What the silence about a doubt says."""

    PROBABLY_NOT_SENT = "probably_not_sent"
    SILENCE_SAYS_NOTHING = "silence_says_nothing"
    TOO_FEW_TO_TELL = "too_few_to_tell"


def hint_of(around: Surroundings) -> Hint:
    """What it means that nothing was heard of an incident's mails, by what was heard of others of the same hours."""
    if around.taken < ENOUGH_TO_TELL:
        return Hint.TOO_FEW_TO_TELL
    if around.reported >= MOSTLY * around.taken:
        return Hint.PROBABLY_NOT_SENT
    return Hint.SILENCE_SAYS_NOTHING


@dataclass(frozen=True, slots=True)
class Incident:
    """Doubts of one origin: one lane, one cause, one time."""

    lane: str
    provider: str
    cause: Cause
    doubts: tuple[Doubt, ...]
    around: Surroundings = Surroundings()

    @property
    def began_at(self) -> datetime:
        """When the first of them was claimed, UTC."""
        return min(doubt.claimed_at for doubt in self.doubts)

    @property
    def ended_at(self) -> datetime:
        """When the last of them was claimed, UTC."""
        return max(doubt.claimed_at for doubt in self.doubts)

    @property
    def hint(self) -> Hint:
        """What the silence about them says."""
        return hint_of(self.around)


def incidents(doubts: Iterable[Doubt]) -> list[Incident]:
    """Doubts grouped by what they come from, the oldest incident first; each doubt is in exactly one."""
    by_origin: dict[tuple[str, Cause], list[list[Doubt]]] = {}
    for doubt in sorted(doubts, key=lambda d: (d.claimed_at, d.send_id)):
        groups = by_origin.setdefault((doubt.lane, doubt.cause), [])
        if groups and doubt.claimed_at - groups[-1][-1].claimed_at <= SAME_INCIDENT_WITHIN:
            groups[-1].append(doubt)
        else:
            groups.append([doubt])
    found = [_incident(group) for groups in by_origin.values() for group in groups]
    return sorted(found, key=lambda i: (i.began_at, i.lane, i.cause))


def _incident(group: Sequence[Doubt]) -> Incident:
    first = group[0]
    return Incident(first.lane, first.provider, first.cause, tuple(group))

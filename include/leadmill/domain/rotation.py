"""Rotation: which mailbox sends which mail. A pure function of what is due and what may be used."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

PRIOR_MAILS = 100
"""Weight of the pool's bounce rate against a mailbox's own, in mails: about two and a half days at 40 a day, so that a
mailbox with three sends neither always wins nor always loses (empirical Bayes shrinkage of a proportion)."""

POOL_PRIOR_RATE = 0.02
"""Bounce rate assumed where the pool has no history: what a clean list shows; below the 3 % that warns."""

HEALTH_WEIGHT = 20.0
"""How much fuller a healthier mailbox is kept: one point of bounce rate counts like 20 % of the day's limit, so a
mailbox at 5 % (where the guardrail pauses) waits until clean ones are full."""


class AssignmentReason(StrEnum):
    """Why this mailbox."""

    ROTATION = "rotation"
    STICKY = "sticky"  # it sent the first step
    RETRY = "retry"  # the same sender as before: greylisting lets it pass


class LeftReason(StrEnum):
    """Why a due send stays planned."""

    NO_CAPACITY = "no_capacity"
    STICKY_MAILBOX_FULL = "sticky_mailbox_full"


@dataclass(frozen=True, slots=True)
class DueSend:
    """A send that may go out now. `sticky_mailbox_id` must be used, `preferred_mailbox_id` should be."""

    send_id: int
    pool_id: int
    sticky_mailbox_id: int | None = None
    preferred_mailbox_id: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A mailbox as rotation sees it; `remaining` is what it may send now by all its limits, in mails."""

    mailbox_id: int
    domain_id: int
    pool_id: int
    remaining: int
    taken_today: int
    day_limit: int
    delivered: int = 0
    bounced: int = 0


@dataclass(frozen=True, slots=True)
class Assignment:
    """One send on one mailbox and why; stored with the send.

    `fill` is the mailbox's share of the day's limit used before this mail, `bounce_rate` its shrunk rate, and
    `candidates` how many mailboxes could have taken it.
    """

    send_id: int
    mailbox_id: int
    reason: AssignmentReason
    fill: float
    bounce_rate: float
    candidates: int


@dataclass(frozen=True, slots=True)
class Rotation:
    """What goes where, and what has to wait and why."""

    assignments: tuple[Assignment, ...]
    left: Mapping[int, LeftReason]


def shrunk_bounce_rates(mailboxes: Iterable[Candidate]) -> dict[int, float]:
    """Each mailbox's recent bounce rate drawn towards that of them all, strictly between 0 and 1."""
    known = list(mailboxes)
    bounced = sum(m.bounced for m in known) + POOL_PRIOR_RATE * PRIOR_MAILS
    delivered = sum(max(m.delivered, m.bounced) for m in known) + PRIOR_MAILS
    together = bounced / delivered
    return {
        m.mailbox_id: (m.bounced + PRIOR_MAILS * together) / (max(m.delivered, m.bounced) + PRIOR_MAILS) for m in known
    }


class _Counters:
    """What is left of every limit while assignments are made."""

    def __init__(
        self, mailboxes: Sequence[Candidate], domain_remaining: Mapping[int, int], account_remaining: int | None
    ) -> None:
        self.mailboxes = {m.mailbox_id: m for m in mailboxes}
        self.left = {m.mailbox_id: m.remaining for m in mailboxes}
        self.used = {m.mailbox_id: m.taken_today for m in mailboxes}
        self.domains = dict(domain_remaining)
        self.account = account_remaining
        self.rates = shrunk_bounce_rates(mailboxes)

    def can(self, mailbox_id: int) -> bool:
        if self.left.get(mailbox_id, 0) <= 0 or (self.account is not None and self.account <= 0):
            return False
        return self.domains.get(self.mailboxes[mailbox_id].domain_id, 1) > 0

    def fill(self, mailbox_id: int) -> float:
        return self.used[mailbox_id] / max(1, self.mailboxes[mailbox_id].day_limit)

    def burden(self, mailbox_id: int) -> float:
        """What rotation keeps level: how full the mailbox is, and how much it bounces."""
        return self.fill(mailbox_id) + HEALTH_WEIGHT * self.rates[mailbox_id]

    def take(self, mailbox_id: int) -> None:
        domain_id = self.mailboxes[mailbox_id].domain_id
        self.left[mailbox_id] -= 1
        self.used[mailbox_id] += 1
        if domain_id in self.domains:
            self.domains[domain_id] -= 1
        if self.account is not None:
            self.account -= 1


class _PoolQueue:
    """The mailboxes of one pool, least burdened first; ties by the seed."""

    def __init__(self, mailbox_ids: Sequence[int], counters: _Counters, seed: int) -> None:
        order = sorted(mailbox_ids)
        random.Random(seed).shuffle(order)  # noqa: S311 - a tie-break that can be replayed, no secret
        self._counters = counters
        self._tie = {mailbox_id: place for place, mailbox_id in enumerate(order)}
        self._heap = [(counters.burden(m), self._tie[m], m) for m in mailbox_ids]
        heapq.heapify(self._heap)

    def __len__(self) -> int:
        return len(self._heap)

    def first(self) -> int | None:
        """The mailbox to use now; the full ones are dropped for good."""
        while self._heap:
            burden, tie, mailbox_id = self._heap[0]
            if not self._counters.can(mailbox_id):
                heapq.heappop(self._heap)
            elif burden < (now := self._counters.burden(mailbox_id)):  # used meanwhile as sticky or retry
                heapq.heapreplace(self._heap, (now, tie, mailbox_id))
            else:
                return mailbox_id
        return None


def rotate(
    due: Sequence[DueSend],
    mailboxes: Sequence[Candidate],
    *,
    domain_remaining: Mapping[int, int],
    account_remaining: int | None,
    seed: int,
) -> Rotation:
    """Assign due sends, in their order, to mailboxes.

    Args:
        due: Sends in the order they should go.
        mailboxes: What may be used at all: paused and cooling ones have no place here.
        domain_remaining: Mails each limited sending domain may still send today; a missing one has no limit.
        account_remaining: Mails the provider account may still send; None is no limit.
        seed: Breaks ties; the same input and seed give the same result.

    Returns:
        Assignments in the order of `due`. No limit is exceeded; follow-ups only ever go to their sticky mailbox; the
        others go to the mailbox of their pool that is least full, where a bounce rate counts as fullness.
    """
    counters = _Counters(mailboxes, domain_remaining, account_remaining)
    members: dict[int, list[int]] = {}
    for mailbox in mailboxes:
        members.setdefault(mailbox.pool_id, []).append(mailbox.mailbox_id)
    pools = {pool_id: _PoolQueue(ids, counters, seed) for pool_id, ids in members.items()}
    assignments: list[Assignment] = []
    left: dict[int, LeftReason] = {}
    for send in due:
        chosen = _choose(send, counters, pools)
        if isinstance(chosen, LeftReason):
            left[send.send_id] = chosen
            continue
        mailbox_id, reason = chosen
        candidates = len(pools[send.pool_id]) if send.pool_id in pools else 1
        fill, rate = counters.fill(mailbox_id), counters.rates[mailbox_id]
        assignments.append(Assignment(send.send_id, mailbox_id, reason, fill, rate, candidates))
        counters.take(mailbox_id)
    return Rotation(tuple(assignments), left)


def _choose(
    send: DueSend, counters: _Counters, pools: Mapping[int, _PoolQueue]
) -> tuple[int, AssignmentReason] | LeftReason:
    if send.sticky_mailbox_id is not None:
        free = counters.can(send.sticky_mailbox_id)
        return (send.sticky_mailbox_id, AssignmentReason.STICKY) if free else LeftReason.STICKY_MAILBOX_FULL
    preferred = send.preferred_mailbox_id
    if preferred is not None and counters.can(preferred) and counters.mailboxes[preferred].pool_id == send.pool_id:
        return preferred, AssignmentReason.RETRY
    mailbox_id = pools[send.pool_id].first() if send.pool_id in pools else None
    return LeftReason.NO_CAPACITY if mailbox_id is None else (mailbox_id, AssignmentReason.ROTATION)

"""What is left of every limit while rotation hands mails out, and why each mailbox was chosen."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from leadmill.domain.mailboxes import Binding, Capacity, Mailbox, day_limit, is_warming_up
from leadmill.domain.water_level import Floats, Ints, Vessels

PRIOR_MAILS = 100
"""Weight of the pool's bounce rate against a mailbox's own, in mails: about two and a half days at 40 a day, so that a
mailbox with three sends neither always wins nor always loses (empirical Bayes shrinkage of a proportion)."""

POOL_PRIOR_RATE = 0.02
"""Bounce rate assumed where the pool has no history: what a clean list shows; below the 3 % that warns."""

HEALTH_WEIGHT = 20.0
"""How much fuller a healthier mailbox is kept: one point of bounce rate counts like 20 % of the day's limit, so a
mailbox at 5 % (where the guardrail pauses) waits until clean ones are full."""

NO_LIMIT = 1 << 40

_BINDINGS = tuple(Binding)
_CODES = {binding: code for code, binding in enumerate(_BINDINGS)}
_FREE = len(_BINDINGS)


class AssignmentReason(StrEnum):
    """Why this mailbox."""

    ROTATION = "rotation"
    STICKY = "sticky"  # it sent the first step
    RETRY = "retry"  # the same sender as before: greylisting lets it pass


@dataclass(frozen=True, slots=True)
class Candidate:
    """A mailbox as rotation sees it; `remaining` is what it may send now by its own limits, `binding` their least."""

    mailbox_id: int
    domain_id: int
    pool_id: int
    remaining: int
    taken_today: int
    day_limit: int
    delivered: int = 0
    bounced: int = 0
    binding: Binding = Binding.MAILBOX_DAY
    is_warming_up: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """Why sends of one kind go out from a mailbox; stored with each of them.

    `fill` is the mailbox's share of the day's limit used before, `bounce_rate` its shrunk rate, `candidates` how many
    mailboxes could have taken the send, and `others_bound` how many of its pool could not, by what bound them.
    """

    mailbox_id: int
    reason: AssignmentReason
    recipient_family: str
    fill: float
    bounce_rate: float
    candidates: int
    others_bound: Mapping[str, int]


def candidate_of(mailbox: Mailbox, now_capacity: Capacity) -> Candidate:
    """The mailbox as rotation sees it."""
    return Candidate(
        mailbox_id=mailbox.mailbox_id,
        domain_id=mailbox.domain_id,
        pool_id=mailbox.pool_id,
        remaining=now_capacity.remaining,
        taken_today=mailbox.taken_today,
        day_limit=day_limit(mailbox),
        delivered=mailbox.delivered,
        bounced=mailbox.bounced,
        binding=now_capacity.binding,
        is_warming_up=is_warming_up(mailbox),
    )


def domain_remaining(mailboxes: Iterable[Mailbox]) -> dict[int, int]:
    """Mails that each limited sending domain may still send today."""
    return {
        m.domain_id: max(0, m.domain_daily_limit - m.domain_taken_today)
        for m in mailboxes
        if m.domain_daily_limit is not None
    }


def shrunk_bounce_rates(mailboxes: Iterable[Candidate]) -> dict[int, float]:
    """Each mailbox's recent bounce rate drawn towards that of them all, strictly between 0 and 1."""
    known = list(mailboxes)
    bounced = sum(m.bounced for m in known) + POOL_PRIOR_RATE * PRIOR_MAILS
    delivered = sum(max(m.delivered, m.bounced) for m in known) + PRIOR_MAILS
    together = bounced / delivered
    return {
        m.mailbox_id: (m.bounced + PRIOR_MAILS * together) / (max(m.delivered, m.bounced) + PRIOR_MAILS) for m in known
    }


class Limits:
    """What is left of every limit while sends are handed out, and what each choice was."""

    def __init__(
        self,
        mailboxes: Sequence[Candidate],
        domain_remaining: Mapping[int, int],
        account_remaining: int | None,
        recipient_remaining: Mapping[tuple[int, str], int],
        seed: int,
    ) -> None:
        self.mailboxes = mailboxes
        self.index = {m.mailbox_id: i for i, m in enumerate(mailboxes)}
        rates = shrunk_bounce_rates(mailboxes)
        self.rates = np.array([rates[m.mailbox_id] for m in mailboxes])
        self.room = np.array([max(0, m.remaining) for m in mailboxes], dtype=np.int64)
        self.used = np.array([m.taken_today for m in mailboxes], dtype=np.int64)
        self.limit = np.array([max(1, m.day_limit) for m in mailboxes], dtype=np.float64)
        self.pool = np.array([m.pool_id for m in mailboxes], dtype=np.int64)
        domains = sorted({m.domain_id for m in mailboxes})
        place = {domain_id: i for i, domain_id in enumerate(domains)}
        self.domain = np.array([place[m.domain_id] for m in mailboxes], dtype=np.int64)
        self.domain_of: list[int] = self.domain.tolist()
        self.domain_left = np.array([max(0, domain_remaining.get(d, NO_LIMIT)) for d in domains], dtype=np.int64)
        self.account_left = NO_LIMIT if account_remaining is None else max(0, account_remaining)
        self.recipient_left: dict[str, Ints] = {}
        for (domain_id, family), left in recipient_remaining.items():
            if domain_id in place:
                lefts = self.recipient_left.setdefault(family, np.full(len(domains), NO_LIMIT, dtype=np.int64))
                lefts[place[domain_id]] = max(0, left)
        order = list(range(len(mailboxes)))
        random.Random(seed).shuffle(order)  # noqa: S311 - a tie-break that can be replayed, no secret
        self.tie = np.empty(len(mailboxes), dtype=np.int64)
        self.tie[order] = np.arange(len(mailboxes))
        self.binding = np.array([_CODES[m.binding] for m in mailboxes], dtype=np.int64)
        self.warming = np.array([m.is_warming_up for m in mailboxes], dtype=bool)
        self.engagement: Floats | None = None  # of the due sends, where warming mailboxes stand beside warm ones
        self.choices: list[Choice] = []

    def cap(self, family: str) -> Ints:
        """Mails that each sending domain may still send to a family."""
        lefts = self.recipient_left.get(family) if family else None
        return self.domain_left if lefts is None else np.minimum(self.domain_left, lefts)

    def vessels(self, which: Ints) -> Vessels:
        """Mailboxes as vessels whose burden is how full they are, and how much they bounce."""
        burden = self.used[which] / self.limit[which] + HEALTH_WEIGHT * self.rates[which]
        return Vessels(burden, self.limit[which], self.tie[which])

    def room_of(self, i: int, family: str) -> int:
        """Mails that one mailbox may still send to a family by all limits."""
        domain = self.domain_of[i]
        left = min(int(self.room[i]), int(self.domain_left[domain]), self.account_left)
        lefts = self.recipient_left.get(family) if family else None
        return left if lefts is None else min(left, int(lefts[domain]))

    def only_family_binds(self, mailbox_id: int, family: str) -> bool:
        """Whether a mailbox could send, were it not for the family's limit."""
        i = self.index.get(mailbox_id)
        return family in self.recipient_left and i is not None and self.room_of(i, "") > 0

    def take_one(self, i: int, mails: int, family: str) -> None:
        """Use the limits of one mailbox up."""
        domain = self.domain_of[i]
        self.room[i] -= mails
        self.used[i] += mails
        self.domain_left[domain] -= mails
        self.account_left -= mails
        if family in self.recipient_left:
            self.recipient_left[family][domain] -= mails

    def choose_one(self, i: int, reason: AssignmentReason, family: str) -> int:
        """Remember the choice of the only mailbox that could be; returns its place."""
        fullness, rate = float(self.used[i] / self.limit[i]), float(self.rates[i])
        self.choices.append(Choice(self.mailboxes[i].mailbox_id, reason, family, fullness, rate, 1, {}))
        return len(self.choices) - 1

    def take(self, which: Ints, mails: Ints, family: str) -> None:
        """Use the limits up; every mailbox stands in `which` once."""
        self.room[which] -= mails
        self.used[which] += mails
        by_domain = np.bincount(self.domain[which], weights=mails, minlength=len(self.domain_left)).astype(np.int64)
        self.domain_left -= by_domain
        self.account_left -= int(mails.sum())
        if family in self.recipient_left:
            self.recipient_left[family] -= by_domain

    def choose(
        self, which: Ints, reason: AssignmentReason, family: str, candidates: int, bound: Mapping[str, int]
    ) -> Ints:
        """Remember one choice for each of these mailboxes; returns their places."""
        first = len(self.choices)
        fills = (self.used[which] / self.limit[which]).tolist()
        rates = self.rates[which].tolist()
        self.choices.extend(
            Choice(self.mailboxes[i].mailbox_id, reason, family, fullness, rate, candidates, bound)
            for i, fullness, rate in zip(which.tolist(), fills, rates, strict=True)
        )
        return np.arange(first, len(self.choices))

    def bound(self, which: Ints, family: str) -> dict[str, int]:
        """How many of these mailboxes can send nothing to a family, by what binds them."""
        domain = self.domain[which]
        lefts = self.recipient_left.get(family) if family else None
        held = np.zeros(len(which), dtype=bool) if lefts is None else lefts[domain] <= 0
        codes = np.select(
            [self.room[which] <= 0, self.domain_left[domain] <= 0, held],
            [self.binding[which], _CODES[Binding.DOMAIN_DAY], _CODES[Binding.RECIPIENT_HOUR]],
            _FREE,
        )
        counts = np.bincount(codes, minlength=_FREE).tolist()
        return {binding.value: count for binding, count in zip(_BINDINGS, counts, strict=False) if count}

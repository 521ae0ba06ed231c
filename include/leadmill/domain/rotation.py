"""Rotation: which mailbox sends which mail. A pure function of what is due and what may be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadmill.domain.rotation_limits import AssignmentReason, Candidate, Choice, Limits
from leadmill.domain.water_level import Floats, Ints, fill, in_order

BLOCK = 5_000
"""Sends that count as equally due: within a block follow-ups go first, then retries, then what a recipient domain's
limit holds back most. A claim is one block; a plan of 200,000 sends is forty."""


class LeftReason(StrEnum):
    """Why a due send stays planned."""

    NO_CAPACITY = "no_capacity"
    STICKY_MAILBOX_FULL = "sticky_mailbox_full"
    RECIPIENT_LIMIT = "recipient_limit"


class DueSend(NamedTuple):
    """A send that may go out now. `sticky_mailbox_id` must be used, `preferred_mailbox_id` should be.

    `recipient_family` is the limited group of recipient domains that it goes to, "" for all others; `engagement` how
    likely its lead is to react (a score, any scale): the most engaged go out from mailboxes that warm up.
    """

    send_id: int
    pool_id: int
    sticky_mailbox_id: int | None = None
    preferred_mailbox_id: int | None = None
    recipient_family: str = ""
    engagement: float = 0.0


@dataclass(frozen=True, slots=True)
class Rotation:
    """What goes where, and what waits and why. `chosen` is, by due send, its place in `choices`; -1 has to wait."""

    due: Sequence[DueSend]
    choices: tuple[Choice, ...]
    chosen: tuple[int, ...]
    left: Mapping[int, LeftReason]

    def assignments(self) -> Iterator[tuple[int, Choice]]:
        """Each send that goes out with its choice, in the order of the due sends."""
        choices = self.choices
        for send, place in zip(self.due, self.chosen, strict=True):
            if place >= 0:
                yield send.send_id, choices[place]

    def mails_by_mailbox(self) -> Counter[int]:
        """Mails that each mailbox sends."""
        by_choice = Counter(self.chosen)
        found: Counter[int] = Counter()
        for place, mails in by_choice.items():
            if place >= 0:
                found[self.choices[place].mailbox_id] += mails
        return found


def rotate(
    due: Sequence[DueSend],
    mailboxes: Sequence[Candidate],
    *,
    domain_remaining: Mapping[int, int],
    account_remaining: int | None,
    recipient_remaining: Mapping[tuple[int, str], int],
    seed: int,
) -> Rotation:
    """Assign due sends, in their order, to mailboxes.

    Args:
        due: Sends in the order they should go.
        mailboxes: Those of the lane; one that may send nothing has `remaining` 0 and is only counted in explanations.
        domain_remaining: Mails each limited sending domain may still send today; a missing one has no limit.
        account_remaining: Mails the provider account may still send; None is no limit.
        recipient_remaining: Mails a sending domain (its id) may still send to a family of recipient domains this hour;
            a missing pair has no limit.
        seed: Breaks ties; the same input and seed give the same result.

    Returns:
        Each send's choice. No limit is exceeded; follow-ups only ever go to their sticky mailbox; the others go to the
        mailbox of their pool that is least full, where a bounce rate counts as fullness; among equals the most engaged
        leads get the mailboxes that warm up, since early replies and opens make their name. Blocks of `BLOCK` sends are
        handed out one after the other, so an early send is never left for one of a later block.
    """
    limits = Limits(mailboxes, domain_remaining, account_remaining, recipient_remaining, seed)
    if limits.warming.any() and not limits.warming.all():
        limits.engagement = np.fromiter((send.engagement for send in due), dtype=np.float64, count=len(due))
    chosen = [-1] * len(due)
    left: dict[int, LeftReason] = {}
    for start in range(0, len(due), BLOCK):
        _hand_out(due, range(start, min(len(due), start + BLOCK)), limits, chosen, left)
    return Rotation(due, tuple(limits.choices), tuple(chosen), left)


def _hand_out(
    due: Sequence[DueSend], places: range, limits: Limits, chosen: list[int], left: dict[int, LeftReason]
) -> None:
    """Hand one block out: what can only go one way first."""
    sticky: dict[tuple[int, str], list[int]] = {}
    preferred: dict[tuple[int, int, str], list[int]] = {}
    free: dict[tuple[int, str], list[int]] = {}
    for place in places:
        _, pool_id, sticky_id, preferred_id, family, _ = due[place]
        if sticky_id is not None:
            sticky.setdefault((sticky_id, family), []).append(place)
        elif preferred_id is not None:
            preferred.setdefault((preferred_id, pool_id, family), []).append(place)
        else:
            free.setdefault((pool_id, family), []).append(place)
    stuck = LeftReason.STICKY_MAILBOX_FULL
    for (mailbox_id, family), group in sticky.items():
        over = _to_one(mailbox_id, family, group, AssignmentReason.STICKY, limits, chosen)
        if over:
            why = LeftReason.RECIPIENT_LIMIT if limits.only_family_binds(mailbox_id, family) else stuck
            left.update((due[place].send_id, why) for place in over)
    for (mailbox_id, pool_id, family), group in preferred.items():
        i = limits.index.get(mailbox_id)
        fits = i is not None and limits.pool[i] == pool_id
        over = _to_one(mailbox_id, family, group, AssignmentReason.RETRY, limits, chosen) if fits else group
        if over:
            free.setdefault((pool_id, family), []).extend(over)
    # What a recipient domain's limit binds has fewer places to go, so it goes before the rest of the block.
    for (pool_id, family), group in sorted(free.items(), key=lambda item: not item[0][1]):
        over, why = _to_pool(pool_id, family, sorted(group), limits, chosen)
        left.update((due[place].send_id, why) for place in over)


def _to_one(
    mailbox_id: int, family: str, group: list[int], reason: AssignmentReason, limits: Limits, chosen: list[int]
) -> list[int]:
    """Hand sends to the one mailbox; returns those that do not fit."""
    i = limits.index.get(mailbox_id)
    if i is None:
        return group
    fitting = min(len(group), limits.room_of(i, family))
    if fitting <= 0:
        return group
    choice = limits.choose_one(i, reason, family)
    for place in group[:fitting]:
        chosen[place] = choice
    limits.take_one(i, fitting, family)
    return group[fitting:]


def _to_pool(
    pool_id: int, family: str, group: list[int], limits: Limits, chosen: list[int]
) -> tuple[list[int], LeftReason]:
    """Hand interchangeable sends to the mailboxes of a pool; returns those that do not fit, and why."""
    members = np.flatnonzero(limits.pool == pool_id)
    wanted = min(len(group), limits.account_left)
    room = np.minimum(limits.room[members], wanted)
    vessels, segment, cap = limits.vessels(members), limits.domain[members], limits.cap(family)
    by_domain = np.bincount(segment, weights=room, minlength=len(cap))
    if (by_domain > cap).any():
        room = fill(vessels, room, cap, segment)
    mails = room
    if int(room.sum()) > wanted:
        mails = fill(vessels, room, np.array([wanted]), np.zeros_like(segment))
    sent = int(mails.sum())
    if sent:
        bound = limits.bound(members, family)
        candidates = len(members) - sum(bound.values())
        taking = np.flatnonzero(mails)
        place_of = np.full(len(members), -1, dtype=np.int64)
        place_of[taking] = limits.choose(members[taking], AssignmentReason.ROTATION, family, candidates, bound)
        order = in_order(vessels, mails)
        if limits.engagement is not None:
            order = _engaged_first(order, limits.warming[members], limits.engagement[group[:sent]])
        for place, choice in zip(group, place_of[order].tolist(), strict=False):
            chosen[place] = choice
        limits.take(members[taking], mails[taking], family)
    held = family in limits.recipient_left and limits.account_left > 0
    if held and bool(((limits.room[members] > 0) & (limits.domain_left[segment] > 0)).any()):
        return group[sent:], LeftReason.RECIPIENT_LIMIT
    return group[sent:], LeftReason.NO_CAPACITY


def _engaged_first(order: Ints, warming: NDArray[np.bool_], engagement: Floats) -> Ints:
    """The same mailboxes in another order: as many of the most engaged sends get the warming ones as these take."""
    young = warming[order]
    most_engaged = np.zeros(len(order), dtype=bool)
    most_engaged[np.argsort(-engagement, kind="stable")[: int(young.sum())]] = True
    ranked = np.empty_like(order)
    ranked[most_engaged], ranked[~most_engaged] = order[young], order[~young]
    return ranked

"""Filling vessels to one level: what giving each mail to the least burdened mailbox ends in, without the loop.

Each vessel (a mailbox) has a burden, which each mail raises by one share of its day's limit. Giving mails one by one to
the least burdened is the same as taking the cheapest slots, slot k of a vessel costing burden + k / limit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_MOST_STEPS = 80
"""Halvings of the level's range; 64 reach the resolution of a float, and most calls need fewer than ten."""


@dataclass(frozen=True, slots=True)
class Vessels:
    """Vessels of equal index.

    `burden`: where each stands; `limit`: mails that raise its burden by 1; `tie`: places that break ties, each once.
    """

    burden: Floats
    limit: Floats
    tie: Ints

    def below(self, level: Floats, room: Ints) -> Ints:
        """Slots of each vessel that cost less than its level, at most its room."""
        reach = np.ceil((level - self.burden) * self.limit)
        return np.asarray(np.clip(reach, 0, room), dtype=np.int64)


def slots(vessels: Vessels, start: Ints, stop: Ints) -> tuple[Ints, Floats]:
    """The slots `start` to `stop` (excluded) of every vessel: each one's vessel and cost."""
    count = np.maximum(stop - start, 0)
    which = np.repeat(np.arange(len(count)), count)
    before = np.cumsum(count) - count
    number = np.arange(len(which)) - before[which] + start[which]
    return which, vessels.burden[which] + number / vessels.limit[which]


def fill(vessels: Vessels, room: Ints, wanted: Ints, segment: Ints) -> Ints:
    """How many mails each vessel takes when each segment hands out its mails one by one to its least burdened vessel.

    Args:
        vessels: The vessels.
        room: Mails each may still take, at least 0.
        wanted: Mails that each segment hands out, shape (segments,).
        segment: The segment of each vessel, from 0.

    Returns:
        Mails by vessel; a segment hands out all of `wanted`, or as many as there is room for.
    """
    if not len(room):
        return room
    segments = len(wanted)
    total = np.bincount(segment, weights=room, minlength=segments).astype(np.int64)
    target = np.minimum(wanted, total)
    low = np.full(segments, np.inf)
    np.minimum.at(low, segment, vessels.burden)
    high = np.full(segments, -np.inf)
    np.maximum.at(high, segment, vessels.burden + (room + 1) / vessels.limit)
    high = np.where(target < total, high, low)  # a segment that fills every vessel needs no level
    taken = np.where((target < total)[segment], 0, room)
    upper = room
    for _ in range(_MOST_STEPS):
        if int((upper - taken).sum()) <= 2 * len(room) + 64:
            break
        middle = (low + high) / 2
        reached = vessels.below(middle[segment], room)
        sums = np.bincount(segment, weights=reached, minlength=segments)
        is_low = (sums <= target) & (target < total)
        is_high = (sums > target) & (target < total)
        low, high = np.where(is_low, middle, low), np.where(is_high, middle, high)
        taken = np.where(is_low[segment], reached, taken)
        upper = np.where(is_high[segment], reached, upper)
    return _finish(vessels, taken, upper, target, segment)


def _finish(vessels: Vessels, taken: Ints, upper: Ints, target: Ints, segment: Ints) -> Ints:
    """Take the cheapest of the few slots that are left between the two levels."""
    which, cost = slots(vessels, taken, upper)
    if not len(which):
        return taken
    missing = target - np.bincount(segment, weights=taken, minlength=len(target)).astype(np.int64)
    owner = segment[which]
    order = np.lexsort((vessels.tie[which], cost, owner))
    first = np.searchsorted(owner[order], np.arange(len(target)))
    place = np.arange(len(order)) - first[owner[order]]
    chosen = which[order][place < missing[owner[order]]]
    return np.asarray(taken + np.bincount(chosen, minlength=len(taken)), dtype=np.int64)


def in_order(vessels: Vessels, taken: Ints) -> Ints:
    """The vessel of each mail, in the order in which a loop would hand them out."""
    which, cost = slots(vessels, np.zeros_like(taken), taken)
    return np.asarray(which[np.lexsort((vessels.tie[which], cost))], dtype=np.int64)

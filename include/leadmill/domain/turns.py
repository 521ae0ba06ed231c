"""Who goes next: campaigns of a pool take turns by weight, and due follow-ups go before first mails (ADR 0030).

The ledger's claim does the same in SQL (`take_due_sends`, `take_turns`), where it must not read more than it takes; the
simulator plays this.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import floor

NORMAL_WEIGHT = 1.0
LEAST_WEIGHT, MOST_WEIGHT = 0.1, 10.0
"""A campaign's weight beside the others of its pool. Beyond ten times as much, a pool of its own says it better. Our
choice."""

OTHERS_SHARE = 0.2
"""While follow-ups would fill the mailboxes, so much is left for first mails of campaigns that have no follow-up due.
So a wave of follow-ups of one campaign (days long, after days full of first mails) does not stop the others, and takes
a quarter longer at most. A campaign's own first mails get nothing of it: they would make more follow-ups than the
mailboxes could carry. Our choice."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A campaign with first mails due, so many. `turn`: how far it has come, in mails divided by its weight."""

    campaign_id: int
    first_mails: int
    turn: float = 0.0
    weight: float = NORMAL_WEIGHT


@dataclass(frozen=True, slots=True)
class Turns:
    """How far the campaigns of a pool have come.

    `pool`: where those stand that have mail due; a campaign that was idle begins here, whatever it missed. `owed`:
    first mails of others that follow-ups have left behind, 0 to 1.
    """

    of_campaigns: Mapping[int, float] = field(default_factory=dict)
    pool: float = 0.0
    owed: float = 0.0

    def of(self, campaign_id: int) -> float:
        """How far that campaign has come."""
        return max(self.pool, self.of_campaigns.get(campaign_id, 0.0))


def in_turn(
    follow_ups: Sequence[int], campaigns: Sequence[Standing], *, owed: float, room: int
) -> tuple[list[int], list[int]]:
    """Which mails go next.

    Args:
        follow_ups: The campaign of each due follow-up that its mailbox has room for, in the order of their times.
        campaigns: Those with first mails due, each once.
        owed: First mails of other campaigns that follow-ups have left behind, in mails.
        room: Mails that may go.

    Returns:
        The campaigns of the follow-ups that go, and of the first mails, in their order. Together they are as many as
        there is room for, or all.

    First mails go by start-time fair queuing: the next mail is the one of the campaign that has come least far. Source:
    Goyal, Vin, Cheng, Start-time Fair Queueing, IEEE/ACM Transactions on Networking 5(5), 1997.
    """
    left_to_others = floor(room * OTHERS_SHARE + owed * (1 - OTHERS_SHARE))
    if len(follow_ups) <= room - left_to_others:
        return list(follow_ups), list(_first_mails(campaigns, room - len(follow_ups)))
    with_follow_ups = set(follow_ups)
    others = [each for each in campaigns if each.campaign_id not in with_follow_ups]
    first_mails = list(_first_mails(others, left_to_others))
    taken = list(follow_ups[: room - len(first_mails)])
    own = [each for each in campaigns if each.campaign_id in with_follow_ups]
    return taken, first_mails + list(_first_mails(own, room - len(first_mails) - len(taken)))


def _first_mails(campaigns: Sequence[Standing], room: int) -> Iterator[int]:
    """The campaigns of the next first mails, as many as there is room for."""
    heap = [(each.turn, each.campaign_id, 0, each) for each in campaigns if each.first_mails > 0]
    heapq.heapify(heap)
    for _ in range(room):
        if not heap:
            return
        _, campaign_id, taken, each = heap[0]
        yield campaign_id
        taken += 1
        if taken < each.first_mails:
            heapq.heapreplace(heap, (each.turn + taken / each.weight, campaign_id, taken, each))
        else:
            heapq.heappop(heap)


def moved_on(
    turns: Turns, weights: Mapping[int, float], *, first_mails: Counter[int], follow_ups: Counter[int], most_ahead: int
) -> Turns:
    """The turns after these mails went out, by campaign; each mail counts once, however often it is tried.

    Follow-ups count, too: a campaign has its share of the mailboxes' days, not of the first mails. Since they go
    without waiting for a turn, they may put a campaign ahead; by no more than `most_ahead` mails (a day of its
    mailboxes), so that its own first mails do not wait for longer.
    """
    served = {campaign_id: turns.of(campaign_id) for campaign_id in {*first_mails, *follow_ups}}
    pool = turns.pool
    for campaign_id, mails in first_mails.items():
        if mails:
            pool = max(pool, served[campaign_id] + (mails - 1) / weights[campaign_id])
    after = dict(turns.of_campaigns)
    for campaign_id, turn in served.items():
        weight, first = weights[campaign_id], first_mails[campaign_id]
        counted = max(0.0, min(follow_ups[campaign_id], most_ahead - (turn - pool) * weight - first))
        after[campaign_id] = turn + (first + counted) / weight
    owed = turns.owed + follow_ups.total() * OTHERS_SHARE / (1 - OTHERS_SHARE) - first_mails.total()
    return Turns(after, pool, max(0.0, min(1.0, owed)))

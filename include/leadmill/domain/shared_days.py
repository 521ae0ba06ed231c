"""What becomes of campaigns that share a pool, day by day: who is done when, and do follow-ups keep their gap?

Plays the turns of production (`in_turn`, `moved_on`) with the pool's days as they are planned. It knows no bounces,
replies and windows within a day, nor which mailbox a thread belongs to: an estimate for pre-flight, and a comparison.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from operator import itemgetter
from statistics import median

from leadmill.domain.turns import NORMAL_WEIGHT, Standing, Turns, in_turn, moved_on

MOST_MAILS_A_DAY = 1_000
"""Larger pools are played at a smaller scale, so that an answer takes no longer; its days stay the same."""

MOST_DAYS = 730


@dataclass(frozen=True, slots=True)
class Load:
    """What a campaign has to send.

    Attributes:
        campaign_id: Which.
        first_by_day: Leads that wait for their first mail, by days until it is due.
        delays: Days before each follow-up.
        weight: Its share of the pool.
        follow_ups: Open follow-ups of leads who had mail already, by (days until due, step).
        days_off: Days on which it sends nothing; what is due waits for the next other one.
        lags: Sending days by which follow-ups come after their delay, in turns: leads have their own best hours.
    """

    campaign_id: int
    first_by_day: Mapping[int, int]
    delays: tuple[int, ...] = ()
    weight: float = NORMAL_WEIGHT
    follow_ups: Mapping[tuple[int, int], int] = field(default_factory=dict)
    days_off: frozenset[int] = frozenset()
    lags: tuple[int, ...] = (0,)

    @property
    def first_mails(self) -> int:
        """Leads that wait for their first mail."""
        return sum(self.first_by_day.values())

    @property
    def mails(self) -> int:
        """All that it has to send if nobody replies: follow-ups bring those after them."""
        return self.first_mails * (1 + len(self.delays)) + sum(
            count * (len(self.delays) + 2 - step) for (_, step), count in self.follow_ups.items()
        )


@dataclass(slots=True)
class Outcome:
    """What became of a campaign. Days count from 0; None: not within the days. `late`: follow-ups by days of delay."""

    sent: list[int] = field(default_factory=list)
    first_on: int | None = None
    done_on: int | None = None
    late: Counter[int] = field(default_factory=Counter)

    @property
    def on_their_day(self) -> float:
        """Share of the follow-ups that went out on the day that they were due."""
        return self.late[0] / self.late.total() if self.late else 1.0

    @property
    def median_delay(self) -> float:
        """Days that the median follow-up came late."""
        return median(self.late.elements()) if self.late else 0.0

    def sent_by(self, day: int) -> int:
        """Mails before that day."""
        return sum(self.sent[:day])


def play_days(
    loads: Sequence[Load], room_on: Callable[[int], int], *, most_days: int = MOST_DAYS, is_fair: bool = True
) -> dict[int, Outcome]:
    """Send the loads day after day, `room_on(day)` mails each; `is_fair` False is first come, first served."""
    played = _Days(loads, is_fair=is_fair)
    for day in range(most_days):
        if not played.is_open:
            break
        played.send(day, room_on(day))
    return played.outcomes


class _Days:
    """The loads while they are sent."""

    def __init__(self, loads: Sequence[Load], *, is_fair: bool) -> None:
        self.loads = {each.campaign_id: each for each in loads}
        self.is_fair = is_fair
        self.first_mails = Counter[int]()  # due by now
        self.follow_ups: dict[int, list[tuple[int, int]]] = {}  # day → campaign and step, each a mail
        for each in loads:
            for (day, step), count in each.follow_ups.items():
                self.follow_ups.setdefault(day, []).extend([(each.campaign_id, step)] * count)
        self.due: deque[tuple[int, int, int]] = deque()  # day it was due, campaign, step
        self.planned = {each.campaign_id: cycle(each.lags) for each in loads}
        self.open = Counter({each.campaign_id: each.mails for each in loads})
        self.turns = Turns()
        self.outcomes = {each.campaign_id: Outcome() for each in loads}

    @property
    def is_open(self) -> bool:
        return any(mails > 0 for mails in self.open.values())

    def send(self, day: int, room: int) -> None:
        self.due.extend((day, *each) for each in self.follow_ups.pop(day, []))
        for load in self.loads.values():
            self.first_mails[load.campaign_id] += load.first_by_day.get(day, 0)
        resting = {load.campaign_id for load in self.loads.values() if day in load.days_off}
        waiting = [each for each in self.due if each[1] in resting]
        if waiting:
            self.due = deque(each for each in self.due if each[1] not in resting)
        firsts = {c: n for c, n in self.first_mails.items() if n > 0 and c not in resting}
        follow_ups, first_mails = self._fair(firsts, room) if self.is_fair else self._first_come(firsts, room)
        sent = Counter(first_mails)
        for _ in follow_ups:
            due_on, campaign_id, step = self.due.popleft()
            self.outcomes[campaign_id].late[day - due_on] += 1
            sent[campaign_id] += 1
            self._plan_next(campaign_id, step, day)
        for campaign_id in first_mails:
            self.first_mails[campaign_id] -= 1
            self._plan_next(campaign_id, 1, day)
        if waiting:
            self.due = deque(sorted([*waiting, *self.due], key=itemgetter(0)))
        for campaign_id, outcome in self.outcomes.items():
            outcome.sent.append(sent[campaign_id])
            self.open[campaign_id] -= sent[campaign_id]
            if sent[campaign_id] and outcome.first_on is None:
                outcome.first_on = day
            if outcome.done_on is None and self.open[campaign_id] <= 0:
                outcome.done_on = day

    def _fair(self, firsts: Mapping[int, int], room: int) -> tuple[list[int], list[int]]:
        weights = {campaign_id: load.weight for campaign_id, load in self.loads.items()}
        standing = [Standing(c, n, self.turns.of(c), weights[c]) for c, n in firsts.items()]
        found = in_turn([campaign_id for _, campaign_id, _ in self.due], standing, owed=self.turns.owed, room=room)
        self.turns = moved_on(
            self.turns, weights, first_mails=Counter(found[1]), follow_ups=Counter(found[0]), most_ahead=room
        )
        return found

    def _first_come(self, firsts: Mapping[int, int], room: int) -> tuple[list[int], list[int]]:
        """As it was before turns: what is due longest first, over all campaigns and steps."""
        waiting = deque(sorted((min(self.loads[c].first_by_day), c, n) for c, n in firsts.items()))
        follow_ups: list[int] = []
        first_mails: list[int] = []
        while len(follow_ups) + len(first_mails) < room and (waiting or len(follow_ups) < len(self.due)):
            due_on = self.due[len(follow_ups)][0] if len(follow_ups) < len(self.due) else MOST_DAYS + 1
            if waiting and waiting[0][0] <= due_on:
                _, campaign_id, count = waiting.popleft()
                first_mails += [campaign_id] * min(count, room - len(follow_ups) - len(first_mails))
            else:
                follow_ups.append(self.due[len(follow_ups)][1])
        return follow_ups, first_mails

    def _plan_next(self, campaign_id: int, step: int, day: int) -> None:
        load = self.loads[campaign_id]
        if step > len(load.delays):
            return
        on = _next_day(load, day + max(1, load.delays[step - 1]))
        for _ in range(next(self.planned[campaign_id])):
            on = _next_day(load, on + 1)
        self.follow_ups.setdefault(on, []).append((campaign_id, step + 1))


def _next_day(load: Load, day: int) -> int:
    """The first day from that one on on which the campaign sends."""
    return next((each for each in range(day, day + MOST_DAYS) if each not in load.days_off), day)

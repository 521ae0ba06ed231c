"""What a plan will take: many runs of an assumed world under the production rules, summed up with intervals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from leadmill.domain.guardrails import FALSE_PAUSES_A_MONTH, PRODUCTION, Finding, Thresholds
from leadmill.domain.mailboxes import Mailbox

LOW, HIGH = 0.1, 0.9
"""An 80 % interval: one run in ten lies below it, one in ten above."""

LIFT_AFTER_DAYS = 3
"""Days until a person has looked at a guardrail's pause and lifts it: our assumption, an option of every simulation."""

EVERY_DAY = frozenset(range(7))
WORKING_HOURS = 10
"""Hours a day over which hourly limits of recipient domains are used: 8 to 18."""


CONTENT_REVIEW = "content_review"


def stop_words(rules: Thresholds = PRODUCTION) -> Mapping[str, str]:
    """What guardrails stop in a run, in words."""
    return {
        Finding.BOUNCE_RATE_TOO_HIGH.value: f"mailbox paused: more than {100 * rules.bounce_pauses:g} % bounced",
        Finding.BOUNCES_BEYOND_CHANCE.value: "mailbox paused: more bounces than chance explains",
        Finding.COMPLAINT.value: "mailbox paused: complaint",
        Finding.SPAM_BLOCK.value: "domain cooled down: spam block",
        Finding.HALF_STOPPED.value: "domain paused with half of its mailboxes",
        CONTENT_REVIEW: "campaign held for a review of its content",
    }


def warning_words(rules: Thresholds = PRODUCTION) -> Mapping[str, str]:
    """What guardrails tell people of in a run without stopping anything, in words."""
    return {
        Finding.BOUNCE_RATE_HIGH.value: f"mailbox warned about: more than {100 * rules.bounce_warns:g} % bounced",
        Finding.COMPLAINT_RATE_HIGH.value: f"domain alerts: more than {100 * rules.complaint_alerts:g} % complained",
    }


@dataclass(frozen=True, slots=True)
class Rate:
    """A probability for each mail; `weight` is how many mails of history it rests on, None for one that is assumed."""

    mean: float
    weight: float | None = None

    def draw(self, chance: np.random.Generator) -> float:
        """The rate of one run: itself, or one that the history leaves possible (beta posterior)."""
        if self.weight is None or not 0 < self.mean < 1:
            return self.mean
        return float(chance.beta(self.mean * self.weight, (1 - self.mean) * self.weight))


@dataclass(frozen=True, slots=True)
class World:
    """What is simulated.

    Attributes:
        recipients: People who get the first mail.
        mailboxes: As they stand on the first day.
        first_day: When it begins.
        most_days: Where every run ends.
        weekdays: Days of the week on which mail goes out, Monday is 0.
        steps: Mails a person gets at most: the first and its follow-ups, sticky to the first one's mailbox.
        step_delay_days: Days between two of them.
        bounce_rate, complaint_rate, block_rate, reply_rate: Of each mail; a reply ends the sequence, a bounce too.
        lift_after_days: Days until a person lifts a guardrail's pause; None: nobody does.
        false_pauses_a_month: The guardrails' budget.
        rules: From where on guardrails act; production's unless something else is asked.
        family_shares: Share of the recipients by limited family of recipient domains; the rest is unlimited.
        hourly_limits: Of these families, mails an hour from one sending domain.
        beside: Recipients of further campaigns in the pool, to compare turns with (`domain/turns_compared.py`).
    """

    recipients: int
    mailboxes: tuple[Mailbox, ...]
    first_day: date
    most_days: int = 90
    weekdays: frozenset[int] = EVERY_DAY
    steps: int = 1
    step_delay_days: int = 3
    bounce_rate: Rate = Rate(0.02)
    complaint_rate: Rate = Rate(0.0002)
    block_rate: Rate = Rate(0.0)
    reply_rate: Rate = Rate(0.02)
    lift_after_days: int | None = LIFT_AFTER_DAYS
    false_pauses_a_month: float = FALSE_PAUSES_A_MONTH
    rules: Thresholds = PRODUCTION
    family_shares: Mapping[str, float] = field(default_factory=dict)
    hourly_limits: Mapping[str, int] = field(default_factory=dict)
    beside: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """One run: mails by day, what was stopped by which finding, mailbox days lost to that; `finished_on` None: not.

    `warnings` are what people were told of by which finding, each time anew.
    """

    sent: Sequence[int]
    stops: Counter[str]
    stopped_days: int
    bounced: int
    complained: int
    finished_on: date | None
    warnings: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Band:
    """An 80 % interval with its median."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class Simulation:
    """All runs together.

    `finish` are dates, None where that share of the runs did not end within the time; `sent` is mails by day and
    `total` mails until then, in `days`; `stops` counts what guardrails stopped, by finding, in one run, `warnings` what
    they told people of.
    """

    world: World
    runs: int
    finished_share: float
    finish: tuple[date | None, date | None, date | None]
    days: tuple[date, ...]
    sent: tuple[Band, ...]
    total: tuple[Band, ...]
    stops: Mapping[str, Band]
    stopped_days: Band
    bounced: Band
    complained: Band
    warnings: Mapping[str, Band] = field(default_factory=dict)


def summed_up(world: World, runs: Sequence[Run]) -> Simulation:
    """The runs of one world as medians and 80 % intervals."""
    longest = max((len(run.sent) for run in runs), default=0)
    sent = np.zeros((len(runs), longest))
    for number, run in enumerate(runs):
        sent[number, : len(run.sent)] = run.sent
    ends = sorted(run.finished_on or date.max for run in runs)
    return Simulation(
        world=world,
        runs=len(runs),
        finished_share=sum(run.finished_on is not None for run in runs) / max(1, len(runs)),
        finish=(_end(ends, LOW), _end(ends, 0.5), _end(ends, HIGH)),
        days=tuple(world.first_day + timedelta(days=n) for n in range(longest)),
        sent=_bands(sent),
        total=_bands(sent.cumsum(axis=1)),
        stops=_counted([run.stops for run in runs]),
        stopped_days=band([run.stopped_days for run in runs]),
        bounced=band([run.bounced for run in runs]),
        complained=band([run.complained for run in runs]),
        warnings=_counted([run.warnings for run in runs]),
    )


def simulate(world: World, run: Callable[[World, np.random.Generator], Run], *, runs: int, seed: int) -> Simulation:
    """Simulate a world `runs` times; the same seed gives the same answer."""
    return summed_up(world, [run(world, np.random.default_rng([seed, number])) for number in range(runs)])


def band(values: Sequence[float]) -> Band:
    """The 80 % interval of values."""
    low, middle, high = np.quantile(np.asarray(values, dtype=np.float64), [LOW, 0.5, HIGH]).tolist()
    return Band(low, middle, high)


def _counted(runs: Sequence[Counter[str]]) -> Mapping[str, Band]:
    """How often each name was counted in one run."""
    names = sorted({name for counts in runs for name in counts})
    return {name: band([counts[name] for counts in runs]) for name in names}


def _bands(values: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> tuple[Band, ...]:
    if not values.size:
        return ()
    return tuple(Band(*each) for each in np.quantile(values, [LOW, 0.5, HIGH], axis=0).T.tolist())


def _end(ends: Sequence[date], share: float) -> date | None:
    """The day by which that share of the runs was done."""
    found = ends[max(0, math.ceil(share * len(ends)) - 1)] if ends else date.max
    return None if found == date.max else found

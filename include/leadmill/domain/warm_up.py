"""How many mails a day a young mailbox may send, by the evidence that it has gathered; and one on probation.

Public signatures (importable at any time; all pure):
    WarmUpCurve(name, limits, growth)      the daily limits of a warm-up, stage by stage
        .limit(stage, *, full_limit)       -> mails
    SEED_CURVE, CURVES                     the default; every curve by name
    curve_of(text)                         -> WarmUpCurve of a name or a list "5,8,12,20"; raises InputInvalid
    WarmUp(stage=0, cut_limit=None, last_cut_on=None)     where a mailbox stands
    limit_of(warm_up, curve, *, full_limit)               -> mails, today's limit
    judge_growth(health)                                  -> Judgement(evidence, reason)
    next_day(warm_up, curve, *, full_limit, accepted, health, day)   -> WarmUpDay, once a local day
    probation_limit(normal_limit)                         -> mails
    next_probation_day(clean_days, *, accepted, health)   -> ProbationDay, once a local day
    warm_up_limit(stage, *, full_limit)                   -> mails by the seed curve
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType

from leadmill.domain.guardrails import (
    BLOCKED_RATE_COOLS_DOWN,
    BOUNCE_RATE_PAUSES,
    BOUNCE_RATE_WARNS,
    HEALTHY_BOUNCE_RATE,
    Health,
    chance_of_at_least,
)
from leadmill.domain.quantities import counted
from leadmill.errors import InputInvalid

DAILY_GROWTH = 1.2
CUT = 0.75
"""Source: the outreach architecture for 1,200 mails a day ("week 1: 5-10 a day; weeks 2-3: +20 % a day up to 40-50"),
and its "hold or cut by 25 % on bad evidence"."""

EVIDENCE_DAYS = 7
"""Evidence of a warm-up is a week's: 50 mails in the first week. Mails from before the last cut do not count again."""

EVIDENCE_MINIMUM_SAMPLE = 20
HOLD_CHANCE = 0.1
CUT_CHANCE = 0.01
"""With few mails a rate alone says little (one bounce of ten is 10 %): a warm-up is held above 3 % only if a healthy
2 % would bounce so often less than once in ten such weeks, and cut above 5 % only if less than once in a hundred (exact
binomial tail): 3 and 5 of 50 mails. Holding costs a day, so it may err more often."""

LEAST_USE = 0.5
"""Share of the day's limit that must have been accepted before the limit grows: volume may rise by a fifth a day, so a
limit that nobody used is nothing to grow on."""

PROBATION_SHARE = 0.25
PROBATION_CLEAN_DAYS = 7
"""On return from a cool-down or a guardrail's pause: a quarter of the usual limit, until a week of days with accepted
mail and clean evidence has passed. Our choice, by the issue's "probation at a low limit on return"."""

MOST_STAGES = 400
"""Longest list of a curve; past it a warm-up would take more than a year."""


@dataclass(frozen=True, slots=True)
class WarmUpCurve:
    """Daily limits of a warm-up: `limits` for the first stages, then `growth` times more each stage.

    A stage is a day with mail and clean evidence, from 0. Without growth the mailbox is warm after the last stage.
    """

    name: str
    limits: tuple[int, ...]
    growth: float | None = None

    def limit(self, stage: int, *, full_limit: int) -> int:
        """Mails that a stage allows, never above the mailbox's own limit; 0 below the first stage."""
        if stage < 0:
            return 0
        if stage < len(self.limits):
            return min(full_limit, self.limits[stage])
        if self.growth is None:
            return full_limit
        limit = float(self.limits[-1])
        for _ in range(stage - len(self.limits) + 1):
            limit *= self.growth
            if limit >= full_limit:
                return full_limit
        return int(limit)

    def stage_of(self, limit: int, *, full_limit: int) -> int:
        """The last stage that allows no more than `limit`; 0 where even the first allows more."""
        stage = 0
        while stage < MOST_STAGES and self.limit(stage, full_limit=full_limit) < full_limit:
            if self.limit(stage + 1, full_limit=full_limit) > limit:
                break
            stage += 1
        return stage


SEED_CURVE = WarmUpCurve("seed", (5, 5, 6, 7, 8, 9, 10), DAILY_GROWTH)
"""The seed rule: 5 on the first day, rising evenly to 10 on the seventh, then a fifth more each day."""

CURVES = MappingProxyType(
    {
        curve.name: curve
        for curve in (
            SEED_CURVE,
            WarmUpCurve("gentle", (2, 2, 3, 3, 4, 4, 5), 1.1),
            WarmUpCurve("brisk", (10, 12, 14, 16, 18, 20), 1.3),
        )
    }
)
"""Beside the seed rule, our choice: half of it for a domain without any history, twice of it for one with a good."""


def curve_of(text: str) -> WarmUpCurve:
    """The curve of a setting: a name out of `CURVES` (empty: the seed rule), or daily limits such as "5,8,12,20,30".

    Raises:
        InputInvalid: Neither; limits are whole numbers above 0 that never fall.
    """
    wanted = text.strip()
    if not wanted:
        return SEED_CURVE
    if wanted in CURVES:
        return CURVES[wanted]
    parts = [part.strip() for part in wanted.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) <= 6 for part in parts):  # noqa: PLR2004 - digits
        raise InputInvalid(
            f"A warm-up is one of {', '.join(CURVES)}, or daily limits such as 5,8,12,20; not {wanted[:40]!r}."
        )
    limits = tuple(int(part) for part in parts)
    if limits[0] < 1 or len(limits) > MOST_STAGES or any(a > b for a, b in pairwise(limits)):
        raise InputInvalid("The daily limits of a warm-up begin above 0 and never fall.")
    return WarmUpCurve(",".join(str(limit) for limit in limits), limits)


def warm_up_limit(stage: int, *, full_limit: int) -> int:
    """The limit of one stage of the seed rule, in mails: 5 to 10 in the first seven, then 20 % more each."""
    return SEED_CURVE.limit(stage, full_limit=full_limit)


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Where a mailbox stands: its stage, the limit that a cut left it until it advances, and the day of that cut."""

    stage: int = 0
    cut_limit: int | None = None
    last_cut_on: date | None = None


def limit_of(warm_up: WarmUp, curve: WarmUpCurve, *, full_limit: int) -> int:
    """Today's limit of a warm-up, in mails; `full_limit` once the mailbox is warm."""
    if warm_up.cut_limit is not None:
        return min(full_limit, warm_up.cut_limit)
    return curve.limit(warm_up.stage, full_limit=full_limit)


class Evidence(StrEnum):
    """What recent mails say of growing."""

    CLEAN = "clean"
    DOUBTFUL = "doubtful"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The evidence and, in words, what it rests on."""

    evidence: Evidence
    reason: str


def judge_growth(health: Health) -> Judgement:
    """What a week of a mailbox's mails says of letting it send more."""
    sent, bounced, blocked = health.sent, health.hard_bounced, health.blocked
    if health.complained:
        return Judgement(Evidence.BAD, counted(health.complained, "complaint"))
    if blocked > 1 and blocked > BLOCKED_RATE_COOLS_DOWN * sent:
        return Judgement(Evidence.BAD, f"{blocked} of {sent} mails were blocked")
    if sent >= EVIDENCE_MINIMUM_SAMPLE and health.bounce_rate > BOUNCE_RATE_WARNS:
        chance = chance_of_at_least(bounced, sent, HEALTHY_BOUNCE_RATE)
        said = f"{bounced} of {sent} mails bounced ({health.bounce_rate:.1%})"
        if health.bounce_rate > BOUNCE_RATE_PAUSES and chance < CUT_CHANCE:
            return Judgement(Evidence.BAD, said)
        if chance < HOLD_CHANCE:
            return Judgement(Evidence.DOUBTFUL, said)
    if blocked and blocked > HEALTHY_BOUNCE_RATE * sent:
        return Judgement(Evidence.DOUBTFUL, f"{blocked} of {sent} mails were blocked")
    return Judgement(Evidence.CLEAN, f"{bounced} of {sent} mails bounced, none blocked or complained about")


class Change(StrEnum):
    """What a day did to a limit."""

    STARTED = "started"
    ADVANCED = "advanced"
    HELD = "held"
    CUT = "cut"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class WarmUpDay:
    """A warm-up after one evaluation; `limit` is the new day's, in mails, `reason` a sentence's end."""

    warm_up: WarmUp
    change: Change
    limit: int
    reason: str


def next_day(
    warm_up: WarmUp, curve: WarmUpCurve, *, full_limit: int, accepted: int, health: Health, day: date
) -> WarmUpDay:
    """A warm-up's next day, from the days since its last evaluation; called once a local day.

    It moves by one stage at most, however many days went by: missed days do not advance.

    Args:
        warm_up: Where it stands.
        curve: What it follows.
        full_limit: The mailbox's own daily limit.
        accepted: Mails that the provider accepted since the last evaluation, at the present limit.
        health: What happened to the mails of the last `EVIDENCE_DAYS`, those before the last cut left out.
        day: The local day that begins.

    Returns:
        Held once warm, where only guardrails judge it. Before, advanced (or finished, at the full limit) on enough
        accepted mail and clean evidence; cut by 25 %, never below
        the curve's first limit, on bad evidence; held else.
    """
    limit = limit_of(warm_up, curve, full_limit=full_limit)
    if limit >= full_limit:
        return WarmUpDay(warm_up, Change.HELD, limit, "warm: it sends its full limit")
    judged = judge_growth(health)
    if judged.evidence is Evidence.BAD:
        first = curve.limit(0, full_limit=full_limit)
        lower = max(first, int(limit * CUT))
        stage = min(warm_up.stage, curve.stage_of(lower, full_limit=full_limit))
        return WarmUpDay(WarmUp(stage, lower, day), Change.CUT, lower, judged.reason)
    if accepted == 0:
        return WarmUpDay(warm_up, Change.HELD, limit, "no mail was accepted")
    if judged.evidence is Evidence.DOUBTFUL:
        return WarmUpDay(warm_up, Change.HELD, limit, judged.reason)
    if accepted < LEAST_USE * limit:
        return WarmUpDay(warm_up, Change.HELD, limit, f"only {accepted} of {limit} mails were accepted")
    further = replace(warm_up, stage=warm_up.stage + 1, cut_limit=None)
    higher = limit_of(further, curve, full_limit=full_limit)
    change = Change.FINISHED if higher >= full_limit else Change.ADVANCED
    return WarmUpDay(further, change, higher, f"{accepted} mails accepted; {judged.reason}")


def probation_limit(normal_limit: int) -> int:
    """A quarter of the usual daily limit, in mails; at least one where anything may be sent at all."""
    return max(min(1, normal_limit), int(normal_limit * PROBATION_SHARE))


@dataclass(frozen=True, slots=True)
class ProbationDay:
    """A probation after one evaluation; `is_over` once it has seen enough clean days.

    With `begins_anew` it starts again, and what happened until now does not count against it a second time.
    """

    clean_days: int
    is_over: bool
    reason: str
    begins_anew: bool = False


def next_probation_day(clean_days: int, *, accepted: int, health: Health) -> ProbationDay:
    """A probation's next day: a day with accepted mail and clean evidence counts, bad evidence begins it anew."""
    judged = judge_growth(health)
    if judged.evidence is Evidence.BAD:
        return ProbationDay(0, is_over=False, reason=judged.reason, begins_anew=True)
    if accepted == 0:
        return ProbationDay(clean_days, is_over=False, reason="no mail was accepted")
    if judged.evidence is Evidence.DOUBTFUL:
        return ProbationDay(clean_days, is_over=False, reason=judged.reason)
    done = clean_days + 1
    return ProbationDay(done, is_over=done >= PROBATION_CLEAN_DAYS, reason=judged.reason)


def days_of_warm_up(started_on: date | None, today: date) -> int | None:
    """Days since a warm-up began, on a local date; None where the mailbox is not warming up."""
    return None if started_on is None else (today - started_on).days

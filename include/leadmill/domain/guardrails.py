"""When a mailbox or sending domain has to stop, and what people have to be told.

Public signatures (importable at any time; all pure):
    Health(sent, hard_bounced=0, blocked=0, complained=0)            what happened within the window, in mails
    DayOfMail(sent, bounced)                                         one day of one mailbox, for the sequential test
    pause_threshold(mails_a_month, *, false_pauses_a_month=1.0)      -> mails; the sequential test pauses from there on
    bounce_evidence(days)                                            -> log of the test's value over days in order
    Thresholds(...)                                                  rates and samples; PRODUCTION by default
    judge_mailbox(health, *, days=(), threshold=None, rules=PRODUCTION)  -> list[Verdict]
    judge_domain(health, *, rules=PRODUCTION)                        -> list[Verdict]
    half_are_stopped(mailboxes, stopped)                             -> bool; the domain's own guardrail
    content_is_doubtful(complaints, mails, *, rules=PRODUCTION)      -> bool; a campaign is held for a review
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

BOUNCE_RATE_WARNS = 0.03
BOUNCE_RATE_PAUSES = 0.05
COMPLAINT_RATE_ALERTS = 0.001
COOL_DOWN = timedelta(weeks=2)
"""Source of these four: the outreach architecture for 1,200 mails a day ("bounce > 3 % warn, > 5 % pause the mailbox;
complaints > 0.1 % alert; a spam block: out of rotation for 2 weeks"). SES reviews senders at the same 5 % and 0.1 %."""

WINDOW_DAYS = 14
"""Rates are taken over the last two weeks: 560 mails of a full mailbox."""

BOUNCE_MINIMUM_SAMPLE = 100
"""Mails before a bare bounce rate is shown, or warns: with 40 a day, a healthy 2 % mailbox shows 5 % or more on one day
in five."""

PAUSE_MINIMUM_SAMPLE = 200
"""Mails before the bare rate pauses: above 5 % of 200 has a chance of 1 in 400 at a true 2 %, of 100 one in 65. Smaller
samples are the sequential test's."""

HEALTHY_BOUNCE_RATE = 0.02
BAD_BOUNCE_RATE = 0.08
"""What the sequential test tells apart: what a clean list shows, and what a bought or stale one does. It pauses sooner
or later at any rate above 4.4 %, where its drift changes sign."""

FALSE_PAUSES_A_MONTH = 1.0
"""The default of the budget of false pauses of one pool: that many in 30 days at most, on average."""

DAYS_OF_MONTH = 30
LEAST_THRESHOLD = 500.0
"""Floor of the threshold, in mails, so that a pool of one small mailbox is not stopped by three bounces."""

EVIDENCE_DAYS = 28
"""Days that the sequential test looks back: a warming mailbox needs two weeks for the 200 mails that tell 8 % from 2 %,
and what is older is forgotten. Leaving days out can only lower the test's value."""

COMPLAINT_MINIMUM_SAMPLE = 1000
"""Mails of a sending domain before 0.1 % means more than one complaint."""

CONTENT_COMPLAINTS = 2
"""Complaints about one campaign before it is held: one person may complain about anything."""

BLOCKED_MINIMUM = 3
BLOCKED_RATE_COOLS_DOWN = 0.05
"""Delivery reports that say "blocked" (policy or reputation, not the address): three of them and 5 % of the mail of a
domain within the window count as a spam block. Our choice: a single filter's verdict is no block."""

HALF = 0.5
LEAST_MAILBOXES_OF_DOMAIN = 2
"""A domain is paused with half of its mailboxes (source as above); with a single one there is nothing more to stop."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where on guardrails act: production keeps to the defaults, a simulation may ask "what if".

    Attributes:
        bounce_warns, bounce_pauses: Share of hard bounces above which a mailbox is warned about, and paused.
        complaint_alerts: Share of complaints above which a domain alerts and a campaign's content is doubtful.
        window_days: Days that rates are taken over.
        warn_sample, pause_sample: Mails of the window before a rate warns, and before it pauses.
    """

    bounce_warns: float = BOUNCE_RATE_WARNS
    bounce_pauses: float = BOUNCE_RATE_PAUSES
    complaint_alerts: float = COMPLAINT_RATE_ALERTS
    window_days: int = WINDOW_DAYS
    warn_sample: int = BOUNCE_MINIMUM_SAMPLE
    pause_sample: int = PAUSE_MINIMUM_SAMPLE


PRODUCTION = Thresholds()


class Action(StrEnum):
    """What a finding leads to."""

    WARN = "warn"
    ALERT = "alert"
    PAUSE = "pause"
    COOL_DOWN = "cool_down"


class Finding(StrEnum):
    """Which guardrail was touched."""

    BOUNCE_RATE_HIGH = "bounce_rate_high"
    BOUNCE_RATE_TOO_HIGH = "bounce_rate_too_high"
    BOUNCES_BEYOND_CHANCE = "bounces_beyond_chance"
    COMPLAINT = "complaint"
    COMPLAINT_RATE_HIGH = "complaint_rate_high"
    SPAM_BLOCK = "spam_block"
    HALF_STOPPED = "half_stopped"


@dataclass(frozen=True, slots=True)
class Health:
    """What happened to the mails of one sender within the window, in mails; `sent` counts the bounced ones too."""

    sent: int
    hard_bounced: int = 0
    blocked: int = 0
    complained: int = 0

    @property
    def bounce_rate(self) -> float:
        """Share of hard bounces, 0 to 1; 0 where nothing was sent."""
        return self.hard_bounced / self.sent if self.sent else 0.0

    @property
    def complaint_rate(self) -> float:
        """Share of complaints, 0 to 1; 0 where nothing was sent."""
        return self.complained / self.sent if self.sent else 0.0

    def __add__(self, other: Health) -> Health:
        """Both senders' mails together."""
        return Health(
            self.sent + other.sent,
            self.hard_bounced + other.hard_bounced,
            self.blocked + other.blocked,
            self.complained + other.complained,
        )


@dataclass(frozen=True, slots=True)
class DayOfMail:
    """One day of one mailbox, in mails; `sent` counts the bounced ones too."""

    sent: int
    bounced: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """One finding with what to do and the numbers that it rests on."""

    finding: Finding
    action: Action
    evidence: Mapping[str, float]


def chance_of_at_least(successes: int, trials: int, rate: float) -> float:
    """P(X >= successes) of a binomial: `trials` tries of probability `rate`, 0 < rate < 1; exact up to rounding."""
    if successes <= 0:
        return 1.0
    if successes > trials:
        return 0.0
    yes, no = math.log(rate), math.log1p(-rate)
    all_ways = math.lgamma(trials + 1)
    below = math.fsum(
        math.exp(all_ways - math.lgamma(k + 1) - math.lgamma(trials - k + 1) + k * yes + (trials - k) * no)
        for k in range(successes)
    )
    return min(1.0, max(0.0, 1.0 - below))


def pause_threshold(mails_a_month: float, *, false_pauses_a_month: float = FALSE_PAUSES_A_MONTH) -> float:
    """The value of the sequential test that pauses, in mails.

    Args:
        mails_a_month: What all mailboxes of the pool together may send in 30 days.
        false_pauses_a_month: The budget: how many healthy mailboxes of the pool may be paused in 30 days, on average.

    Returns:
        Mails per false pause. By `bounce_evidence`'s bound no more than (mails sent) / threshold false pauses are
        expected, whatever the number of mailboxes and however their bounces hang together.
    """
    return max(LEAST_THRESHOLD, mails_a_month / false_pauses_a_month)


def bounce_evidence(
    days: Iterable[DayOfMail], *, healthy_rate: float = HEALTHY_BOUNCE_RATE, bad_rate: float = BAD_BOUNCE_RATE
) -> float:
    """How strongly a mailbox's days speak for a change to the bad rate: the log of a Shiryaev-Roberts statistic.

    The statistic is R = sum over every day k on which the change may have happened of sent(k) x (likelihood ratio of
    the days from k on), that is R(d) = (R(d-1) + sent(d)) x LR(d), from 0.

    Why it keeps its budget: at a true rate of `healthy_rate` or below, LR has mean 1 or less, so R grows by at most
    sent(d) a day on average. A pause at R >= A takes at least A out and starts again from 0. Hence over any period
    A x E[false pauses] <= mails sent, exactly, with no assumption on how mailboxes depend on each other. A bounce that
    is not known yet counts as a delivery, which only lowers R: late news delays a pause and never makes a false one.

    Source: Pollak, Optimal detection of a change in distribution, Ann. Statist. 13 (1985); as a sum of e-processes:
    Shin, Ramdas, Rinaldo, E-detectors, New England J. of Statistics in Data Science (2023).

    Args:
        days: In order; later ones weigh on all before. Recomputed from the daily rows each time, so that late,
            repeated and reordered events end in the same value.
        healthy_rate: Bounces of a clean list, above 0.
        bad_rate: Bounces to tell it from, between the healthy rate and 1.

    Returns:
        The natural logarithm of R, in log mails; minus infinity before the first mail.
    """
    for_a_bounce = math.log(bad_rate / healthy_rate)
    for_a_delivery = math.log1p(-bad_rate) - math.log1p(-healthy_rate)
    value = -math.inf
    for day in days:
        if day.sent > 0:
            value = _log_sum(value, math.log(day.sent))
            value += day.bounced * for_a_bounce + (day.sent - day.bounced) * for_a_delivery
    return value


def _log_sum(one: float, other: float) -> float:
    """Log of the sum of two numbers given by their logs."""
    high, low = max(one, other), min(one, other)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))


def judge_mailbox(
    health: Health,
    *,
    days: Sequence[DayOfMail] = (),
    threshold: float | None = None,
    rules: Thresholds = PRODUCTION,
) -> list[Verdict]:
    """What a mailbox's recent mails lead to; empty where all is well. A pause makes a warning superfluous.

    Args:
        health: The window of `WINDOW_DAYS`, since the last release.
        days: The same mailbox day by day for the sequential test, up to `EVIDENCE_DAYS` back, since the last release.
        threshold: What `pause_threshold` says of its pool; None leaves the sequential test out.
        rules: From where on bare rates warn and pause.
    """
    evidence = {
        "sent": health.sent,
        "hard_bounced": health.hard_bounced,
        "bounce_rate": round(health.bounce_rate, 6),
        "complained": health.complained,
        "window_days": rules.window_days,
    }
    verdicts = []
    if health.complained > 0:
        verdicts.append(Verdict(Finding.COMPLAINT, Action.PAUSE, evidence))
    if health.sent >= rules.pause_sample and health.bounce_rate > rules.bounce_pauses:
        limits = {"pauses_above": rules.bounce_pauses, "minimum_sample": rules.pause_sample}
        verdicts.append(Verdict(Finding.BOUNCE_RATE_TOO_HIGH, Action.PAUSE, evidence | limits))
    elif threshold is not None and (value := bounce_evidence(days)) >= math.log(threshold):
        verdicts.append(Verdict(Finding.BOUNCES_BEYOND_CHANCE, Action.PAUSE, evidence | _test(days, value, threshold)))
    elif health.sent >= rules.warn_sample and health.bounce_rate > rules.bounce_warns:
        limits = {"warns_above": rules.bounce_warns, "minimum_sample": rules.warn_sample}
        verdicts.append(Verdict(Finding.BOUNCE_RATE_HIGH, Action.WARN, evidence | limits))
    return verdicts


def _test(days: Sequence[DayOfMail], value: float, threshold: float) -> dict[str, float]:
    """The sequential test in numbers that people and JSON can hold."""
    return {
        "test_value": round(math.exp(min(value, 60.0))),
        "test_threshold": round(threshold),
        "test_days": len(days),
        "test_sent": sum(day.sent for day in days),
        "test_bounced": sum(day.bounced for day in days),
        "healthy_rate": HEALTHY_BOUNCE_RATE,
        "bad_rate": BAD_BOUNCE_RATE,
    }


def judge_domain(health: Health, *, rules: Thresholds = PRODUCTION) -> list[Verdict]:
    """What the window of all mails of a sending domain leads to; empty where all is well."""
    evidence = {
        "sent": health.sent,
        "blocked": health.blocked,
        "complained": health.complained,
        "complaint_rate": round(health.complaint_rate, 6),
        "window_days": rules.window_days,
    }
    verdicts = []
    if health.blocked >= BLOCKED_MINIMUM and health.blocked >= BLOCKED_RATE_COOLS_DOWN * health.sent:
        limits = {"cools_down_from": BLOCKED_RATE_COOLS_DOWN, "minimum_blocked": BLOCKED_MINIMUM}
        verdicts.append(Verdict(Finding.SPAM_BLOCK, Action.COOL_DOWN, evidence | limits))
    if health.sent >= COMPLAINT_MINIMUM_SAMPLE and health.complaint_rate > rules.complaint_alerts:
        limits = {"alerts_above": rules.complaint_alerts, "minimum_sample": COMPLAINT_MINIMUM_SAMPLE}
        verdicts.append(Verdict(Finding.COMPLAINT_RATE_HIGH, Action.ALERT, evidence | limits))
    return verdicts


def half_are_stopped(mailboxes: int, stopped: int) -> bool:
    """Whether a domain has to pause: half of its mailboxes are paused for bad evidence (not by hand)."""
    return mailboxes >= LEAST_MAILBOXES_OF_DOMAIN and stopped >= HALF * mailboxes


def content_is_doubtful(complaints: int, mails: int, *, rules: Thresholds = PRODUCTION) -> bool:
    """Whether a campaign is held until its content is reviewed: two complaints, and more than 0.1 % of its mails."""
    return complaints >= CONTENT_COMPLAINTS and complaints > rules.complaint_alerts * mails

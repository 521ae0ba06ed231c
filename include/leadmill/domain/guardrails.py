"""When a mailbox or sending domain has to stop, and what people have to be told."""

from __future__ import annotations

import math
from collections.abc import Mapping
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
"""Mails before a bare bounce rate counts: with 40 a day, a healthy 2 % mailbox shows 5 % or more on one day in five."""

EARLY_MINIMUM_SAMPLE = 20
EARLY_PAUSE_CHANCE = 0.001
"""From 20 mails on, a mailbox is paused early if a true rate of 5 % would show so many bounces less than once in a
thousand (exact binomial tail): 6 of 20, 8 of 40."""

COMPLAINT_MINIMUM_SAMPLE = 1000
"""Mails of a sending domain before 0.1 % means more than one complaint."""

BLOCKED_MINIMUM = 3
BLOCKED_RATE_COOLS_DOWN = 0.05
"""Delivery reports that say "blocked" (policy or reputation, not the address): three of them and 5 % of the mail of a
domain within the window count as a spam block. Our choice: a single filter's verdict is no block."""


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
    COMPLAINT = "complaint"
    COMPLAINT_RATE_HIGH = "complaint_rate_high"
    SPAM_BLOCK = "spam_block"


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


@dataclass(frozen=True, slots=True)
class Verdict:
    """One finding with what to do and the numbers that it rests on."""

    finding: Finding
    action: Action
    evidence: Mapping[str, float]


def chance_of_at_least(successes: int, trials: int, rate: float) -> float:
    """P(X >= successes) of a binomial with `trials` tries of probability `rate`; exact up to rounding."""
    if successes <= 0:
        return 1.0
    below = math.fsum(math.comb(trials, k) * rate**k * (1 - rate) ** (trials - k) for k in range(successes))
    return max(0.0, 1.0 - below)


def _bounces_pause(health: Health) -> bool:
    if health.sent >= BOUNCE_MINIMUM_SAMPLE:
        return health.bounce_rate > BOUNCE_RATE_PAUSES
    if health.sent < EARLY_MINIMUM_SAMPLE:
        return False
    return chance_of_at_least(health.hard_bounced, health.sent, BOUNCE_RATE_PAUSES) < EARLY_PAUSE_CHANCE


def judge_mailbox(health: Health) -> list[Verdict]:
    """What a mailbox's window of mails leads to; empty where all is well. A pause makes a warning superfluous."""
    evidence = {
        "sent": health.sent,
        "hard_bounced": health.hard_bounced,
        "bounce_rate": round(health.bounce_rate, 4),
        "complained": health.complained,
    }
    verdicts = []
    if health.complained > 0:
        verdicts.append(Verdict(Finding.COMPLAINT, Action.PAUSE, evidence))
    if _bounces_pause(health):
        verdicts.append(Verdict(Finding.BOUNCE_RATE_TOO_HIGH, Action.PAUSE, evidence))
    elif health.sent >= BOUNCE_MINIMUM_SAMPLE and health.bounce_rate > BOUNCE_RATE_WARNS:
        verdicts.append(Verdict(Finding.BOUNCE_RATE_HIGH, Action.WARN, evidence))
    return verdicts


def judge_domain(health: Health) -> list[Verdict]:
    """What the window of all mails of a sending domain leads to; empty where all is well."""
    evidence = {
        "sent": health.sent,
        "blocked": health.blocked,
        "complained": health.complained,
        "complaint_rate": round(health.complaint_rate, 5),
    }
    verdicts = []
    if health.blocked >= BLOCKED_MINIMUM and health.blocked >= BLOCKED_RATE_COOLS_DOWN * health.sent:
        verdicts.append(Verdict(Finding.SPAM_BLOCK, Action.COOL_DOWN, evidence))
    if health.sent >= COMPLAINT_MINIMUM_SAMPLE and health.complaint_rate > COMPLAINT_RATE_ALERTS:
        verdicts.append(Verdict(Finding.COMPLAINT_RATE_HIGH, Action.ALERT, evidence))
    return verdicts

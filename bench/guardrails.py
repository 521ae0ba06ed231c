"""The bounce guardrail by simulation: how often it pauses a healthy pool, and how soon it catches a bad turn.

    .venv/bin/python bench/guardrails.py [months] [seed]

A pool of 30 mailboxes sends 40 mails a day each. Healthy: every mail bounces with a chance of 2 %; the number of false
pauses in 30 days is counted over many months, each mailbox starting afresh after a pause. Bad turn: after a healthy
month one mailbox bounces 8 %; counted are the mails and days until it is paused. The product's own `judge_mailbox` is
asked after every 10 mails, as the sweep of each minute does; the peers are thresholds on the bare rate alone, with the
window and the minimum sample that such rules usually have. Everything is replayable by its seed; no clock, no database.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy as np

from leadmill.domain.guardrails import (
    BAD_BOUNCE_RATE,
    BOUNCE_RATE_PAUSES,
    EVIDENCE_DAYS,
    HEALTHY_BOUNCE_RATE,
    WINDOW_DAYS,
    Action,
    DayOfMail,
    Health,
    judge_mailbox,
    pause_threshold,
)

MAILBOXES, DAILY, LOOKS = 30, 40, 4
THRESHOLD = pause_threshold(MAILBOXES * DAILY * 30)
Rule = Callable[[Sequence[DayOfMail]], bool]


def window(days: Sequence[DayOfMail], length: int) -> Health:
    recent = days[-length:]
    return Health(sum(day.sent for day in recent), hard_bounced=sum(day.bounced for day in recent))


def leadmill(days: Sequence[DayOfMail], threshold: float | None = THRESHOLD) -> bool:
    health = window(days, WINDOW_DAYS)
    verdicts = judge_mailbox(health, days=days[-EVIDENCE_DAYS:], threshold=threshold)
    return any(verdict.action is Action.PAUSE for verdict in verdicts)


def bare_rate(length: int, minimum: int) -> Rule:
    def pauses(days: Sequence[DayOfMail]) -> bool:
        health = window(days, length)
        return health.sent >= minimum and health.bounce_rate > BOUNCE_RATE_PAUSES

    return pauses


def seen(bounces: np.ndarray) -> list[DayOfMail]:
    """A day as it grows, look by look."""
    step = DAILY // LOOKS
    return [DayOfMail(step * (look + 1), int(bounces[: step * (look + 1)].sum())) for look in range(LOOKS)]


def false_pauses(rule: Rule, months: int, seed: int) -> list[int]:
    """Pauses of the healthy pool in each month."""
    dice = np.random.default_rng(seed)
    found = []
    histories: list[list[DayOfMail]] = [[] for _ in range(MAILBOXES)]
    for _ in range(months):
        pauses = 0
        for _ in range(30):
            bounced = dice.random((MAILBOXES, DAILY)) < HEALTHY_BOUNCE_RATE
            for history, bounces in zip(histories, bounced, strict=True):
                del history[:-EVIDENCE_DAYS]
                for number, day in enumerate(seen(bounces)):
                    history[len(history) - (number > 0) :] = [day]
                    if rule(history):
                        pauses += 1
                        history.clear()
                        break
        found.append(pauses)
    return found


def mails_until_caught(rule: Rule, times: int, seed: int) -> list[int]:
    """Mails that a mailbox sends at 8 % until it is paused; runs that were paused before the turn are drawn anew."""
    dice = np.random.default_rng(seed)
    found = []
    while len(found) < times:
        healthy = (dice.random((EVIDENCE_DAYS, DAILY)) < HEALTHY_BOUNCE_RATE).sum(axis=1)
        history = [DayOfMail(DAILY, int(bounced)) for bounced in healthy]
        if rule(history):
            continue
        sent = 0
        while True:
            for number, day in enumerate(seen(dice.random(DAILY) < BAD_BOUNCE_RATE)):
                history[len(history) - (number > 0) :] = [day]
                sent += DAILY // LOOKS
                if rule(history):
                    break
            else:
                continue
            break
        found.append(sent)
    return found


def main(months: int = 60, seed: int = 7) -> None:
    rules: dict[str, Rule] = {
        "Leadmill: test and rate": leadmill,
        "rate alone, 14 days, 200 mails": lambda days: leadmill(days, None),
        "rate alone, 7 days, 100 mails": bare_rate(7, 100),
        "rate alone, 1 day, 40 mails": bare_rate(1, 40),
    }
    print(f"{MAILBOXES} mailboxes x {DAILY} a day; budget 1 false pause a month; threshold {THRESHOLD:,.0f} mails")
    print(f"{months} healthy months at {HEALTHY_BOUNCE_RATE:.0%}; 400 jumps to {BAD_BOUNCE_RATE:.0%}; seed {seed}")
    print(f"{'rule':32} {'false pauses a month':>22} {'worst month':>12} {'mails until caught':>26} {'days':>18}")
    for name, rule in rules.items():
        counts = np.array(false_pauses(rule, months, seed))
        error = 1.96 * counts.std(ddof=1) / np.sqrt(months)
        waits = np.array(mails_until_caught(rule, 400, seed + 1))
        low, middle, high = np.quantile(waits, [0.1, 0.5, 0.9])
        mails = f"{middle:.0f} ({low:.0f}-{high:.0f})"
        days = f"{middle / DAILY:.1f} ({low / DAILY:.1f}-{high / DAILY:.1f})"
        print(f"{name:32} {counts.mean():>14.2f} ± {error:<5.2f} {counts.max():>12} {mails:>26} {days:>18}")


if __name__ == "__main__":
    main(*(int(value) for value in sys.argv[1:]))

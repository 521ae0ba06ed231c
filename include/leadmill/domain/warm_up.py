"""How many mails a day a young mailbox may send, by the age of its warm-up."""

from __future__ import annotations

from datetime import date

FIRST_DAY_LIMIT = 5
FIRST_WEEK_LIMIT = 10
FIRST_WEEK_DAYS = 7
DAILY_GROWTH = 1.2
"""Growth of the daily limit up to the mailbox's own.

Source of all four: the outreach architecture for 1,200 mails a day (docs/requirements): "week 1: 5-10 a day; weeks 2-3:
+20 % a day up to 40-50".
"""


def warm_up_limit(age_days: int, *, full_limit: int) -> int:
    """The limit of one day of warm-up, in mails.

    Args:
        age_days: Whole days since the warm-up began; 0 is its first day. Negative: it has not begun, so 0 mails.
        full_limit: The mailbox's own daily limit, never exceeded.

    Returns:
        5 on the first day, rising evenly to 10 on the seventh, then 20 % more each day up to `full_limit`.
    """
    if age_days < 0:
        return 0
    last_of_week = FIRST_WEEK_DAYS - 1
    if age_days <= last_of_week:
        ramp = FIRST_DAY_LIMIT + (FIRST_WEEK_LIMIT - FIRST_DAY_LIMIT) * age_days // last_of_week
        return min(full_limit, ramp)
    limit = float(FIRST_WEEK_LIMIT)
    for _ in range(age_days - last_of_week):
        limit *= DAILY_GROWTH
        if limit >= full_limit:
            return full_limit
    return int(limit)


def days_of_warm_up(started_on: date | None, today: date) -> int | None:
    """Age of a warm-up in days on a local date; None where the mailbox is not warming up."""
    return None if started_on is None else (today - started_on).days

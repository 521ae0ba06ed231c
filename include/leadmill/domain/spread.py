"""Even spread and gaps: when a mailbox that just sent may send again, so that its day is no burst."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo


class Spread(StrEnum):
    """How a provider account's mailboxes use their day."""

    EVEN = "even"
    AS_FAST_AS_POSSIBLE = "as_fast_as_possible"


EVEN_UP_TO = 200
"""Mails a day up to which a mailbox is spread evenly unless its account says otherwise: a person's mailbox (40-50 a
day) is judged by how a person would write, a newsletter's is not. Our choice."""

WORKING_DAY_ENDS = time(18)
"""Local time by which the day's mails should be out; after it, midnight. Windows of the leads may ask for more haste.
Our choice: a mailbox of an office."""

FASTEST_DAY = timedelta(hours=2)
"""However late it is, a day's limit is never used in less: what remains goes out on another day. Our choice; the
shortest windows of leads are two to four hours long."""

STEP = timedelta(minutes=1)
"""Mails that fall due within a step go out together: dispatch looks once a minute."""

GAP_JITTER = 0.5
"""A minimum gap is drawn from 1 to 1.5 times the setting: never below it, and no metronome. Our choice."""

_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Pause:
    """Until when a mailbox waits after a claim, aware UTC; None is no wait."""

    gap_until: datetime | None = None
    spread_until: datetime | None = None


def is_even(setting: Spread | None, daily_limit: int) -> bool:
    """Whether a mailbox's mails are spread over its day, by its account's setting, else by its own daily limit."""
    return daily_limit <= EVEN_UP_TO if setting is None else setting is Spread.EVEN


def chance(seed: int, number: int) -> float:
    """A number in [0, 1) that a seed and another number always give (splitmix64, Steele et al., OOPSLA 2014)."""
    mixed = (seed * 0x9E3779B97F4A7C15 + number * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) & _MASK
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = ((mixed ^ (mixed >> shift)) * factor) & _MASK
    return ((mixed ^ (mixed >> 31)) >> 11) / (1 << 53)


@lru_cache(maxsize=512)
def _close_of_day(zone: str, now: datetime) -> datetime:
    here = ZoneInfo(zone)
    local = now.astimezone(here)
    if local.time() < WORKING_DAY_ENDS:
        return datetime.combine(local.date(), WORKING_DAY_ENDS, tzinfo=here).astimezone(UTC)
    return datetime.combine(local.date() + timedelta(days=1), time(), tzinfo=here).astimezone(UTC)


def seconds_a_mail(
    day_limit: int, taken_today: int, *, zone: str, now: datetime, closes_at: datetime | None = None
) -> float:
    """Time from one mail to the next that spreads what is left of the day's limit over what is left of the day.

    Args:
        day_limit: Mails the mailbox may send today.
        taken_today: Of these, the ones that went out or are on their way.
        zone: The mailbox's IANA time zone.
        now: Aware UTC.
        closes_at: When the windows of the leads that wait now close, where they have any: then the rest of the limit
            is spread until then, so that a campaign of two hours a day still gets the day's mails out.

    Returns:
        Seconds; 0 where nothing of the limit is left. Never less than lets the whole limit go in `FASTEST_DAY`.
    """
    left = day_limit - taken_today
    if left <= 0:
        return 0.0
    end = _close_of_day(zone, now)
    if closes_at is not None and closes_at < end:
        end = closes_at
    # One more than are left: with jitter, the last mail still falls before the end.
    return max((end - now).total_seconds() / (left + 1), FASTEST_DAY.total_seconds() / day_limit)


def mails_in_a_step(day_limit: int, taken_today: int, *, zone: str, now: datetime) -> int:
    """How many mails of an evenly spread mailbox may go together now; at least 1 where any is left."""
    seconds = seconds_a_mail(day_limit, taken_today, zone=zone, now=now)
    return max(1, int(STEP.total_seconds() / seconds)) if seconds else 0


def jittered_gap(gap_seconds: float, *, seed: int, mailbox_id: int) -> timedelta:
    """A minimum gap with its jitter: 1 to 1.5 times the setting, always the same for a seed and a mailbox."""
    return timedelta(seconds=gap_seconds * (1 + GAP_JITTER * chance(seed, mailbox_id)))


def jittered_spread(seconds: float, *, seed: int, mailbox_id: int) -> timedelta:
    """A step of even spread with its jitter: 0.5 to 1.5 times, so that its mean stays."""
    return timedelta(seconds=seconds * (0.5 + chance(seed + 1, mailbox_id)))

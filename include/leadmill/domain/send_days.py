"""The days on which a campaign sends: weekdays, the lead's country's working days, and its public holidays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

WEEKDAYS = (1, 2, 3, 4, 5, 6, 7)
"""ISO 8601: Monday is 1."""

USUAL_WORKING_DAYS = (1, 2, 3, 4, 5)
"""Of a lead whose country is unknown, or has no calendar: Monday to Friday, as in nine of ten countries."""

BEST_OF_DAYS = 3
"""Sending days of which a best-time mail takes the best hour, unless the campaign says otherwise: see
`bench/best_time.py` for what more days bring and how long they make a mail wait."""
MOST_BEST_OF_DAYS = 14

MISSES_TO_ANY_HOUR = 10
"""After one missed window a best-time mail takes the next of its lead's hours, after so many any office hour: nobody
waits for ever for an hour in which no mailbox is free. Three weeks with the default hours. With six, a pool that needed
weeks for a campaign sent most of it at any hour, and half of what best hours bring was gone (`bench/best_time.py`)."""

OFFICE_HOURS = (8, 18)
"""The hours for who missed so many windows, where the lead lives; 18:00 is the end of the working day in
`domain.spread`, too."""

_SHORT = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class SendDays:
    """On which days a campaign sends, by the lead's own calendar and clock.

    `weekdays`: ISO numbers in order; None: the working days of each lead's country. `skips_holidays`: not on public
    holidays of that country.
    """

    weekdays: tuple[int, ...] | None = WEEKDAYS
    skips_holidays: bool = False

    @property
    def asks_country(self) -> bool:
        """Whether the answer differs between countries."""
        return self.weekdays is None or self.skips_holidays

    def problems(self) -> list[str]:
        """What makes these days impossible, one sentence each."""
        if self.weekdays is None:
            return []
        if not self.weekdays or not set(self.weekdays) <= set(WEEKDAYS):
            return ["Choose at least one day of the week on which mails go out."]
        return []

    def in_words(self) -> str:
        """Such as "Mon-Fri, not on public holidays of the lead's country"."""
        if self.weekdays is None:
            days = "working days where the lead lives"
        elif set(self.weekdays) == set(WEEKDAYS):
            days = "every day"
        else:
            days = _in_runs(sorted(set(self.weekdays)))
        return f"{days}, not on public holidays of the lead's country" if self.skips_holidays else days


EVERY_DAY = SendDays()
WORKING_DAYS = SendDays(weekdays=None, skips_holidays=True)
"""What a person who starts a new campaign is offered: nobody expects a business mail on a Sunday."""


@dataclass(frozen=True, slots=True)
class FirstMails:
    """When the first mails of a campaign would go out, if it were planned now.

    `mails_by_day`: by the day (UTC) on which they become due, in order. `too_late`: of all, those that become due at
    the campaign's end or later, since no day before it is one to send on. `days_off`: days of the next two years on
    which at most half of these leads may be mailed.
    """

    mails_by_day: Mapping[date, int]
    too_late: int = 0
    days_off: frozenset[date] = frozenset()

    @property
    def mails(self) -> int:
        """All of them."""
        return sum(self.mails_by_day.values())


def _in_runs(days: list[int]) -> str:
    runs: list[list[int]] = []
    for day in days:
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(_run_in_words(run) for run in runs)


def _run_in_words(run: list[int]) -> str:
    names = [_SHORT[day - 1] for day in run]
    return f"{names[0]}-{names[-1]}" if len(names) > 2 else ", ".join(names)  # noqa: PLR2004 - two days are no run

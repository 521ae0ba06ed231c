"""Working days and public holidays of countries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CountryCalendar:
    """One country's calendar. `working_days`: ISO weekdays; `holidays`: public ones of the whole country, in order."""

    country: str
    working_days: tuple[int, ...]
    holidays: tuple[date, ...]


class HolidaySource(Protocol):
    """Where calendars come from."""

    @property
    def version(self) -> str:
        """Name and version; another one may say something else."""
        ...

    def calendars(self, years: Sequence[int]) -> Iterable[CountryCalendar]:
        """Every country's calendar for these years."""
        ...


class CalendarLedger(Protocol):
    """Calendars as the ledger's statements read them."""

    def are_needed(self, version: str, until: date, *, asked: bool = False) -> bool:
        """Whether a campaign (or the caller) asks for calendars that are missing, too short or of another version."""
        ...

    def replace(self, calendars: Iterable[CountryCalendar], *, version: str, until: date) -> int:
        """Put all calendars anew; returns how many holidays there are. Safe to run twice and at the same time."""
        ...

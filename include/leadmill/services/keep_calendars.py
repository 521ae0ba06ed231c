"""Keep the countries' working days and public holidays known for a year ahead."""

from __future__ import annotations

from datetime import date, datetime

from leadmill.ports.calendars import CalendarLedger, HolidaySource

YEARS_AHEAD = 2
"""Years that are known, the running one counted: a follow-up's day lies at most a year away."""


def keep_calendars(ledger: CalendarLedger, source: HolidaySource, *, as_of: datetime, asked: bool = False) -> int:
    """Load calendars where a campaign asks for them and they are missing, end too soon or are of an older package.

    Args:
        ledger: Where they are kept.
        source: Where they come from.
        as_of: Aware UTC; the years from this one on are loaded.
        asked: A draft asks for them, too.

    Returns:
        Holidays loaded; 0 where nothing was to do.
    """
    until = date(as_of.year + YEARS_AHEAD, 1, 1)
    if not ledger.are_needed(source.version, until, asked=asked):
        return 0
    years = range(as_of.year, until.year)
    return ledger.replace(source.calendars(years), version=source.version, until=until)

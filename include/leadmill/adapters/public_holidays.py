"""Public holidays and weekends of countries, from the `holidays` package."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version

from leadmill.domain.send_days import WEEKDAYS
from leadmill.ports.calendars import CountryCalendar

_CODE_LENGTH = 2  # the package lists three-letter codes and old names, too


class PublicHolidays:
    """National public holidays; those of single states or regions are working days for the rest of the country."""

    @property
    def version(self) -> str:
        return f"holidays {version('holidays')}"

    def calendars(self, years: Sequence[int]) -> Iterator[CountryCalendar]:
        import holidays

        for country in sorted(holidays.list_supported_countries()):
            if len(country) != _CODE_LENGTH:
                continue
            known = holidays.country_holidays(country, years=years)
            working = tuple(day for day in WEEKDAYS if day - 1 not in known.weekend)
            yield CountryCalendar(country, working, tuple(sorted(day for day in known if day.year in years)))

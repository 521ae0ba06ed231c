"""Working days and public holidays of countries in the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from leadmill.adapters.ledger.database import Database
from leadmill.ports.calendars import CountryCalendar
from leadmill.sql import query

_SUBJECT = "ledger/calendars"


class PostgresCalendars:
    """One row a country, one a holiday; a load replaces them all in one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def are_needed(self, version: str, until: date, *, asked: bool = False) -> bool:
        values = {"version": version, "until": until, "asked": asked}
        with self._database.transaction() as connection:
            row = connection.execute(query(_SUBJECT, "calendars_needed"), values).fetchone()
        return bool(row and row["are_needed"])

    def replace(self, calendars: Iterable[CountryCalendar], *, version: str, until: date) -> int:
        known = list(calendars)
        countries = {
            "countries": [k.country for k in known],
            "working_days": [f"{{{','.join(map(str, k.working_days))}}}" for k in known],
            "until": until,
            "version": version,
        }
        pairs = [(k.country, day) for k in known for day in k.holidays]
        holidays = {"countries": [country for country, _ in pairs], "days": [day for _, day in pairs]}
        with self._database.transaction() as connection:
            connection.execute(query(_SUBJECT, "lock_calendars"))
            connection.execute(query(_SUBJECT, "upsert_calendars"), countries)
            connection.execute(query(_SUBJECT, "delete_calendars"), {"countries": countries["countries"]})
            connection.execute(query(_SUBJECT, "delete_holidays"), holidays)
            connection.execute(query(_SUBJECT, "insert_holidays"), holidays)
        return len(pairs)

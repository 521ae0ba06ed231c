"""`ledger.send_window` against slow, obvious searches of the same answer, where every day is one to send on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from leadmill.bootstrap import App

ZONES = ("UTC", "Asia/Kolkata", "Asia/Kathmandu", "America/Phoenix", "Europe/Berlin", "Pacific/Auckland")
CALL = (
    "select * from ledger.send_window(%(timing)s::text, %(hour)s::smallint, %(earliest)s::timestamptz, %(zone)s::text,"
    " %(hours)s::smallint[], %(delay)s, %(country)s, %(weekdays)s::smallint[], %(skips_holidays)s, %(best_of_days)s,"
    " %(missed_windows)s, %(choice)s)"
)
AS_EVER = {
    "timing": "best_time",
    "hour": None,
    "hours": None,
    "zone": "UTC",
    "delay": 0,
    "country": "",
    "weekdays": [1, 2, 3, 4, 5, 6, 7],
    "skips_holidays": False,
    "best_of_days": 3,
    "missed_windows": 0,
    "choice": 0,
}
MOMENTS = st.integers(0, 28 * 24 * 60 - 1).map(
    lambda minutes: datetime(2026, 2, 1, tzinfo=UTC) + timedelta(minutes=minutes)  # no zone changes its clocks then
)


def ask(app: App, **values: object) -> dict:
    with psycopg.connect(app.settings.database_url, row_factory=dict_row, options="-c timezone=UTC") as connection:
        row = connection.execute(CALL, AS_EVER | values)
        found = row.fetchone()
    assert found
    return found


def week_hour(moment: datetime, zone: str) -> int:
    local = moment.astimezone(ZoneInfo(zone))
    return local.weekday() * 24 + local.hour


def search(earliest: datetime, zone: str, fits: set[int]) -> datetime:
    """Minute by minute, the first moment in a fitting local hour."""
    moment = earliest
    while week_hour(moment, zone) not in fits:
        moment += timedelta(minutes=1)
    return moment


@given(earliest=MOMENTS, zone=st.sampled_from(ZONES), hours=st.lists(st.integers(0, 167), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_missed_best_hour_is_followed_by_the_next_of_the_lead_s_hours(
    app: App, earliest: datetime, zone: str, hours: list[int]
) -> None:
    found = ask(app, earliest=earliest, zone=zone, hours=hours, missed_windows=1)
    assert found["due_at"] == search(earliest, zone, set(hours))
    last_minute = found["window_ends_at"] - timedelta(minutes=1)
    assert week_hour(last_minute, zone) in hours or found["window_ends_at"] - found["due_at"] == timedelta(minutes=10)
    assert found["window_ends_at"] > found["due_at"]


@given(
    earliest=MOMENTS,
    zone=st.sampled_from(ZONES),
    hours=st.lists(st.integers(0, 167), min_size=1, max_size=12, unique=True),
    days=st.integers(1, 7),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_best_time_is_the_best_hour_within_the_days_allowed(
    app: App, earliest: datetime, zone: str, hours: list[int], days: int
) -> None:
    found = ask(app, earliest=earliest, zone=zone, hours=hours, best_of_days=days)
    first_day = earliest.astimezone(ZoneInfo(zone)).date()
    while not (left := hours_left(earliest, zone, first_day, days)) & set(hours):
        days += 1  # with none of its hours in the days allowed, the first day that has one
    best = next(hour for hour in hours if hour in left)
    assert week_hour(found["due_at"], zone) == best
    assert found["due_at"].astimezone(ZoneInfo(zone)).date() < first_day + timedelta(days=days)
    assert found["due_at"] >= earliest
    assert found["window_ends_at"] > found["due_at"]


def hours_left(earliest: datetime, zone: str, first_day: date, days: int) -> set[int]:
    """The hours of the week from a moment to the end of so many local days."""
    found, moment = set(), earliest
    while moment.astimezone(ZoneInfo(zone)).date() < first_day + timedelta(days=days):
        found.add(week_hour(moment, zone))
        moment += timedelta(minutes=1)
    return found


@given(earliest=MOMENTS, zone=st.sampled_from(ZONES), hour=st.integers(0, 23))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_fixed_hour_is_met_on_the_hour_within_a_day(app: App, earliest: datetime, zone: str, hour: int) -> None:
    found = ask(app, timing="local_time", hour=hour, earliest=earliest, zone=zone)
    local = found["due_at"].astimezone(ZoneInfo(zone))
    assert (local.hour, local.minute) == (hour, 0)
    assert timedelta(0) <= found["due_at"] - earliest < timedelta(days=1)
    assert found["window_ends_at"] - found["due_at"] == timedelta(hours=4)


@pytest.mark.parametrize("zone", ["Nowhere/Land", "", "UTC'; drop table x"])
def test_an_unknown_zone_counts_as_utc(app: App, zone: str) -> None:
    earliest = datetime(2026, 2, 2, 7, 30, tzinfo=UTC)
    assert ask(app, timing="local_time", hour=9, earliest=earliest, zone=zone)["due_at"].hour == 9


def test_a_lead_without_known_hours_is_mailed_midweek_in_the_morning(app: App) -> None:
    found = ask(app, earliest=datetime(2026, 2, 6, 12, tzinfo=UTC))  # a Friday
    assert found == {
        "due_at": datetime(2026, 2, 10, 9, tzinfo=UTC),
        "window_ends_at": datetime(2026, 2, 10, 12, tzinfo=UTC),
    }


@pytest.mark.parametrize(
    ("earliest", "hours"),
    [
        (datetime(2026, 3, 29, 0, 30, tzinfo=UTC), [6 * 24 + 2]),  # the hour that Berlin's clocks skip
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), [6 * 24 + 2]),  # the hour that comes twice
    ],
)
def test_a_change_of_clocks_never_sends_early_or_a_week_late(app: App, earliest: datetime, hours: list[int]) -> None:
    found = ask(app, earliest=earliest, zone="Europe/Berlin", hours=hours)
    assert earliest <= found["due_at"] <= earliest + timedelta(hours=2)
    assert found["window_ends_at"] > found["due_at"]


@pytest.mark.parametrize("timing", ["as_soon_as_possible", "utc_time"])
def test_without_an_hour_a_send_is_due_at_once_and_has_no_window(app: App, timing: str) -> None:
    earliest = datetime(2026, 2, 2, 7, 30, tzinfo=UTC)
    assert ask(app, timing=timing, earliest=earliest) == {"due_at": earliest, "window_ends_at": None}

"""`ledger.send_window` against a slow, obvious search of the same answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
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
    " %(hours)s::smallint[])"
)
MOMENTS = st.integers(0, 28 * 24 * 60 - 1).map(
    lambda minutes: datetime(2026, 2, 1, tzinfo=UTC) + timedelta(minutes=minutes)  # no zone changes its clocks then
)


def ask(app: App, **values: object) -> dict:
    with psycopg.connect(app.settings.database_url, row_factory=dict_row, options="-c timezone=UTC") as connection:
        row = connection.execute(CALL, {"timing": "best_time", "hour": None, "hours": None, "zone": "UTC"} | values)
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
def test_best_time_is_the_first_minute_of_a_best_hour(
    app: App, earliest: datetime, zone: str, hours: list[int]
) -> None:
    found = ask(app, earliest=earliest, zone=zone, hours=hours)
    assert found["due_at"] == search(earliest, zone, set(hours))
    last_minute = found["window_ends_at"] - timedelta(minutes=1)
    assert week_hour(last_minute, zone) in hours or found["window_ends_at"] - found["due_at"] == timedelta(minutes=10)
    assert found["window_ends_at"] > found["due_at"]


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

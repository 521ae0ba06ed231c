"""Rates by hour, the hours chosen from them, and windows across changes of clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadmill.domain.send_time import (
    DEFAULT_HOURS,
    HOURS_PER_WEEK,
    best_hours,
    confidence_of,
    default_curve,
    next_window,
    open_rate_by_hour,
    own_curves,
    pooled_curve,
    smoothed,
)
from leadmill.errors import ShapeMismatch


def week(**hours: float) -> np.ndarray:
    counts = np.zeros(HOURS_PER_WEEK)
    for hour, value in hours.items():
        counts[int(hour[1:])] = value
    return counts


def test_an_hour_without_mails_has_the_priors_rate() -> None:
    rates = open_rate_by_hour(week(), week(), prior_opens=2, prior_sends=10)
    assert rates == pytest.approx(np.full(HOURS_PER_WEEK, 0.2))


def test_counts_of_different_hours_are_refused() -> None:
    with pytest.raises(ShapeMismatch):
        open_rate_by_hour(np.zeros(24), np.zeros(24), prior_opens=1, prior_sends=2)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=168, max_size=168))
def test_a_rate_is_strictly_between_0_and_1_and_between_prior_and_observed(pairs: list[tuple[int, int]]) -> None:
    delivered = np.array([max(a, b) for a, b in pairs], dtype=float)
    opened = np.array([min(a, b) for a, b in pairs], dtype=float)
    rates = open_rate_by_hour(opened, delivered, prior_opens=1, prior_sends=4)
    observed = np.divide(opened, delivered, out=np.full_like(opened, 0.25), where=delivered > 0)
    assert ((rates > 0) & (rates < 1)).all()
    assert (rates >= np.minimum(observed, 0.25) - 1e-12).all()
    assert (rates <= np.maximum(observed, 0.25) + 1e-12).all()


@given(st.lists(st.floats(0, 100), min_size=168, max_size=168))
def test_smoothing_keeps_the_total(counts: list[float]) -> None:
    assert smoothed(np.array(counts)).sum() == pytest.approx(sum(counts), abs=1e-6)


def test_before_any_history_the_best_hours_are_the_default_ones() -> None:
    assert sorted(best_hours(default_curve())) == list(DEFAULT_HOURS)


def test_an_hour_that_did_better_than_the_mean_goes_before_hours_nobody_tried() -> None:
    curve = pooled_curve(week(h17=600.0, h33=50.0), week(h17=1000.0, h33=1000.0))
    assert best_hours(curve)[0] == 17


def test_more_own_mails_mean_more_confidence_and_outweigh_the_pool() -> None:
    pooled = default_curve() * 0.1
    few = own_curves(week(h20=1.0), week(h20=1.0), pooled)[20]
    many = own_curves(week(h20=20.0), week(h20=20.0), pooled)[20]
    assert pooled[20] < few < many
    assert confidence_of(1.0, 4.0) < confidence_of(20.0, 4.0) < 1


BERLIN = "Europe/Berlin"


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def test_neighbouring_hours_join_to_one_window() -> None:
    # Tuesday 9:00-11:59 in Berlin's winter is 8:00-11:00 UTC.
    assert next_window(DEFAULT_HOURS, BERLIN, at(2026, 1, 5, 0), 48) == (at(2026, 1, 6, 8), at(2026, 1, 6, 11))


def test_within_a_window_the_rest_of_it_is_next() -> None:
    found = next_window(DEFAULT_HOURS, BERLIN, at(2026, 1, 6, 9, 30), 48)
    assert found == (at(2026, 1, 6, 9, 30), at(2026, 1, 6, 11))


def test_beyond_the_horizon_there_is_none() -> None:
    assert next_window(DEFAULT_HOURS, BERLIN, at(2026, 1, 8, 11), 24) is None
    assert next_window((), BERLIN, at(2026, 1, 8, 11), 24 * 14) is None


def test_after_the_clocks_change_the_local_hour_stays() -> None:
    # Germany: 2026-03-29 and 2026-10-25.
    assert next_window([33], BERLIN, at(2026, 3, 23), 48) == (at(2026, 3, 24, 8), at(2026, 3, 24, 9))
    assert next_window([33], BERLIN, at(2026, 3, 30), 48) == (at(2026, 3, 31, 7), at(2026, 3, 31, 8))


def test_an_hour_that_the_change_of_clocks_skips_is_left_out() -> None:
    sunday_two = 6 * 24 + 2
    found = next_window([sunday_two], BERLIN, at(2026, 3, 28), 48)
    assert found is None  # 2:00-2:59 does not exist on that Sunday
    assert next_window([sunday_two], BERLIN, at(2026, 3, 28), 24 * 9) == (at(2026, 4, 5, 0), at(2026, 4, 5, 1))


def test_an_hour_that_comes_twice_counts_both_times() -> None:
    sunday_two = 6 * 24 + 2
    assert next_window([sunday_two], BERLIN, at(2026, 10, 24), 48) == (at(2026, 10, 25, 0), at(2026, 10, 25, 2))


def test_half_hour_offsets_begin_on_the_local_hour() -> None:
    assert next_window([33], "Asia/Kolkata", at(2026, 1, 5), 48) == (at(2026, 1, 6, 3, 30), at(2026, 1, 6, 4, 30))


def test_every_hour_good_gives_a_window_that_ends() -> None:
    start, end = next_window(range(HOURS_PER_WEEK), "UTC", at(2026, 1, 5), 1)
    assert end - start >= timedelta(days=7)


@given(
    st.lists(st.integers(0, 167), min_size=1, max_size=9),
    st.sampled_from(["UTC", BERLIN, "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Asia/Tokyo"]),
    st.integers(0, 365 * 24 * 60),
)
def test_a_window_lies_in_good_local_hours_and_not_before_after(hours: list[int], zone: str, minute: int) -> None:
    after = at(2026, 1, 1) + timedelta(minutes=minute)
    found = next_window(hours, zone, after, 24 * 8)
    assert found is not None
    start, end = found
    assert after <= start < end
    for moment in (start, end - timedelta(microseconds=1)):
        local = moment.astimezone(ZoneInfo(zone))
        assert local.weekday() * 24 + local.hour in hours

"""Rates by hour, the hours chosen from them, and windows across changes of clocks."""

from __future__ import annotations

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

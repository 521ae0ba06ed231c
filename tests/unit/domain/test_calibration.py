"""Figures of merit and shifts of level."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadmill.domain.calibration import (
    area_under_curve,
    calibration_error,
    fit_line,
    level_shift,
    log_loss,
    sigmoid,
)

RANDOM = np.random.default_rng(5)


def test_auc_counts_pairs_in_the_right_order_and_ties_half() -> None:
    happened = np.array([True, False, True, False])
    assert area_under_curve(np.array([0.9, 0.1, 0.8, 0.2]), happened) == 1
    assert area_under_curve(np.array([0.9, 0.1, 0.1, 0.9]), happened) == 0.5
    assert area_under_curve(np.ones(4), happened) == 0.5
    assert area_under_curve(np.ones(2), np.array([True, True])) == 0.5


def test_auc_agrees_with_counting_every_pair() -> None:
    score, happened = RANDOM.integers(0, 6, 80).astype(float), RANDOM.random(80) < 0.4
    pairs = [(a > b) + (a == b) / 2 for a in score[happened] for b in score[~happened]]
    assert area_under_curve(score, happened) == pytest.approx(np.mean(pairs))


def test_a_calibrated_forecast_has_little_calibration_error_and_a_boastful_one_much() -> None:
    truth = RANDOM.random(20_000)
    happened = RANDOM.random(20_000) < truth
    assert calibration_error(truth, happened) < 0.02
    assert calibration_error(truth**3 / (truth**3 + (1 - truth) ** 3), happened) > 0.1


def test_a_fitted_line_undoes_a_distortion() -> None:
    truth = RANDOM.normal(-1, 1.5, 50_000)
    happened = RANDOM.random(50_000) < sigmoid(truth)
    slope, intercept = fit_line(truth * 2 + 1, happened)
    assert (slope, intercept) == (pytest.approx(0.5, abs=0.03), pytest.approx(-0.5, abs=0.05))
    better = log_loss(sigmoid((truth * 2 + 1) * slope + intercept), happened)
    assert better < log_loss(sigmoid(truth * 2 + 1), happened)


def test_one_outcome_only_fits_nothing() -> None:
    assert fit_line(np.zeros(3), np.zeros(3, dtype=bool)) == (1.0, 0.0)


@given(st.floats(0.001, 0.999), st.lists(st.floats(-6, 6), min_size=1, max_size=50))
def test_a_level_shift_meets_the_wanted_rate_and_keeps_the_order(rate: float, values: list[float]) -> None:
    log_odds = np.array(values)
    moved = sigmoid(log_odds + level_shift(log_odds, rate))
    assert moved.mean() == pytest.approx(rate, abs=1e-6)
    assert (np.diff(moved[np.argsort(log_odds)]) >= 0).all()

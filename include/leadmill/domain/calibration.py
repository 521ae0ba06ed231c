"""How good a probability is, and how to move it to the level that was observed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.float64]
Outcomes = NDArray[np.bool_]

_EDGE = 1e-6
_STEPS = 60
_CONVERGED = 1e-9


def sigmoid(log_odds: NDArray[np.float64]) -> Probabilities:
    """Probability of each log-odds, strictly between 0 and 1."""
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -30, 30))))


def log_loss(probability: Probabilities, happened: Outcomes) -> float:
    """Mean negative log-likelihood in nats; lower is better."""
    kept = np.clip(probability, _EDGE, 1 - _EDGE)
    return float(-np.mean(np.where(happened, np.log(kept), np.log(1 - kept))))


def area_under_curve(score: NDArray[np.float64], happened: Outcomes) -> float:
    """How often a lead that answered ranks above one that did not; ties count half; 0.5 where only one kind exists.

    Source: Mann-Whitney U statistic; Hanley & McNeil, Radiology 143 (1982).
    """
    positives = int(happened.sum())
    negatives = happened.size - positives
    if positives == 0 or negatives == 0:
        return 0.5
    _, group, sizes = np.unique(score, return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(sizes) - (sizes - 1) / 2
    rank_sum = float(mean_ranks[group][happened].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def calibration_error(probability: Probabilities, happened: Outcomes, *, bins: int = 15) -> float:
    """Expected calibration error over bins of equal mass: mean |said - happened|, between 0 and 1.

    Source: Naeini et al., AAAI 2015, with equal-mass bins.
    """
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, bins) if part.size]
    gaps = [abs(float(probability[p].mean()) - float(happened[p].mean())) * p.size for p in parts]
    return float(sum(gaps) / max(1, probability.size))


def fit_line(log_odds: NDArray[np.float64], happened: Outcomes) -> tuple[float, float]:
    """Slope and intercept that make `sigmoid(slope * log_odds + intercept)` fit what happened.

    Falls back to (1, 0) where only one outcome was seen.

    Source: Platt, "Probabilistic outputs for support vector machines" (1999); fitted by Newton's method.
    """
    if happened.all() or not happened.any():
        return 1.0, 0.0
    design = np.column_stack([log_odds, np.ones_like(log_odds)])
    weights = np.array([1.0, 0.0])
    for _ in range(_STEPS):
        said = sigmoid(design @ weights)
        gradient = design.T @ (happened - said)
        curvature = (design * (said * (1 - said))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        weights = weights + step
        if np.abs(step).max() < _CONVERGED:
            break
    return float(weights[0]), float(weights[1])


def level_shift(log_odds: NDArray[np.float64], wanted_rate: float) -> float:
    """The shift of all log-odds that makes their mean probability `wanted_rate` (0 < rate < 1).

    Source: "recalibration in the large"; Steyerberg, Clinical Prediction Models, 2nd ed., ch. 20.
    """
    low, high = -20.0, 20.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if float(sigmoid(log_odds + middle).mean()) < wanted_rate:
            low = middle
        else:
            high = middle
    return (low + high) / 2

"""When a lead reads mail: rates per hour of the local week, shrunk from a default over the pool to the lead's own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leadmill.errors import ShapeMismatch

HOURS_PER_WEEK = 168
"""Index 0 is Monday 00:00-00:59 in the lead's own time zone."""

WINDOW_HOURS = 9
"""Hours a lead's window holds: three mornings' worth, so that a day's volume has room."""

DEFAULT_HOURS = tuple(day * 24 + hour for day in (1, 2, 3) for hour in (9, 10, 11))
"""Tuesday to Thursday, 9:00 to 11:59: office mornings. A convention, not a measurement; history is to beat it."""

OPEN_WEIGHT, CLICK_WEIGHT, REPLY_WEIGHT = 0.4, 0.8, 1.0
"""What an act of a person counts as evidence that the hour was good: an open less, since some are still mislabelled."""

POOLED_PRIOR_MAILS = 100.0
"""Weight of the default curve, in mails per hour of the week: at a usual 5 % of answers, five of them. With 20, the
luck of three mails at night went before every morning."""
ZONE_PRIOR_MAILS = 100.0
"""Weight of the whole pool's curve against one time zone's, in mails per hour of the week."""
OWN_PRIOR_MAILS = 4.0
"""Weight of the pooled curve against the lead's own, in mails per hour of the week."""

MIN_POOLED_MAILS, MIN_POOLED_ANSWERS = 200, 20
"""Below these the pool's history is noise, and the default holds."""
MIN_OWN_MAILS, MIN_OWN_ANSWERS = 3, 2
"""Below these a lead's own history is an anecdote."""
DEFAULT_CONFIDENCE = 0.1

Rates = NDArray[np.float64]


def open_rate_by_hour(
    opened: NDArray[np.float64],
    delivered: NDArray[np.float64],
    *,
    prior_opens: NDArray[np.float64] | float,
    prior_sends: float,
) -> Rates:
    """Estimate how likely a message is answered, for each hour of the week.

    Args:
        opened: Messages answered (weighted, at most 1 each), shape (…, 168), by the hour of delivery.
        delivered: Messages delivered, same shape and hours; never below `opened`.
        prior_opens: Weight of the prior, in messages; one number or one per hour, broadcast; below `prior_sends`.
        prior_sends: Weight of the prior, in messages; above 0.

    Returns:
        Posterior mean rate, same shape, strictly between 0 and 1.

    Raises:
        ShapeMismatch: The two counts do not cover the same hours.

    Source: beta-binomial posterior mean; Gelman et al., Bayesian Data Analysis, 3rd ed., ch. 2.
    """
    if opened.shape != delivered.shape or opened.shape[-1] != HOURS_PER_WEEK:
        raise ShapeMismatch(f"Answered {opened.shape} and delivered {delivered.shape} must both cover 168 hours.")
    return np.asarray((opened + prior_opens) / (delivered + prior_sends))


def default_curve() -> Rates:
    """How good each hour is before anything is known, relative to the best, shape (168,), each in (0, 1]."""
    curve = np.full((7, 24), 0.1)
    curve[:5, 7:20] = 0.45
    curve[:5, 8:17] = 0.7
    curve[:5, 9:12] = 0.85
    curve[5:, 9:19] = 0.3
    flat = curve.reshape(-1)
    flat[list(DEFAULT_HOURS)] = 1.0
    return flat


def smoothed(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts spread over the neighbouring hours (1/4, 1/2, 1/4) around the week; the total stays, shape (…, 168)."""
    return np.asarray(counts / 2 + np.roll(counts, 1, axis=-1) / 4 + np.roll(counts, -1, axis=-1) / 4)


def pooled_curve(answered: NDArray[np.float64], delivered: NDArray[np.float64]) -> Rates:
    """The whole pool's rate by hour, shape (168,): its history shrunk towards the default curve.

    The default's best hours are believed to be as good as the pool's mean, the others less: an hour that was tried and
    did better than the mean goes before one that nobody tried.
    """
    level = (answered.sum() + 1) / (delivered.sum() + 10)
    return _shrunk(answered, delivered, default_curve() * level, POOLED_PRIOR_MAILS)


def zone_curves(answered: NDArray[np.float64], delivered: NDArray[np.float64], pooled: Rates) -> Rates:
    """Each time zone's rate by hour, shape (zones, 168), shrunk towards the pool's."""
    return _shrunk(answered, delivered, pooled, ZONE_PRIOR_MAILS)


def own_curves(answered: NDArray[np.float64], delivered: NDArray[np.float64], pooled: Rates) -> Rates:
    """Each lead's rate by hour, shape (leads, 168), shrunk towards its zone's (same shape, or one for all)."""
    return _shrunk(answered, delivered, pooled, OWN_PRIOR_MAILS)


def best_hours(curves: Rates, *, most: int = WINDOW_HOURS) -> NDArray[np.int16]:
    """The best hours of each curve, best first, shape (…, most); of equal hours the earlier."""
    return np.argsort(-curves, axis=-1, kind="stable")[..., :most].astype(np.int16)


def confidence_of(mails: NDArray[np.float64] | float, prior_mails: float) -> NDArray[np.float64]:
    """The share of the estimate that is evidence rather than prior, between 0 and 1."""
    evidence = np.asarray(mails, dtype=np.float64)
    return np.asarray(evidence / (evidence + prior_mails))


def _shrunk(answered: NDArray[np.float64], delivered: NDArray[np.float64], prior: Rates, mails: float) -> Rates:
    return open_rate_by_hour(smoothed(answered), smoothed(delivered), prior_opens=prior * mails, prior_sends=mails)

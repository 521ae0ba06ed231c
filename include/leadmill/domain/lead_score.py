"""What a lead score means, when there is enough history for one, and how its reasons read.

A score is the probability that a person behind the lead clicks or replies within 30 days of being mailed. Opens are no
label, and what machines do is none either: mail programmes open and scanners click without anybody reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HORIZON_DAYS = 30
"""A mail is answered within this many days or not at all; B2B replies and clicks come within days."""

MIN_DELIVERED_LEADS = 500
"""Below it the observed rate is too uncertain to set a level: at 3 % its standard error is a quarter of itself."""

MIN_RESPONDED_LEADS = 10
"""Below it ranking cannot be checked. Source: ten events per estimated parameter (Peduzzi et al., 1996); we fit one."""

PRIOR_LEADS = 200
"""Weight, in leads, of the model's own base rate against the observed one: beta-binomial shrinkage."""

TOP_REASONS = 3
MIN_EFFECT = 0.05
"""Reasons that move the odds by less than 5 % say nothing to a person."""

BASE_RATE_MODEL = "base-rate"
NOT_ENOUGH_HISTORY = "Not enough history yet: every lead gets the base rate"


@dataclass(frozen=True, slots=True)
class History:
    """How many leads were delivered a mail in the last 365 days, and how many of them a person answered."""

    delivered_leads: int
    responded_leads: int

    @property
    def is_enough(self) -> bool:
        """Whether the model may be used, rather than the base rate."""
        return self.delivered_leads >= MIN_DELIVERED_LEADS and self.responded_leads >= MIN_RESPONDED_LEADS

    def rate(self, prior_rate: float) -> float:
        """The response rate, shrunk towards `prior_rate`; strictly between 0 and 1.

        Source: beta-binomial posterior mean; Gelman et al., Bayesian Data Analysis, 3rd ed., ch. 2.
        """
        return (self.responded_leads + PRIOR_LEADS * prior_rate) / (self.delivered_leads + PRIOR_LEADS)


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature and how its values read: `labels[i]` covers values below `edges[i]`, the last one the rest."""

    name: str
    edges: tuple[float, ...]
    labels: tuple[str, ...]
    unknown: str


class ReasonBook:
    """Turns features and their effects into numbered reasons, and numbers into words, without a loop over leads."""

    def __init__(self, features: Sequence[Feature]) -> None:
        self._features = tuple(features)
        self._width = max(len(f.labels) for f in features) + 1  # one more for "unknown"

    def labels(self) -> list[tuple[int, str, str]]:
        """Every (code, feature, words) there is."""
        found: list[tuple[int, str, str]] = []
        for number, feature in enumerate(self._features):
            for band, label in enumerate((*feature.labels, feature.unknown)):
                found.append((number * self._width + band, feature.name, label))
        return found

    def codes(self, matrix: NDArray[np.float32]) -> NDArray[np.int32]:
        """The code of each value, shape of `matrix` (leads x features); NaN reads as unknown."""
        codes = np.empty(matrix.shape, dtype=np.int32)
        for number, feature in enumerate(self._features):
            column = matrix[:, number]
            band = np.searchsorted(np.asarray(feature.edges, dtype=np.float32), column, side="right")
            band = np.where(np.isnan(column), len(feature.labels), np.minimum(band, len(feature.labels) - 1))
            codes[:, number] = number * self._width + band
        return codes

    def strongest(
        self, matrix: NDArray[np.float32], effects: NDArray[np.float32]
    ) -> tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.int32], NDArray[np.float32]]:
        """The strongest reasons of each row.

        Args:
            matrix: Values, shape (leads, features).
            effects: What each value adds to the log-odds, same shape.

        Returns:
            Row number, rank (0 = strongest), reason code and effect of each reason, four arrays of one length.
        """
        order = np.argsort(-np.abs(effects), axis=1, kind="stable")[:, :TOP_REASONS]
        top = np.take_along_axis(effects, order, axis=1)
        codes = np.take_along_axis(self.codes(matrix), order, axis=1)
        rows, ranks = np.nonzero(np.abs(top) >= MIN_EFFECT)
        return rows, ranks.astype(np.int8), codes[rows, ranks], top[rows, ranks]

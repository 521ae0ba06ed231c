"""What an A/B test of a given size can show."""

from __future__ import annotations

import math

TYPICAL_OPEN_RATE = 0.2
_Z_SIGNIFICANCE = 1.96  # two-sided 5 %
_Z_POWER = 0.84  # 80 %


def detectable_difference(leads_per_variant: int, *, rate: float = TYPICAL_OPEN_RATE) -> float:
    """The smallest difference between two rates (as a fraction, at most 1) that a test of that size finds.

    With 80 % power at the 5 % level, around `rate`.

    Source: normal approximation for two proportions; Fleiss, Statistical Methods for Rates and Proportions, 3rd
    edition, chapter 4.
    """
    if leads_per_variant <= 0:
        return 1.0
    return min(1.0, (_Z_SIGNIFICANCE + _Z_POWER) * math.sqrt(2 * rate * (1 - rate) / leads_per_variant))

"""Chance that repeats: every decision is a hash of the seed and of what is decided, so a restart decides the same."""

from __future__ import annotations

import math
from hashlib import blake2b
from statistics import NormalDist

_NORMAL = NormalDist()
_RESOLUTION = 2**53


def digest(seed: int, *what: str) -> str:
    """32 hex digits that only the seed and the words decide; used for ids."""
    return blake2b("\x1f".join((str(seed), *what)).encode(), digest_size=16).hexdigest()


def uniform(seed: int, *what: str) -> float:
    """A number in the open interval (0, 1)."""
    number = int.from_bytes(blake2b("\x1f".join((str(seed), *what)).encode(), digest_size=8).digest(), "big")
    return ((number >> 11) + 0.5) / _RESOLUTION


def between(low: float, high: float, seed: int, *what: str) -> float:
    """A number between two, evenly spread."""
    return low + (high - low) * uniform(seed, *what)


def lognormal(median: float, sigma: float, seed: int, *what: str) -> float:
    """A positive number with that median, skewed as reaction times are."""
    return median * math.exp(sigma * _NORMAL.inv_cdf(uniform(seed, *what)))

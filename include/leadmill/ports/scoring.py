"""What scoring needs: a model, and the features, history and scores of leads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from leadmill.domain.lead_score import Feature, History


@dataclass(frozen=True, slots=True)
class Need:
    """Whether a projection has something to do: when it last ran, and whether a lead has nothing yet."""

    last_at: datetime | None
    has_new_leads: bool


@dataclass(frozen=True, slots=True)
class ScoreReasons:
    """Reasons in long form: `vector_ids[i]` has, at `ranks[i]`, the reason `codes[i]` with `effects[i]` log-odds."""

    vector_ids: NDArray[np.uint64]
    ranks: NDArray[np.int8]
    codes: NDArray[np.int32]
    effects: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Published:
    """What a run wrote: leads with a score, the mean of it, how many changed, and whether a newer run was there."""

    scored: int
    changed: int
    mean_probability: float
    is_stale: bool = False


class LeadModel(Protocol):
    """A trained model of whether a lead answers."""

    @property
    def name(self) -> str:
        """Name and version, as stored beside each score."""
        ...

    @property
    def base_rate(self) -> float:
        """The response rate in the history it was trained on."""
        ...

    @property
    def features(self) -> tuple[Feature, ...]:
        """The features in the order of the matrix's columns."""
        ...

    def log_odds(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """Calibrated log-odds, shape (leads,)."""
        ...

    def effects(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """What each value adds to the calibrated log-odds (SHAP), shape of `matrix`."""
        ...


class ScoringSession(Protocol):
    """One scoring run at one `as_of`; nothing after it is seen."""

    def history(self) -> History:
        """How much was delivered and answered."""
        ...

    def cohort(
        self, *, since: datetime, most: int, features: tuple[str, ...]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Leads mailed after `since`: features as they were at `since`, and whether a person answered afterwards."""
        ...

    def vectors(self, features: tuple[str, ...]) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.float32]]]:
        """Every distinct combination of features once, in batches: ids and matrix."""
        ...

    def keep(self, vector_ids: NDArray[np.uint64], probability: NDArray[np.float64], reasons: ScoreReasons) -> None:
        """Take one batch of predictions."""
        ...

    def publish(self, labels: list[tuple[int, str, str]], *, model: str) -> Published:
        """Write the kept predictions to every lead they hold for: history to the lake, scores to the ledger."""
        ...

    def publish_base_rate(self, probability: float, *, label: str, model: str) -> Published:
        """Write the same probability and reason for every lead."""
        ...


class ScoreBook(Protocol):
    """Leads, their history and their scores."""

    def need(self, *, as_of: datetime) -> Need:
        """When leads were last scored and whether some have no score."""
        ...

    def session(self, *, as_of: datetime) -> AbstractContextManager[ScoringSession]:
        """Open one run."""
        ...

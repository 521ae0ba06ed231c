"""Score every lead: table to model to table, with the base rate where there is too little history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from leadmill.domain.calibration import level_shift, sigmoid
from leadmill.domain.lead_score import (
    BASE_RATE_MODEL,
    HORIZON_DAYS,
    NOT_ENOUGH_HISTORY,
    PRIOR_LEADS,
    History,
    ReasonBook,
)
from leadmill.ports.scoring import LeadModel, Need, Published, ScoreBook, ScoreReasons, ScoringSession

COHORT_MOST = 50_000
"""Leads whose outcome sets the level; more would move it by less than a tenth of a percent point."""


@dataclass(frozen=True, slots=True)
class ScoreCounts:
    """What a run did. `model` is the champion's name, or "base-rate" with too little history."""

    model: str
    is_base_rate: bool
    scored: int
    changed: int
    mean_probability: float
    delivered_leads: int
    responded_leads: int
    is_stale: bool


def is_due(need: Need, *, as_of: datetime, at_most_every: timedelta) -> bool:
    """Whether to run now: at once for leads that have nothing yet, else not more often than `at_most_every`."""
    return need.has_new_leads or need.last_at is None or as_of - need.last_at >= at_most_every


def score_leads(book: ScoreBook, model: LeadModel, *, as_of: datetime) -> ScoreCounts:
    """Score every lead known at `as_of` with what was known at `as_of`.

    The same `as_of` again changes nothing; a run older than one already published writes nothing.
    """
    with book.session(as_of=as_of) as session:
        history = session.history()
        if not history.is_enough:
            rate = history.rate(model.base_rate)
            published = session.publish_base_rate(rate, label=NOT_ENOUGH_HISTORY, model=BASE_RATE_MODEL)
            return _counts(BASE_RATE_MODEL, history, published, is_base_rate=True)
        shift = _level(session, model, as_of=as_of)
        reasons = ReasonBook(model.features)
        _predict(session, model, reasons, shift=shift)
        published = session.publish(reasons.labels(), model=model.name)
        return _counts(model.name, history, published, is_base_rate=False)


def _level(session: ScoringSession, model: LeadModel, *, as_of: datetime) -> float:
    """How far to shift the model's log-odds so that they meet what these recipients did.

    The cohort's features are those of the day before it was mailed, so no outcome is among its own features.
    """
    since = as_of - timedelta(days=HORIZON_DAYS)
    matrix, responded = session.cohort(since=since, most=COHORT_MOST, features=_names(model))
    if responded.size == 0:
        return 0.0
    log_odds = model.log_odds(matrix)
    prior = float(sigmoid(log_odds).mean())
    wanted = (float(responded.sum()) + PRIOR_LEADS * prior) / (responded.size + PRIOR_LEADS)
    return level_shift(log_odds, wanted)


def _predict(session: ScoringSession, model: LeadModel, reasons: ReasonBook, *, shift: float) -> None:
    for vector_ids, matrix in session.vectors(_names(model)):
        probability = sigmoid(model.log_odds(matrix) + shift)
        rows, ranks, codes, effects = reasons.strongest(matrix, model.effects(matrix))
        session.keep(vector_ids, probability, ScoreReasons(vector_ids[rows], ranks, codes, effects))


def _names(model: LeadModel) -> tuple[str, ...]:
    return tuple(feature.name for feature in model.features)


def _counts(model: str, history: History, published: Published, *, is_base_rate: bool) -> ScoreCounts:
    return ScoreCounts(
        model=model,
        is_base_rate=is_base_rate,
        scored=published.scored,
        changed=published.changed,
        mean_probability=round(published.mean_probability, 5) if np.isfinite(published.mean_probability) else 0.0,
        delivered_leads=history.delivered_leads,
        responded_leads=history.responded_leads,
        is_stale=published.is_stale,
    )

"""Work out every lead's send-time window: own history over its zone's over the whole pool's over a default."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from leadmill.domain.send_time import (
    DEFAULT_CONFIDENCE,
    DEFAULT_HOURS,
    MIN_POOLED_ANSWERS,
    MIN_POOLED_MAILS,
    OPEN_WEIGHT,
    OWN_PRIOR_MAILS,
    WINDOW_HOURS,
    ZONE_PRIOR_MAILS,
    Rates,
    best_hours,
    confidence_of,
    default_curve,
    own_curves,
    pooled_curve,
    zone_curves,
)
from leadmill.ports.send_windows import HourCounts, WindowBook, WindowSession

EVERY_OTHER_ZONE = ""
_DEFAULT_RATE = 0.1  # level of the default curve where a lead has a history but its pool has none


@dataclass(frozen=True, slots=True)
class WindowCounts:
    """What a run did: leads with a window, how many changed, and how they divide."""

    planned: int
    changed: int
    by_basis: dict[str, int]
    by_zone_source: dict[str, int]
    is_stale: bool


def plan_send_windows(book: WindowBook, *, as_of: datetime) -> WindowCounts:
    """Plan every lead known at `as_of` from what was known at `as_of`.

    The same `as_of` again changes nothing; a run older than one already published writes nothing.
    """
    with book.session(as_of=as_of) as session:
        curves = _plan_zones(session, session.zone_counts())
        for counts in session.own_counts():
            prior = np.stack([curves.get(zone, curves[EVERY_OTHER_ZONE]) for zone in counts.zones])
            hours = best_hours(own_curves(counts.answered, counts.delivered, prior))
            session.keep_own(counts.lead_ids, hours, confidence_of(counts.delivered.sum(axis=1), OWN_PRIOR_MAILS))
        done = session.publish()
    return WindowCounts(done.planned, done.changed, done.by_basis, done.by_zone_source, done.is_stale)


def _plan_zones(session: WindowSession, counts: HourCounts) -> dict[str, Rates]:
    """Keep each zone's window and return the curves, the one for every other zone under ""."""
    answered, delivered = counts.answered.sum(axis=0), counts.delivered.sum(axis=0)
    # An open counts less than a reply: MIN_POOLED_ANSWERS opens are enough.
    if delivered.sum() < MIN_POOLED_MAILS or answered.sum() < MIN_POOLED_ANSWERS * OPEN_WEIGHT:
        hours = np.array([DEFAULT_HOURS], dtype=np.int16)
        session.keep_zones((EVERY_OTHER_ZONE,), hours, np.array([DEFAULT_CONFIDENCE]), "default")
        return {EVERY_OTHER_ZONE: default_curve() * _DEFAULT_RATE}
    pooled = pooled_curve(answered, delivered)
    zones = zone_curves(counts.answered, counts.delivered, pooled)
    curves = np.vstack([zones, pooled])
    mails = np.append(counts.delivered.sum(axis=1), delivered.sum())
    session.keep_zones(
        (*counts.zones, EVERY_OTHER_ZONE),
        best_hours(curves),
        # A zone's mails speak for the hours of a window, out of the whole week's weight of the prior.
        confidence_of(mails, ZONE_PRIOR_MAILS * WINDOW_HOURS),
        "pooled_history",
    )
    return dict(zip((*counts.zones, EVERY_OTHER_ZONE), curves, strict=True))

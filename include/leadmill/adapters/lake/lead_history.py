"""One lead's events and scores, from the lake."""

from __future__ import annotations

from leadmill.adapters.lake.duck import Lake
from leadmill.ports.lead_search import LeadEvent, ScorePoint
from leadmill.sql import query

_SUBJECT = "lake/lead_history"


class LakeLeadHistory:
    """Implements `ports.lead_search.LeadHistory`."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def of(self, lead_id: int) -> tuple[tuple[LeadEvent, ...], tuple[ScorePoint, ...]]:
        with self._lake.connect(read_only=True) as duck:
            events = duck.execute(query(_SUBJECT, "events_of_lead"), {"lead_id": lead_id}).fetchall()
            scores = duck.execute(query(_SUBJECT, "scores_of_lead"), {"lead_id": lead_id}).fetchall()
        return tuple(LeadEvent(*row) for row in events), tuple(ScorePoint(*row) for row in scores)

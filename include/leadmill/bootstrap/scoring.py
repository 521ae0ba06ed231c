"""Lead scores and send-time windows."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from leadmill.bootstrap.core import Core

if TYPE_CHECKING:
    from leadmill.ports.scoring import LeadModel
    from leadmill.services.plan_send_windows import WindowCounts
    from leadmill.services.score_leads import ScoreCounts


class Scoring(Core):
    """Lead scores and send-time windows."""

    @cached_property
    def lead_model(self) -> LeadModel:
        """The lead-score champion."""
        from leadmill.adapters.scoring.lead_model import BUNDLED, XgboostLeadModel

        models = Path(self.settings.models_dir) if self.settings.models_dir else BUNDLED
        return XgboostLeadModel(models / "lead_score")

    def scores_are_due(self, *, as_of: datetime, at_most_every_minutes: float = 0) -> bool:
        """Whether to score now: at once for new leads, else not more often than that."""
        from leadmill.adapters.lake.scoring import LakeScoreBook
        from leadmill.services.score_leads import is_due

        need = LakeScoreBook(self.lake, self.database).need(as_of=as_of)
        return is_due(need, as_of=as_of, at_most_every=timedelta(minutes=at_most_every_minutes))

    def score_leads(self, *, as_of: datetime) -> ScoreCounts:
        """Score every lead known at `as_of`; the base rate where there is too little history."""
        from leadmill.adapters.lake.scoring import LakeScoreBook
        from leadmill.services.score_leads import score_leads

        return score_leads(LakeScoreBook(self.lake, self.database), self.lead_model, as_of=as_of)

    def windows_are_due(self, *, as_of: datetime, at_most_every_minutes: float = 0) -> bool:
        """Whether to plan windows now: at once for new leads, else not more often than that."""
        from leadmill.adapters.lake.send_windows import LakeWindowBook
        from leadmill.services.score_leads import is_due

        need = LakeWindowBook(self.lake, self.database).need(as_of=as_of)
        return is_due(need, as_of=as_of, at_most_every=timedelta(minutes=at_most_every_minutes))

    def plan_send_windows(self, *, as_of: datetime) -> WindowCounts:
        """Work out every lead's time zone and best local hours."""
        from leadmill.adapters.lake.send_windows import LakeWindowBook
        from leadmill.services.plan_send_windows import plan_send_windows

        return plan_send_windows(LakeWindowBook(self.lake, self.database), as_of=as_of)

"""Ambiguous sends as people see and decide them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from leadmill.domain.doubts import Doubt, Surroundings


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of a decision over several doubts: how many it settled, and the first of those that it did not.

    `passed_by`: somebody or something else had settled them meanwhile, or their campaign ended; `why` says it of one.
    """

    settled: int
    passed_by: int = 0
    why: str = ""


class DoubtLedger(Protocol):
    """Reads doubts and what is known around them."""

    def doubts(self, *, campaign_id: int | None, limit: int) -> list[Doubt]:
        """Ambiguous sends, the oldest first; of one campaign or of all."""
        ...

    def around(self, lane: str, *, since: datetime, until: datetime) -> Surroundings:
        """Mails that the lane's provider accepted within that time, and for how many of them an event came."""
        ...

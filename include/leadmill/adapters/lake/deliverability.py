"""The course of blacklist checks, from the lake."""

from __future__ import annotations

from datetime import datetime

from leadmill.adapters.lake.duck import Lake
from leadmill.ports.deliverability import CheckCounts
from leadmill.sql import query


class LakeCheckTimeline:
    """Implements `ports.deliverability.CheckTimeline`."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def timeline(self, subject: str, *, since: datetime) -> tuple[CheckCounts, ...]:
        with self._lake.connect(read_only=True) as duck:
            rows = duck.execute(
                query("lake/deliverability", "blacklist_timeline"), {"subject": subject, "since": since}
            ).fetchall()
        return tuple(CheckCounts(*row) for row in rows)

"""The history of blacklist checks in the lake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from leadmill.adapters.ledger.database import Database
from leadmill.domain.blacklists import Outcome
from leadmill.ports.blacklists import CheckedPair
from leadmill.sql import query

if TYPE_CHECKING:
    from leadmill.adapters.lake.duck import Lake


@dataclass(frozen=True, slots=True)
class StandingChange:
    """From `checked_at` (UTC) on, this list said this of the subject."""

    zone: str
    outcome: Outcome
    answer: str
    checked_at: datetime


class LakeCheckHistory:
    """Implements `ports.blacklists.CheckHistory`."""

    def __init__(self, lake: Lake, database: Database) -> None:
        """`database` holds the lock that keeps two runs of the same moment from both adding it."""
        self._lake = lake
        self._database = database

    def add(self, pairs: Sequence[CheckedPair], *, as_of: datetime) -> None:
        columns = {
            "subjects": [pair.subject.name for pair in pairs],
            "kinds": [pair.subject.kind.value for pair in pairs],
            "zones": [pair.zone for pair in pairs],
            "outcomes": [pair.verdict.outcome.value for pair in pairs],
            "answers": [pair.verdict.answer for pair in pairs],
        }
        with self._database.transaction() as lock, self._lake.connect() as duck:
            lock.execute(query("ledger/blacklists", "lock_history"))
            duck.execute(query("lake/blacklists", "insert_checks"), {**columns, "as_of": as_of})

    def changes(self, subject: str, *, since: datetime) -> list[StandingChange]:
        """How a subject's standing changed since then, the newest first."""
        with self._lake.connect(read_only=True) as duck:
            rows = duck.execute(
                query("lake/blacklists", "checks_of_subject"), {"subject": subject, "since": since}
            ).fetchall()
        return [
            StandingChange(zone=zone, outcome=Outcome(outcome), answer=answer or "", checked_at=checked_at)
            for zone, outcome, answer, checked_at in rows
        ]

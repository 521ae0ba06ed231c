"""Publishing a run's outcome: turn by turn, history to the lake first, then the ledger in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from leadmill.adapters.ledger.database import Database
from leadmill.ports.scoring import Need
from leadmill.sql import query

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Projection:
    """One projection of the ledger: its row's name, and the statements that clear, take over and ask."""

    name: str
    subject: str
    clear: str
    take_over: str
    need: str

    def publish(
        self,
        database: Database,
        stage: Callable[[], None],
        *,
        as_of: datetime,
        parameters: Mapping[str, object] | None = None,
    ) -> bool:
        """Run `stage` (which fills the incoming table from DuckDB) and take it over; False where a newer run was there.

        The projection's row lock is held throughout, so that two runs at once publish one after the other, and the
        later `as_of` wins whichever comes last.
        """
        position = (as_of - _EPOCH) // timedelta(microseconds=1)
        with database.transaction() as ledger:
            row = ledger.execute(query("ledger/projections", "lock_position"), {"name": self.name}).fetchone()
            if row is not None and row["position"] > position:
                return False
            ledger.execute(query(self.subject, self.clear))
            stage()
            ledger.execute(query(self.subject, self.take_over), {**(parameters or {}), "as_of": as_of})
            ledger.execute(query(self.subject, self.clear))
            ledger.execute(
                query("ledger/projections", "move_position"),
                {"name": self.name, "position": position, "as_of": as_of},
            )
        return True

    def needed(self, database: Database, *, as_of: datetime) -> Need:
        """When it was last published and whether a lead has nothing yet."""
        with database.transaction() as ledger:
            row = ledger.execute(query(self.subject, self.need), {"as_of": as_of}).fetchone()
        return Need(row["last_at"], row["has_new_leads"]) if row else Need(None, has_new_leads=False)

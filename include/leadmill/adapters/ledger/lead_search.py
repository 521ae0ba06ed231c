"""Finding leads in Postgres: pages by key, never by offset, so that page 10,000 is as fast as page 1."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from leadmill.adapters.ledger.database import Database
from leadmill.errors import NotFound
from leadmill.ports.lead_search import FoundLead, LeadFilter, LeadPage, LeadTotals, PageKey
from leadmill.sql import query

_SUBJECT = "ledger/lead_search"
_AFTER_EVERY_ID = 2**62
_ABOVE_EVERY_SCORE = 2.0


class LedgerLeadSearch:
    """Implements `ports.lead_search.LeadSearch`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, wanted: LeadFilter, *, by_score: bool, after: PageKey | None, size: int) -> LeadPage:
        key = after or PageKey(_AFTER_EVERY_ID, _ABOVE_EVERY_SCORE)
        parameters = {**_parameters(wanted), "after_id": key.lead_id, "after_score": key.score, "size": size + 1}
        with self._database.transaction() as ledger:
            rows = ledger.execute(query(_SUBJECT, "best_leads" if by_score else "newest_leads"), parameters).fetchall()
        leads = tuple(FoundLead(**row) for row in rows[:size])
        more = len(rows) > size
        return LeadPage(leads, PageKey(leads[-1].lead_id, leads[-1].probability or 0.0) if more else None)

    def count(self, wanted: LeadFilter, *, most: int) -> int:
        with self._database.transaction() as ledger:
            row = ledger.execute(query(_SUBJECT, "count_leads"), {**_parameters(wanted), "most": most}).fetchone()
        return int(row["found"]) if row else 0

    def totals(self) -> LeadTotals:
        with self._database.transaction() as ledger:
            row = ledger.execute(query(_SUBJECT, "count_all_leads")).fetchone()
        return LeadTotals(**row) if row else LeadTotals(0, 0, 0)

    def values(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = defaultdict(list)
        with self._database.transaction() as ledger:
            for row in ledger.execute(query(_SUBJECT, "lead_values")):
                found[row["field"]].append(row["value"])
        return {field: tuple(values) for field, values in found.items()}

    def lead(self, lead_id: int) -> Mapping[str, Any]:
        with self._database.transaction() as ledger:
            row = ledger.execute(query(_SUBJECT, "lead"), {"lead_id": lead_id}).fetchone()
        if row is None:
            raise NotFound("There is no such lead; it may have been erased.")
        return row

    def sends(self, lead_id: int) -> tuple[Mapping[str, Any], ...]:
        with self._database.transaction() as ledger:
            return tuple(ledger.execute(query(_SUBJECT, "lead_sends"), {"lead_id": lead_id}).fetchall())


def _parameters(wanted: LeadFilter) -> dict[str, object]:
    plain = wanted.text.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return {
        "pattern": f"%{plain}%" if plain else "",
        "countries": list(wanted.countries),
        "industries": list(wanted.industries),
        "categories": list(wanted.categories),
        "sources": list(wanted.sources),
        "legal_bases": list(wanted.legal_bases),
        "min_score": wanted.min_score,
        "max_score": wanted.max_score,
    }

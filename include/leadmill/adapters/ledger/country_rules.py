"""The countries' rules in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from leadmill.adapters.ledger.audit import record_audit
from leadmill.adapters.ledger.database import Database
from leadmill.domain.access import Actor
from leadmill.ports.country_rules import StoredRule
from leadmill.sql import query

_SUBJECT = "ledger/country_rules"


class PostgresCountryRules:
    """Implements `ports.country_rules.CountryRuleLedger`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def rules(self) -> list[StoredRule]:
        with self._database.transaction() as connection:
            rows = connection.execute(query(_SUBJECT, "country_rules")).fetchall()
        return [
            StoredRule(
                **{
                    **row,
                    "accepts_legal_bases": tuple(row["accepts_legal_bases"]),
                    "override_legal_bases": _tuple(row["override_legal_bases"]),
                }
            )
            for row in rows
        ]

    def override(
        self, actor: Actor, country: str, legal_bases: Sequence[str] | None, *, reason: str, as_of: datetime
    ) -> int:
        decided = None if legal_bases is None else list(legal_bases)
        values = {
            "country": country,
            "legal_bases": decided,
            "reason": reason,
            "actor": "" if decided is None else actor.email,
            "as_of": None if decided is None else as_of,
        }
        with self._database.transaction() as connection:
            connection.execute(query(_SUBJECT, "override_country_rule"), values)
            withdrawn = connection.execute(query(_SUBJECT, "withdraw_against_rules"), {"as_of": as_of}).rowcount
            action = "country_rule.restore" if decided is None else "country_rule.override"
            details = {"legal_bases": decided, "withdrawn_sends": withdrawn}
            subject = ("country_rule", country or "unknown")
            record_audit(connection, actor, action, subject, at=as_of, reason=reason, details=details)
        return withdrawn


def _tuple(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)

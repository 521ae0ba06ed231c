"""Families of recipient domains in Postgres: `ports.recipient_limits.RecipientFamilies`."""

from __future__ import annotations

from datetime import datetime

from leadmill.adapters.ledger.audit import record_audit
from leadmill.adapters.ledger.database import Database
from leadmill.domain.access import Actor
from leadmill.domain.recipient_domains import RecipientFamily
from leadmill.errors import NotFound
from leadmill.sql import query

_SUBJECT = "ledger/recipient_limits"


class LedgerRecipientFamilies:
    """Every change and its audit line are one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def families(self) -> list[RecipientFamily]:
        with self._database.transaction() as connection:
            rows = connection.execute(query(_SUBJECT, "recipient_families")).fetchall()
        return [RecipientFamily(row["family"], tuple(row["domains"]), row["hourly_limit"]) for row in rows]

    def save_family(self, actor: Actor, family: RecipientFamily, *, as_of: datetime) -> None:
        values = {
            "family": family.family,
            "domains": list(family.domains),
            "hourly_limit": family.hourly_limit,
            "as_of": as_of,
        }
        with self._database.transaction() as connection:
            for name in ("upsert_recipient_family", "drop_recipient_domains", "put_recipient_domains"):
                connection.execute(query(_SUBJECT, name), values)
            details = {"hourly_limit": family.hourly_limit, "domains": list(family.domains)}
            subject = ("recipient_family", family.family)
            record_audit(connection, actor, "recipient_family.set", subject, at=as_of, details=details)

    def delete_family(self, actor: Actor, name: str, *, as_of: datetime) -> None:
        with self._database.transaction() as connection:
            if connection.execute(query(_SUBJECT, "delete_recipient_family"), {"family": name}).fetchone() is None:
                raise NotFound(f"There is no group of recipient domains {name!r}.")
            record_audit(connection, actor, "recipient_family.delete", ("recipient_family", name), at=as_of)

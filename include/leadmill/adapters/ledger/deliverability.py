"""Sending domains as the deliverability page shows them, from Postgres."""

from __future__ import annotations

from datetime import datetime

from leadmill.adapters.ledger.database import Database
from leadmill.ports.deliverability import SendingDomain
from leadmill.sql import query


class LedgerDomainList:
    """Implements `ports.deliverability.DomainList`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def domains(self, *, as_of: datetime) -> tuple[SendingDomain, ...]:
        with self._database.transaction() as ledger:
            rows = ledger.execute(query("ledger/deliverability", "sending_domains"), {"as_of": as_of}).fetchall()
        return tuple(SendingDomain(**{**row, "sending_ips": tuple(row["sending_ips"])}) for row in rows)

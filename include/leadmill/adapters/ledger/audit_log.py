"""Reading the audit log: `ports.audit.AuditLog` in Postgres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from leadmill.adapters.ledger.audit import record_audit
from leadmill.adapters.ledger.database import Database
from leadmill.domain.access import Actor
from leadmill.ports.audit import AuditEntry
from leadmill.sql import query


class LedgerAuditLog:
    """Entries are only ever added, by `record_audit`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def entries(self, *, limit: int, subject_kind: str = "") -> Sequence[AuditEntry]:
        with self._database.transaction() as connection:
            rows = connection.execute(
                query("ledger/audit", "recent_audit_entries"), {"limit": limit, "subject_kind": subject_kind}
            ).fetchall()
            return [AuditEntry(**row) for row in rows]

    def subject_kinds(self) -> Sequence[str]:
        with self._database.transaction() as connection:
            rows = connection.execute(query("ledger/audit", "audit_subject_kinds")).fetchall()
            return [row["subject_kind"] for row in rows]


class LedgerAuditTrail:
    """Implements `ports.audit.AuditTrail`: a line in a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(
        self,
        actor: Actor,
        action: str,
        subject: tuple[str, object],
        *,
        at: datetime,
        details: Mapping[str, object] | None = None,
    ) -> None:
        with self._database.transaction() as connection:
            record_audit(connection, actor, action, subject, at=at, details=details)

"""Alerts in Postgres: one open row per key, however many processes see the same trouble at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import psycopg
from psycopg.rows import DictRow

from leadmill.adapters.ledger.audit import record_audit
from leadmill.adapters.ledger.database import Database
from leadmill.domain.access import Actor, Role
from leadmill.errors import NotFound
from leadmill.ports.alerts import Alert, Notification, Severity
from leadmill.sql import query

_SUBJECT = "ledger/alerts"


class LedgerAlerts:
    """Implements `ports.alerts.Alerts` and `AlertOutbox`, and what the dashboard shows of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def _in_turn(self) -> Iterator[psycopg.Connection[DictRow]]:
        with self._database.transaction() as connection:
            connection.execute(query(_SUBJECT, "one_at_a_time"))
            yield connection

    def raise_alert(
        self, *, kind: str, severity: Severity, subject: str, message: str, dedupe_key: str, as_of: datetime
    ) -> bool:
        with self._in_turn() as connection:
            row = connection.execute(
                query(_SUBJECT, "raise_alert"),
                {
                    "kind": kind,
                    "severity": severity,
                    "subject": subject,
                    "message": message,
                    "dedupe_key": dedupe_key,
                    "as_of": as_of,
                },
            ).fetchone()
        return bool(row and row["is_new"])

    def resolve(self, dedupe_key: str, *, as_of: datetime) -> bool:
        with self._in_turn() as connection:
            rows = connection.execute(
                query(_SUBJECT, "resolve_alerts_of_key"), {"dedupe_key": dedupe_key, "as_of": as_of}
            ).fetchall()
        return bool(rows)

    def resolve_others(self, kind: str, dedupe_keys: Sequence[str], *, as_of: datetime) -> int:
        values = {"kind": kind, "dedupe_keys": list(dedupe_keys), "as_of": as_of}
        with self._in_turn() as connection:
            return len(connection.execute(query(_SUBJECT, "resolve_other_alerts"), values).fetchall())

    def resolve_by_hand(self, actor: Actor, alert_id: int, *, as_of: datetime) -> bool:
        """Close one alert by a person's decision. Returns whether it was still open.

        Raises:
            NotAllowed: The actor is no analyst.
            NotFound: No such alert.
        """
        actor.require(Role.ANALYST, to="close an alert")
        with self._in_turn() as connection:
            row = connection.execute(
                query(_SUBJECT, "resolve_alert_by_id"), {"alert_id": alert_id, "actor": actor.email, "as_of": as_of}
            ).fetchone()
            if row:
                details = {"kind": row["kind"], "subject": row["subject"]}
                record_audit(connection, actor, "alert.resolve", ("alert", alert_id), at=as_of, details=details)
                return True
            if connection.execute(query(_SUBJECT, "find_alert"), {"alert_id": alert_id}).fetchone() is None:
                raise NotFound(f"There is no alert {alert_id}; reload the list.")
        return False

    def open(self) -> list[Alert]:
        """What is wrong now, the gravest first."""
        with self._database.transaction() as connection:
            return [Alert(**row) for row in connection.execute(query(_SUBJECT, "open_alerts"))]

    def recent(self, *, since: datetime, limit: int = 200) -> list[Alert]:
        """What was wrong since then, open or closed, the newest first."""
        with self._database.transaction() as connection:
            rows = connection.execute(query(_SUBJECT, "recent_alerts"), {"since": since, "row_limit": limit})
            return [Alert(**row) for row in rows]

    def claim_to_notify(self, *, as_of: datetime, until: datetime, limit: int) -> list[Notification]:
        parameters = {"as_of": as_of, "claimed_until": until, "row_limit": limit}
        with self._database.transaction() as connection:
            rows = connection.execute(query(_SUBJECT, "claim_alerts_to_notify"), parameters).fetchall()
        return [
            Notification(
                alert_id=row["alert_id"],
                severity=row["severity"],
                subject=row["subject"],
                message=row["message"],
                first_at=row["first_at"],
                resolved_at=row["resolved_at"],
                channels=frozenset(row["notified_channels"]),
            )
            for row in sorted(rows, key=lambda row: (row["first_at"], row["alert_id"]))
        ]

    def record_notified(self, alert_ids: Sequence[int], channels: Sequence[str], *, as_of: datetime) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                query(_SUBJECT, "record_notified"),
                {"alert_ids": list(alert_ids), "channels": list(channels), "as_of": as_of},
            )

    def record_failure(self, alert_id: int, channels: Sequence[str], error: str, *, retry_at: datetime) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                query(_SUBJECT, "record_notify_failure"),
                {"alert_id": alert_id, "channels": list(channels), "error": error, "retry_at": retry_at},
            )

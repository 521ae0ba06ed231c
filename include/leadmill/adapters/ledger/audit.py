"""The audit log: written in the same transaction as what it tells of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import psycopg
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from leadmill.domain.access import Actor
from leadmill.sql import query


def record_audit(
    connection: psycopg.Connection[DictRow],
    actor: Actor,
    action: str,
    subject: tuple[str, object],
    *,
    at: datetime,
    reason: str = "",
    details: Mapping[str, object] | None = None,
) -> None:
    """Write who did what to what.

    Args:
        connection: The transaction of the change itself.
        actor: Who acts.
        action: `verb.subject`, for example `campaign.approve`.
        subject: Kind and id, for example `("campaign", 7)`.
        at: When, aware UTC.
        reason: What the actor gave as reason; empty where none is asked for.
        details: Further facts; no secrets, no addresses of leads.
    """
    connection.execute(
        query("ledger/audit", "record_audit"),
        {
            "at": at,
            "actor": actor.email,
            "action": action,
            "subject_kind": subject[0],
            "subject_id": str(subject[1]),
            "reason": reason,
            "details": Jsonb(dict(details or {})),
        },
    )

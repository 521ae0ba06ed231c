"""Holds with their evidence, and content reviews, in Postgres: `ports.holds.HoldLedger`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import psycopg
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from leadmill.adapters.ledger.audit import record_audit
from leadmill.adapters.ledger.database import Database
from leadmill.domain.access import SYSTEM, Actor
from leadmill.errors import NotFound
from leadmill.ports.holds import Cause, Complained, ContentReview, Hold
from leadmill.ports.mailboxes import StatusChange
from leadmill.sql import query

_SUBJECT = "ledger/holds"
REVIEW_REASON = "content review"
"""How a reason begins that a review gave a campaign's pause: a person's own pause is not lifted by closing it."""


def record_hold(
    connection: psycopg.Connection[DictRow],
    actor: Actor,
    subject: tuple[str, int],
    change: StatusChange,
    *,
    as_of: datetime,
) -> Mapping[str, str] | None:
    """Within a status change: close the open hold, and open one with the evidence unless the subject sends again.

    Returns:
        The hold that ended, with its status, cause and reason; None where there was none.
    """
    key = {"kind": subject[0], "subject_id": subject[1], "actor": actor.email, "as_of": as_of}
    ended = connection.execute(query(_SUBJECT, "end_hold"), {**key, "reason": change.reason}).fetchone()
    if change.status.value != "active":
        cause = change.cause or (Cause.PROVIDER if actor == SYSTEM else Cause.PERSON).value
        values = {
            "status": change.status.value,
            "cause": cause,
            "finding": change.finding,
            "reason": change.reason,
            "evidence": Jsonb(dict(change.evidence)),
            "until": change.until,
        }
        connection.execute(query(_SUBJECT, "begin_hold"), key | values)
    return ended


class LedgerHolds:
    """Every change and its audit line are one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def holds(self, *, since: datetime, limit: int = 500) -> list[Hold]:
        with self._database.transaction() as connection:
            rows = connection.execute(query(_SUBJECT, "holds"), {"since": since, "row_limit": limit})
            return [Hold(**row) for row in rows]

    def complained(self) -> list[Complained]:
        with self._database.transaction() as connection:
            return [
                Complained(**row | {"mailbox_ids": tuple(row["mailbox_ids"])})
                for row in connection.execute(query(_SUBJECT, "campaigns_complained_about"))
            ]

    def mails_of(self, campaign_id: int) -> int:
        with self._database.transaction() as connection:
            row = connection.execute(query(_SUBJECT, "mails_of_campaign"), {"campaign_id": campaign_id}).fetchone()
        return int(row["mails"]) if row else 0

    def open_review(self, found: Complained, *, mails: int, hold_reason: str, as_of: datetime) -> bool:
        key = {"campaign_id": found.campaign_id, "as_of": as_of}
        values = {"complaints": found.complaints, "mails": mails, "mailbox_ids": list(found.mailbox_ids)}
        with self._database.transaction() as connection:
            connection.execute(query(_SUBJECT, "open_review"), key | values)
            if not hold_reason:
                return False
            reason = f"{REVIEW_REASON}: {hold_reason}"
            if connection.execute(query(_SUBJECT, "hold_campaign"), key | {"reason": reason}).fetchone() is None:
                return False
            subject = ("campaign", found.campaign_id)
            details = {"complaints": found.complaints, "mails": mails}
            record_audit(connection, SYSTEM, "campaign.hold", subject, at=as_of, reason=reason, details=details)
        return True

    def close_review(self, actor: Actor, campaign_id: int, *, reason: str, as_of: datetime) -> bool:
        key = {"campaign_id": campaign_id, "as_of": as_of}
        subject = ("campaign", campaign_id)
        with self._database.transaction() as connection:
            values = {"actor": actor.email, "reason": reason}
            closed = connection.execute(query(_SUBJECT, "close_review"), key | values).fetchone()
            if closed is None:
                raise NotFound("No content review of this campaign is open any more; reload and look again.")
            record_audit(connection, actor, "campaign.review_content", subject, at=as_of, reason=reason)
            if not closed["is_held"]:
                return False
            resumed = connection.execute(
                query(_SUBJECT, "resume_held_campaign"), key | {"reason_prefix": REVIEW_REASON}
            ).fetchone()
            if resumed is None:
                return False
            record_audit(connection, actor, "campaign.resume", subject, at=as_of, reason=reason)
        return True

    def open_reviews(self) -> list[ContentReview]:
        with self._database.transaction() as connection:
            return [
                ContentReview(
                    **{name: row[name] for name in row if name != "mailboxes"}, mailboxes=tuple(row["mailboxes"])
                )
                for row in connection.execute(query(_SUBJECT, "open_reviews"))
            ]

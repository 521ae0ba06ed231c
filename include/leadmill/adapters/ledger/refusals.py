"""Refused mails that are sent again on a person's word, in Postgres: `ports.refusals.RefusalLedger`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import psycopg
from psycopg.rows import DictRow

from leadmill.adapters.ledger.audit import record_audit
from leadmill.adapters.ledger.contacts import share_leads
from leadmill.adapters.ledger.database import Database
from leadmill.adapters.ledger.retrying import in_transaction
from leadmill.domain.access import Actor
from leadmill.errors import Conflict, NotFound
from leadmill.ports.refusals import RefusalGroup, SentAgain
from leadmill.sql import query

_SUBJECT = "ledger/refusals"
_OPEN = frozenset({"running", "paused", "finished"})


class LedgerRefusals:
    """The change, what follows from it, and its audit line are one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def refusals(self, campaign_id: int) -> list[RefusalGroup]:
        with self._database.transaction() as connection:
            rows = connection.execute(query(_SUBJECT, "refusals"), {"campaign_id": campaign_id})
            return [RefusalGroup(**row | {"code": row["code"] or ""}) for row in rows]

    def send_again(
        self, actor: Actor, campaign_id: int, codes: Sequence[str], *, reason: str, as_of: datetime
    ) -> SentAgain:
        def work(connection: psycopg.Connection[DictRow]) -> SentAgain:
            days_apart = _require_open(connection, campaign_id, as_of)
            # Where the campaign had finished, others were planned since beside which it counts for nothing.
            connection.execute(query("ledger/contacts", "lock_planning"))
            share_leads(connection, campaign_id, days_apart=days_apart, as_of=as_of)
            values = {"campaign_id": campaign_id, "codes": list(codes), "as_of": as_of}
            again = [row["send_id"] for row in connection.execute(query(_SUBJECT, "send_refused_again"), values)]
            if not again:
                return SentAgain(0, 0, runs_again=False)
            behind = connection.execute(
                query(_SUBJECT, "bring_back_follow_ups"), {"send_ids": again, "as_of": as_of}
            ).fetchall()
            runs = connection.execute(query(_SUBJECT, "run_again"), values).fetchone() is not None
            details = {"codes": sorted(codes), "mails": len(again), "follow_ups": len(behind), "runs_again": runs}
            subject = ("campaign", campaign_id)
            record_audit(
                connection, actor, "campaign.send_refused_again", subject, at=as_of, reason=reason, details=details
            )
            return SentAgain(len(again), len(behind), runs_again=runs)

        return in_transaction(self._database, work)


def _require_open(connection: psycopg.Connection[DictRow], campaign_id: int, as_of: datetime) -> int:
    """Hold the campaign; returns the days that it keeps from others' mails."""
    row = connection.execute(query(_SUBJECT, "lock_campaign_to_send_again"), {"campaign_id": campaign_id}).fetchone()
    if row is None:
        raise NotFound(f"There is no campaign {campaign_id}.")
    if row["status"] not in _OPEN:
        raise Conflict(f"“{row['name']}” is {row['status']}: none of its mails is sent again.")
    if row["ends_at"] is not None and row["ends_at"] <= as_of:
        raise Conflict(f"“{row['name']}” has ended ({row['ends_at']:%Y-%m-%d}); copy it for a new end.")
    return int(row["days_apart"])

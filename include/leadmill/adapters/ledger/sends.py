"""The claim protocol on Postgres (ADR 0009): `ports.dispatch.SendLedger`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import psycopg
from psycopg.rows import DictRow

from leadmill.adapters.ledger.audit import record_audit
from leadmill.adapters.ledger.campaign_rows import variant_content_of
from leadmill.adapters.ledger.claims import ClaimRequest, claim
from leadmill.adapters.ledger.contacts import cap_of
from leadmill.adapters.ledger.database import Database
from leadmill.adapters.ledger.results import cancel_follow_ups, record
from leadmill.adapters.ledger.retrying import in_transaction
from leadmill.domain.access import SYSTEM, Actor
from leadmill.domain.contact_rules import MAILS_A_WEEK
from leadmill.domain.crash_points import CrashPoint, reached
from leadmill.domain.dispatch import AMBIGUOUS_IS_LOST_AFTER, SendResult
from leadmill.errors import ConfigInvalid, Conflict, NotFound
from leadmill.ports.content import Organisation, VariantContent
from leadmill.ports.dispatch import AmbiguousSend, Claim, Recovered, Settlement
from leadmill.sql import query

_SUBJECT = "ledger/dispatch"
_DOUBTS = "ledger/doubts"


class LedgerSends:
    """Lanes, claims, results and doubts."""

    def __init__(self, database: Database, *, mails_a_week: int = MAILS_A_WEEK) -> None:
        """`mails_a_week`: how many a person gets in seven days over all campaigns; 0: no cap."""
        self._database = database
        self._cap = cap_of(mails_a_week)

    def lanes_with_work(self, *, as_of: datetime) -> list[str]:
        with self._database.transaction() as connection:
            rows = connection.execute(query(_SUBJECT, "lanes_with_work"), {"as_of": as_of})
            return [row["name"] for row in rows]

    def claim(self, lane: str, *, worker: str, now: datetime, limit: int, dry_run: bool = False) -> Claim:
        request = ClaimRequest(lane, worker, now, limit, self._cap)
        if not dry_run:
            reached(CrashPoint.BEFORE_CLAIM)
            found = in_transaction(self._database, lambda connection: claim(connection, request))
            reached(CrashPoint.CLAIM_COMMITTED)
            return found
        claimed = Claim()
        with self._database.transaction() as connection:
            claimed = claim(connection, request)
            raise psycopg.Rollback  # the transaction ends here, and everything it did with it
        return claimed

    def record(self, worker: str, results: Sequence[SendResult], *, now: datetime) -> Mapping[int, str]:
        if not results:
            return {}
        reached(CrashPoint.BEFORE_RECORD)
        states = in_transaction(self._database, lambda connection: record(connection, worker, results, now))
        reached(CrashPoint.RECORD_COMMITTED)
        return states

    def content(self, variant_ids: Sequence[int]) -> dict[int, VariantContent]:
        with self._database.transaction() as connection:
            rows = connection.execute(query(_SUBJECT, "variants_of_sends"), {"variant_ids": list(variant_ids)})
            return {row["variant_id"]: variant_content_of(row) for row in rows}

    def organisation(self) -> Organisation:
        with self._database.transaction() as connection:
            row = connection.execute(query(_SUBJECT, "organisation_of_mails")).fetchone()
        if row is None:
            raise ConfigInvalid("No organisation is set; every mail needs its name and postal address.")
        return Organisation(**row)

    def campaign_name(self, campaign_id: int) -> str:
        with self._database.transaction() as connection:
            values = {"campaign_id": campaign_id}
            row = connection.execute(query("ledger/campaigns", "campaign_name"), values).fetchone()
        return str(row["name"]) if row else f"number {campaign_id}"

    def stop_campaign(self, campaign_id: int, *, reason: str, as_of: datetime) -> bool:
        values = {"campaign_id": campaign_id, "reason": reason, "as_of": as_of}
        with self._database.transaction() as connection:
            stopped = connection.execute(query(_SUBJECT, "stop_campaign"), values).rowcount == 1
            if stopped:
                subject = ("campaign", campaign_id)
                record_audit(connection, SYSTEM, "campaign.pause", subject, at=as_of, reason=reason)
        return stopped

    def recover(self, *, as_of: datetime) -> Recovered:
        def work(connection: psycopg.Connection[DictRow]) -> Recovered:
            dead = connection.execute(query(_DOUBTS, "expire_leases"), {"as_of": as_of}).fetchall()
            lost = connection.execute(
                query(_DOUBTS, "lose_old_doubts"), {"as_of": as_of, "before": as_of - AMBIGUOUS_IS_LOST_AFTER}
            ).fetchall()
            connection.execute(query(_DOUBTS, "forget_settled_doubts"))
            connection.execute(query("ledger/recalls", "forget_old_marks"))
            cancel_follow_ups(connection, [row["send_id"] for row in lost], cause="lost", as_of=as_of)
            return Recovered(ambiguous=len(dead), lost=len(lost))

        return in_transaction(self._database, work)

    def ambiguous_sends(self, *, limit: int) -> list[AmbiguousSend]:
        with self._database.transaction() as connection:
            return [
                AmbiguousSend(**row)
                for row in connection.execute(query(_DOUBTS, "ambiguous_sends"), {"row_limit": limit})
            ]

    def settle_ambiguous(
        self, actor: Actor, send_id: int, settlement: Settlement, *, reason: str, as_of: datetime
    ) -> None:
        def work(connection: psycopg.Connection[DictRow]) -> None:
            _settle(connection, send_id, settlement, as_of)
            details = {"outcome": settlement}
            record_audit(connection, actor, "send.settle", ("send", send_id), at=as_of, reason=reason, details=details)

        in_transaction(self._database, work)


def _settle(connection: psycopg.Connection[DictRow], send_id: int, settlement: Settlement, as_of: datetime) -> None:
    if settlement == "send_again":
        name, more = "send_again", {}
    else:
        name, more = "settle_ambiguous", {"state": {"sent": "accepted", "lost": "lost"}[settlement]}
    parameters = {"send_id": send_id, "as_of": as_of} | more
    if connection.execute(query(_DOUBTS, name), parameters).fetchone() is None:
        raise _why_not(connection, send_id)
    if settlement == "sent":
        released = {"send_ids": [send_id], "as_of": as_of}
        connection.execute(query("ledger/follow_ups", "release_follow_ups"), released)
    elif settlement == "lost":
        cancel_follow_ups(connection, [send_id], cause="lost", as_of=as_of)


def _why_not(connection: psycopg.Connection[DictRow], send_id: int) -> NotFound | Conflict:
    found = connection.execute(query(_DOUBTS, "state_of_send"), {"send_id": send_id}).fetchone()
    if found is None:
        return NotFound(f"There is no send {send_id}.")
    if found["state"] == "ambiguous":
        return Conflict(f"Send {send_id} is not sent again: its campaign is {found['campaign_status']}.")
    return Conflict(f"Send {send_id} is {found['state']}, no longer ambiguous; reload the list.")

"""The organisation and the pools it sends through, in the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from leadmill.adapters.ledger.audit import record_audit
from leadmill.adapters.ledger.database import Database
from leadmill.domain.access import Actor
from leadmill.domain.capacity import MailboxLimit
from leadmill.domain.shared_days import MOST_DAYS, Load
from leadmill.errors import NotFound
from leadmill.ports.content import Organisation, Sender
from leadmill.ports.sending_identity import PoolCapacity, PoolLoads
from leadmill.sql import query

_SUBJECT = "ledger/senders"


class PostgresSenders:
    """Implements `ports.campaigns.SenderLedger`; every change and its audit line are one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def organisation(self) -> Organisation | None:
        with self._database.transaction() as connection:
            row = connection.execute(query(_SUBJECT, "organisation")).fetchone()
        return Organisation(**row) if row else None

    def set_organisation(self, actor: Actor, organisation: Organisation, *, as_of: datetime) -> None:
        values = {
            "name": organisation.name,
            "postal_address": organisation.postal_address,
            "website": organisation.website,
        }
        with self._database.transaction() as connection:
            connection.execute(query(_SUBJECT, "set_organisation"), values | {"as_of": as_of})
            record_audit(
                connection, actor, "organisation.set", ("organisation", organisation.name), at=as_of, details=values
            )

    def pools(self) -> list[PoolCapacity]:
        with self._database.transaction() as connection:
            return [
                PoolCapacity(
                    **{
                        **row,
                        "accepts_legal_bases": tuple(row["accepts_legal_bases"]),
                        "providers": tuple(row["providers"]),
                    }
                )
                for row in connection.execute(query(_SUBJECT, "pools"))
            ]

    def create_pool(
        self, actor: Actor, name: str, legal_bases: Sequence[str], *, override_reason: str, as_of: datetime
    ) -> int:
        values = {"name": name, "legal_bases": list(legal_bases), "override_reason": override_reason}
        with self._database.transaction() as connection:
            row = connection.execute(query(_SUBJECT, "insert_pool"), values | {"as_of": as_of}).fetchone()
            if row is None:
                found = connection.execute(query(_SUBJECT, "pool_by_name"), {"name": name}).fetchone()
                return int(found["pool_id"]) if found else 0
            record_audit(
                connection,
                actor,
                "pool.create",
                ("pool", row["pool_id"]),
                at=as_of,
                reason=override_reason,
                details={"name": name, "accepts_legal_bases": list(legal_bases)},
            )
        return int(row["pool_id"])

    def set_pool_policy(
        self, actor: Actor, pool_id: int, legal_bases: Sequence[str], *, override_reason: str, as_of: datetime
    ) -> None:
        values = {"pool_id": pool_id, "legal_bases": list(legal_bases), "override_reason": override_reason}
        with self._database.transaction() as connection:
            if connection.execute(query(_SUBJECT, "set_pool_policy"), values).fetchone() is None:
                raise NotFound(f"There is no pool {pool_id}.")
            connection.execute(query(_SUBJECT, "suppress_against_policy"), {"pool_id": pool_id, "as_of": as_of})
            record_audit(
                connection,
                actor,
                "pool.set_policy",
                ("pool", pool_id),
                at=as_of,
                reason=override_reason,
                details={"accepts_legal_bases": list(legal_bases)},
            )

    def active_mailboxes(self, pool_id: int) -> list[MailboxLimit]:
        with self._database.transaction() as connection:
            rows = connection.execute(query(_SUBJECT, "active_mailboxes"), {"pool_id": pool_id})
            return [MailboxLimit(**row) for row in rows]

    def loads_of_pool(self, pool_id: int, *, as_of: datetime) -> PoolLoads:
        values = {"pool_id": pool_id, "as_of": as_of}
        with self._database.transaction() as connection:
            rows = connection.execute(query(_SUBJECT, "loads_of_pool"), values).fetchall()
        loads: dict[str, list[Load]] = {"running": [], "paused": [], "approved": []}
        for row in rows:
            loads[row["status"]].append(_load_of(row, as_of.date()))
        return PoolLoads(loads["running"], loads["paused"], len(loads["approved"]))

    def example_sender(self, pool_id: int | None) -> Sender | None:
        with self._database.transaction() as connection:
            row = connection.execute(query(_SUBJECT, "example_sender"), {"pool_id": pool_id}).fetchone()
        return Sender(**row) if row else None


def _load_of(row: Mapping[str, Any], today: date) -> Load:
    return Load(
        campaign_id=row["campaign_id"],
        first_by_day={each["in_days"]: each["count"] for each in row["first_mails"]},
        delays=tuple(row["delays"]),
        weight=row["weight"],
        follow_ups={(each["in_days"], each["step"]): each["count"] for each in row["follow_ups"]},
        days_off=frozenset(
            day for day in range(MOST_DAYS) if (today + timedelta(days=day)).isoweekday() not in row["weekdays"]
        ),
    )

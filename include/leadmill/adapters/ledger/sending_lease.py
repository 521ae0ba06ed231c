"""The ledger's side of the lease: `ports.sending_lease.LeaseLedger`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import psycopg
from psycopg.rows import DictRow

from leadmill.adapters.ledger.audit import record_audit
from leadmill.adapters.ledger.database import Database
from leadmill.domain.access import Actor
from leadmill.domain.journal import read_key
from leadmill.domain.sending_lease import DatabaseIdentity, LedgerLease, StoredLease
from leadmill.errors import ConfigInvalid
from leadmill.sql import query

_SQL = "ledger/sending_lease"


class LockedLease:
    """See `ports.sending_lease.LeaseRow`."""

    def __init__(self, connection: psycopg.Connection[DictRow], row: DictRow) -> None:
        self._connection = connection
        self.own = LedgerLease(row["installation"], row["token"])
        self.database = DatabaseIdentity(row["cluster"], row["place"], row["name"])
        self.restoring_since: datetime | None = row["restoring_since"]

    def keep(self, lease: StoredLease) -> None:
        values = {"installation": lease.installation, "token": lease.token, "renewed_at": lease.renewed_at}
        self._connection.execute(query(_SQL, "keep_lease"), values)

    def has_claim(self, claim_id: int, worker: str) -> bool:
        found = self._connection.execute(query(_SQL, "has_claim"), {"claim_id": claim_id, "worker": worker}).fetchone()
        return bool(found and found["has_claim"])


class LedgerSendingLease:
    """One row, and the claims that the journal is compared with."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def locked(self) -> Iterator[LockedLease]:
        with self._database.transaction() as connection:
            row = connection.execute(query(_SQL, "lock_lease")).fetchone()
            if row is None:
                raise ConfigInvalid("The ledger lacks its row of ledger.sending_lease; run `leadmill migrate`.")
            yield LockedLease(connection, row)

    def refuse(self, sentence: str, *, as_of: datetime) -> None:
        with self._database.transaction() as connection:
            connection.execute(query(_SQL, "refuse_dispatch"), {"sentence": sentence, "as_of": as_of})

    def refusal(self) -> str:
        with self._database.transaction() as connection:
            row = connection.execute(query(_SQL, "refusal")).fetchone()
        return str(row["refusal"]) if row else ""

    def known_through(self) -> int:
        with self._database.transaction() as connection:
            row = connection.execute(query(_SQL, "known_through")).fetchone()
        return int(row["claim_id"]) if row else 0

    def unknown_entries(self, keys: Sequence[str]) -> list[str]:
        named = [(key, said) for key in keys if (said := read_key(key)) is not None]
        values = {
            "entries": [key for key, _ in named],
            "claim_ids": [said.claim_id for _, said in named],
            "writers": [said.writer for _, said in named],
        }
        with self._database.transaction() as connection:
            return [row["entry"] for row in connection.execute(query(_SQL, "unknown_entries"), values)]

    def is_as_taken(
        self, token: str, database: DatabaseIdentity | None, *, claim_ids: Sequence[int], worker: str
    ) -> bool:
        with self._database.transaction() as connection:
            values = {"claim_ids": list(claim_ids), "worker": worker}
            row = connection.execute(query(_SQL, "lease_and_claims"), values).fetchone()
        if row is None or database is None:
            return False
        where = (database.cluster, database.place)
        return (row["token"], (row["cluster"], row["place"])) == (token, where) and bool(row["has_claims"])

    def record_take_over(self, actor: Actor, *, reason: str, was: str, as_of: datetime) -> None:
        with self._database.transaction() as connection:
            details = {"sent_before": was}
            record_audit(
                connection, actor, "store.take_over", ("store", "lease"), at=as_of, reason=reason, details=details
            )

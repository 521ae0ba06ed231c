"""What a restored ledger takes over from the journal: `ports.journal.RestoreLedger`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

import psycopg
from psycopg.rows import DictRow

from leadmill.adapters.ledger.audit import record_audit
from leadmill.adapters.ledger.database import Database
from leadmill.adapters.ledger.retrying import in_transaction
from leadmill.domain.access import Actor
from leadmill.domain.journal import JournalEntry
from leadmill.errors import Conflict, DatabaseUnavailable
from leadmill.ports.journal import RestoreStanding, TakenOver
from leadmill.sql import query

_SQL = "ledger/restoring"
_LOCK = 7_316_512  # any number that no other advisory lock of ours has


class LedgerRestoring:
    """One transaction an entry, so that a restore that is broken off goes on where it was."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def alone(self) -> Iterator[None]:
        try:
            connection = psycopg.connect(self._database.url, autocommit=True)
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable("Postgres did not answer; check LEADMILL_DATABASE_URL.") from error
        with connection:
            row = connection.execute("select pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
            if row is None or not row[0]:
                raise Conflict("`leadmill after-restore` is at work already; wait until it has ended.")
            yield

    def begin(self, *, as_of: datetime) -> None:
        with self._database.transaction() as connection:
            connection.execute(query(_SQL, "begin_restore"), {"as_of": as_of})

    def take_over(self, key: str, entry: JournalEntry, *, as_of: datetime) -> TakenOver:
        return in_transaction(self._database, lambda connection: _take_over(connection, key, entry, as_of))

    def standing(self) -> RestoreStanding:
        with self._database.transaction() as connection:
            row = connection.execute(query(_SQL, "restore_standing")).fetchone()
        return RestoreStanding(**row) if row else RestoreStanding(None, 0, 0)

    def end(self, actor: Actor, *, through_claim: int, counts: Mapping[str, int], as_of: datetime) -> None:
        with self._database.transaction() as connection:
            _move_sequences_on(connection, claim_id=through_claim)
            connection.execute(query(_SQL, "share_lost"))
            connection.execute(query(_SQL, "end_restore"), {"through_claim": through_claim})
            subject = ("ledger", "restored")
            record_audit(connection, actor, "ledger.after_restore", subject, at=as_of, details=dict(counts))


def _take_over(connection: psycopg.Connection[DictRow], key: str, entry: JournalEntry, as_of: datetime) -> TakenOver:
    noted = {"entry": key, "claimed_at": entry.claimed_at, "as_of": as_of}
    if connection.execute(query(_SQL, "note_entry"), noted).fetchone() is None:
        return TakenOver()
    boxes = _mailboxes(connection, entry)
    steps = [entry.variants[variant_id] for variant_id in entry.variant_ids]
    campaign_ids = [campaign_id for campaign_id, _ in steps]
    columns = {
        "claim_id": entry.claim_id,
        "worker": entry.worker,
        "lane": entry.lane,
        "claimed_at": entry.claimed_at,
        "as_of": as_of,
        "send_ids": list(entry.send_ids),
        "mailbox_ids": [boxes.get(mailbox_id) for mailbox_id in entry.mailbox_ids],
        "campaign_ids": campaign_ids,
        "steps": [step for _, step in steps],
        "email_hashes": list(entry.email_hashes),
    }
    connection.execute(query(_SQL, "take_journaled_quota"), columns)
    connection.execute(query(_SQL, "restore_claim"), columns)
    found = connection.execute(query(_SQL, "doubt_journaled_sends"), columns).fetchone()
    doubted, missing, journaled = (found["doubted"], found["missing"], found["journaled"]) if found else (0, 0, 0)
    connection.execute(query(_SQL, "note_doubted"), {"entry": key, "doubted": doubted})
    _move_sequences_on(
        connection,
        claim_id=entry.claim_id,
        send_id=max(entry.send_ids, default=0),
        lead_id=entry.highest_lead_id,
        campaign_id=max(campaign_ids, default=0),
        variant_id=max(entry.variant_ids, default=0),
        mailbox_id=max(entry.mailbox_ids, default=0),
    )
    return TakenOver(1, doubted, journaled - doubted - missing, missing)


def _mailboxes(connection: psycopg.Connection[DictRow], entry: JournalEntry) -> dict[int, int]:
    """This ledger's number of each mailbox of the journal."""
    asked = {"mailbox_ids": list(entry.mailboxes), "addresses": list(entry.mailboxes.values())}
    rows = connection.execute(query(_SQL, "mailboxes_of_journal"), asked).fetchall()
    return {row["journaled"]: row["mailbox_id"] for row in rows}


def _move_sequences_on(connection: psycopg.Connection[DictRow], **highest: int) -> None:
    names = ("claim_id", "send_id", "lead_id", "campaign_id", "variant_id", "mailbox_id")
    connection.execute(query(_SQL, "move_sequences_on"), {name: highest.get(name, 0) for name in names})

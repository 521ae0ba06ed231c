"""Journal and lease as objects in the store: `ports.journal.Journal` and `ports.sending_lease.LeaseStore`."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, TypeVar

import msgspec

from leadmill.domain.journal import JOURNAL_PREFIX, JournalEntry, key_of, keys_after, read_key
from leadmill.domain.sending_lease import DatabaseIdentity, StoredLease
from leadmill.errors import LeadmillError, LedgerBehindJournal, NotFound, StoreUnavailable
from leadmill.ports.journal import Tidied
from leadmill.ports.store import ObjectStore

LEASE_KEY = "installation.json"
TIDIED_KEY = "journal-tidied.json"
_HASH_BYTES = 32
T = TypeVar("T")


class StoreJournal:
    """Entries as compact JSON, 60 bytes a send."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def keep(self, entry: JournalEntry) -> None:
        body = {
            "claim_id": entry.claim_id,
            "worker": entry.worker,
            "lane": entry.lane,
            "claimed_at": entry.claimed_at.isoformat(),
            "highest_lead_id": entry.highest_lead_id,
            "variants": entry.variants,
            "mailboxes": entry.mailboxes,
            "send_ids": entry.send_ids,
            "variant_ids": entry.variant_ids,
            "mailbox_ids": entry.mailbox_ids,
            "email_hashes": b64encode(b"".join(entry.email_hashes)).decode(),
        }
        key = key_of(entry.claim_id, entry.worker, entry.claimed_at)
        _asked(lambda: self._store.write(key, msgspec.json.encode(body)))

    def keys(self, *, after_claim: int = -1) -> Iterator[str]:
        listed = self._store.list(JOURNAL_PREFIX, start_after=keys_after(after_claim))
        while (found := _asked(lambda: next(listed, None))) is not None:
            if read_key(found.key) is not None:
                yield found.key

    def read(self, key: str) -> JournalEntry:
        body = _asked(lambda: self._store.read(key))
        try:
            return _entry_of(json.loads(body))
        except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
            raise LedgerBehindJournal(
                f"{key} in the object store is no entry of the journal, so nobody can say which mails it was about. "
                "Put it back from a backup of the store; move it away only if those mails may go out twice."
            ) from error

    def delete(self, key: str) -> None:
        _asked(lambda: self._store.delete(key))

    def tidied(self) -> Tidied | None:
        body = _read_or_none(self._store, TIDIED_KEY)
        if body is None:
            return None
        try:
            said = json.loads(body)
            return Tidied(int(said["claim_id"]), date.fromisoformat(said["before"]))
        except (ValueError, TypeError, KeyError) as error:
            raise StoreUnavailable(
                f"{TIDIED_KEY} in the object store cannot be read. It says how far back the journal reaches, so "
                "nothing is sent: put it back from a backup of the store; delete it only if no older copy was restored."
            ) from error

    def note_tidied(self, tidied: Tidied) -> None:
        body = {"claim_id": tidied.claim_id, "before": tidied.before.isoformat()}
        _asked(lambda: self._store.write(TIDIED_KEY, json.dumps(body).encode()))


def _entry_of(said: dict[str, Any]) -> JournalEntry:
    hashes = b64decode(said["email_hashes"])
    return JournalEntry(
        **said
        | {
            "claimed_at": datetime.fromisoformat(said["claimed_at"]),
            "email_hashes": [hashes[at : at + _HASH_BYTES] for at in range(0, len(hashes), _HASH_BYTES)],
            "variants": {int(variant): (of[0], of[1]) for variant, of in said["variants"].items()},
            "mailboxes": {int(mailbox): address for mailbox, address in said["mailboxes"].items()},
        }
    )


class StoreLease:
    """The lease as one small object at the store's root."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.uri = store.uri

    def read(self) -> StoredLease | None:
        body = _read_or_none(self._store, LEASE_KEY)
        return None if body is None else _lease_of(body)

    def replace(self, lease: StoredLease, *, was: StoredLease | None) -> bool:
        there = _read_or_none(self._store, LEASE_KEY)
        if (None if there is None else _lease_of(there)) != was:
            return False
        body = json.dumps(asdict(lease) | {"renewed_at": lease.renewed_at.isoformat()}).encode()
        return _asked(lambda: self._store.replace(LEASE_KEY, body, was=there))


def _lease_of(body: bytes) -> StoredLease:
    try:
        said = json.loads(body)
        database = DatabaseIdentity(**said.pop("database"))
        renewed_at = datetime.fromisoformat(said.pop("renewed_at"))
        return StoredLease(database=database, renewed_at=renewed_at, **said)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreUnavailable(
            f"{LEASE_KEY} in the object store cannot be read. It says who may send, so nothing is sent: put it back "
            "from a backup of the store, or delete it and run `leadmill take-over`."
        ) from error


def _read_or_none(store: ObjectStore, key: str) -> bytes | None:
    try:
        return _asked(lambda: store.read(key))
    except NotFound:
        return None


def _asked(work: Callable[[], T]) -> T:
    """What the store answers; whatever its client raises is `StoreUnavailable`, since without it nothing may leave."""
    try:
        return work()
    except LeadmillError:
        raise
    except Exception as error:
        raise StoreUnavailable(
            f"The object store did not answer ({type(error).__name__}); without the journal in it nothing is sent."
        ) from error

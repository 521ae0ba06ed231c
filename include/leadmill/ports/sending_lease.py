"""The lease in the ledger and in the store, as the services see it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from leadmill.domain.access import Actor
from leadmill.domain.sending_lease import DatabaseIdentity, LedgerLease, StoredLease


class LeaseRow(Protocol):
    """The ledger's lease, locked until the transaction ends."""

    @property
    def own(self) -> LedgerLease:
        """What the ledger holds."""
        ...

    @property
    def database(self) -> DatabaseIdentity:
        """Where this ledger lies."""
        ...

    @property
    def restoring_since(self) -> datetime | None:
        """When `leadmill after-restore` began that has not ended; UTC."""
        ...

    def keep(self, lease: StoredLease) -> None:
        """Hold what was put into the store, and forget the latest refusal."""
        ...

    def has_claim(self, claim_id: int, worker: str) -> bool:
        """Whether this worker's claim is in the ledger."""
        ...


class LeaseLedger(Protocol):
    """The ledger's side of the lease."""

    def locked(self) -> AbstractContextManager[LeaseRow]:
        """One transaction that holds the row: workers of one ledger take turns."""
        ...

    def refuse(self, sentence: str, *, as_of: datetime) -> None:
        """Remember why nothing is sent, for those who ask."""
        ...

    def refusal(self) -> str:
        """Why the latest dispatch sent nothing; empty where it did."""
        ...

    def known_through(self) -> int:
        """Up to about which claim the ledger knows all: its newest, or the last that was acknowledged."""
        ...

    def unknown_entries(self, keys: Sequence[str]) -> list[str]:
        """Which of these keys of the journal are neither this ledger's own claims nor taken over."""
        ...

    def is_as_taken(
        self, token: str, database: DatabaseIdentity | None, *, claim_ids: Sequence[int], worker: str
    ) -> bool:
        """Whether this ledger lies where it did and holds that token and these claims of the worker's."""
        ...

    def record_take_over(self, actor: Actor, *, reason: str, was: str, as_of: datetime) -> None:
        """Write into the audit log that a person let this ledger send; `was` names who did before."""
        ...


class LeaseStore(Protocol):
    """The store's side of the lease. Every method raises `StoreUnavailable`."""

    @property
    def uri(self) -> str:
        """Which store it is."""
        ...

    def read(self) -> StoredLease | None:
        """What lies there; None in a store that nobody sent by."""
        ...

    def replace(self, lease: StoredLease, *, was: StoredLease | None) -> bool:
        """Put a lease in another's place; False where it is no longer there."""
        ...

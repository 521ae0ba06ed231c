"""Which copy of an installation may send: the one whose ledger knows the token that lies in the store.

A ledger and its store belong together as long as both hold the same token. Every dispatch replaces it in both, so a
ledger that was copied, restored, or put beside another's store soon no longer knows it (ADR 0025).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LEASE = timedelta(minutes=3)
"""A dispatch runs every minute: who missed three is taken for dead where a promoted replica stands by. Our choice."""


@dataclass(frozen=True, slots=True)
class DatabaseIdentity:
    """Where a ledger lies.

    `cluster` stays what it is on a promoted replica and is another after a dump was restored or a database copied;
    `place` is its server's address. `name` is for people.
    """

    cluster: str
    place: str
    name: str


@dataclass(frozen=True, slots=True)
class StoredLease:
    """What lies in the store: whose turn it is, since when (UTC), and for which store the token was made."""

    installation: str
    token: str
    database: DatabaseIdentity
    store_uri: str
    renewed_at: datetime


@dataclass(frozen=True, slots=True)
class LedgerLease:
    """What the ledger holds of it; both are None before its first dispatch."""

    installation: str | None = None
    token: str | None = None


class Standing(StrEnum):
    """How a ledger stands to what lies in the store."""

    FIRST = "first"  # neither has ever sent
    HELD = "held"  # ours, as before
    PASSED_ON = "passed_on"  # a replica was promoted: it knows the token, and the old server is silent
    OLDER = "older"  # the same database with an older token: it was restored, and the journal says what it lacks
    PARTNER_ALIVE = "partner_alive"  # a replica or clone knows the token, but the other server still sends
    COPY = "copy"  # a copy of the database knows the token
    TAKEN = "taken"  # another database of this installation has sent since
    FOREIGN = "foreign"  # another installation sends by this store
    EMPTY_STORE = "empty_store"  # this ledger has sent by another store
    MOVED_STORE = "moved_store"  # the token was made for a store elsewhere: this one is a copy


MAY_SEND = frozenset({Standing.FIRST, Standing.HELD, Standing.PASSED_ON, Standing.OLDER})
"""With these the token is renewed. An older ledger sends only if the journal holds nothing that it does not know."""


def standing(  # noqa: PLR0911 - a table of cases, one a line
    own: LedgerLease, stored: StoredLease | None, database: DatabaseIdentity, *, store_uri: str, now: datetime
) -> Standing:
    """How a ledger that lies in `database` stands to the store; `now` is aware UTC.

    A person's word is needed wherever it is not certain that nobody else sends: only a promoted replica takes over by
    itself, since it is the same cluster, knows the latest token, and the old server has been silent for `LEASE`.
    """
    if stored is None:
        return Standing.FIRST if own.token is None else Standing.EMPTY_STORE
    is_here = (database.cluster, database.place) == (stored.database.cluster, stored.database.place)
    if own.installation != stored.installation and not (is_here and own.installation is None):
        return Standing.FOREIGN
    if stored.store_uri != store_uri:
        return Standing.MOVED_STORE
    if own.token != stored.token:
        return Standing.OLDER if is_here else Standing.TAKEN
    if is_here:
        return Standing.HELD
    if database.cluster != stored.database.cluster:
        return Standing.COPY
    return Standing.PASSED_ON if now - stored.renewed_at > LEASE else Standing.PARTNER_ALIVE


def refusal(how: Standing, stored: StoredLease | None, *, store_uri: str) -> str:
    """Why nothing is sent, and what a person does about it; for a standing that may not send."""
    since = f"{stored.renewed_at:%Y-%m-%d %H:%M} UTC" if stored else ""
    other = stored.database.name if stored else ""
    take_over = "`leadmill take-over --reason …` lets this one send and stops the other"
    sentences = {
        Standing.PARTNER_ALIVE: f"{other} sent last at {since} and is the same installation. If it is gone, this one "
        f"takes over by itself {LEASE.seconds // 60} minutes after that; if not, stop one of the two.",
        Standing.COPY: f"This database is a copy of {other}, which sent last at {since}. {take_over}.",
        Standing.TAKEN: f"{other}, a copy of this database or what was restored from it, has sent since, last at "
        f"{since}. If this one is to send, stop that one and run `leadmill after-restore`.",
        Standing.FOREIGN: f"Another installation ({other}) sends by this object store, last at {since}. Set another "
        "LEADMILL_STORE; if this ledger was restored or made anew after a loss, run `leadmill after-restore`.",
        Standing.EMPTY_STORE: f"The object store {store_uri} is not the one that this ledger sent by: the journal of "
        f"what was sent is not there. Set LEADMILL_STORE back; if the files are gone, {take_over}.",
        Standing.MOVED_STORE: f"The object store {store_uri} is a copy of {stored.store_uri if stored else ''}, which "
        f"may still be in use. If it was moved for good, {take_over}.",
    }
    return sentences[how]

"""The journal of claims: what may have left, written in the store before it leaves (ADR 0025)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

JOURNAL_PREFIX = "journal/"
CLAIMS_A_FOLDER = 10_000
"""Claims go to folders by their numbers: a busy installation makes some 100,000 a day. Our choice."""

JOURNAL_DAYS = 35
"""How long entries are kept: as long as RDS keeps automated backups at most. An older copy is told nothing."""

OVERLAP = 1_000
"""So many claims back from the ledger's newest the journal is compared again: numbers are given before their
transactions commit, so a copy of the ledger can hold a claim and lack a few before it. Our choice; lanes at work at
once are some dozens."""


class EntryKey(NamedTuple):
    """What an entry's name says. `writer` is a digest of the worker's name; `on` the day of the claim, UTC."""

    claim_id: int
    on: date
    writer: str


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One claim's sends, place by place: whom a mail may have reached, of which campaign's step, from which mailbox.

    `variants` says for each variant its campaign and step; `mailboxes` for each mailbox its address. `email_hashes`
    are keyed hashes, 32 bytes each; no recipient's address is in the journal.
    """

    claim_id: int
    worker: str
    lane: str
    claimed_at: datetime
    send_ids: Sequence[int]
    variant_ids: Sequence[int]
    mailbox_ids: Sequence[int]
    email_hashes: Sequence[bytes]
    highest_lead_id: int = 0
    variants: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    mailboxes: Mapping[int, str] = field(default_factory=dict)


def writer_of(worker: str) -> str:
    """A worker's name in 16 characters: the names of entries hold no host's name."""
    return hashlib.sha256(worker.encode()).hexdigest()[:16]


def key_of(claim_id: int, worker: str, claimed_at: datetime) -> str:
    """Where a claim's entry lies in the store; keys sort by claim."""
    return f"{_folder(claim_id)}{claim_id:019d}-{claimed_at:%Y%m%d}-{writer_of(worker)}.json"


def keys_after(claim_id: int) -> str:
    """A text that sorts before every entry of later claims, and after those of this claim and earlier ones."""
    return f"{_folder(claim_id)}{claim_id:019d}~" if claim_id >= 0 else JOURNAL_PREFIX


def read_key(key: str) -> EntryKey | None:
    """What a key says; None for an object that is no entry."""
    claim, _, rest = key.rpartition("/")[2].removesuffix(".json").partition("-")
    day, _, writer = rest.partition("-")
    try:
        return EntryKey(int(claim), date(int(day[:4]), int(day[4:6]), int(day[6:8])), writer)
    except ValueError:
        return None


def _folder(claim_id: int) -> str:
    return f"{JOURNAL_PREFIX}{claim_id // CLAIMS_A_FOLDER:015d}/"

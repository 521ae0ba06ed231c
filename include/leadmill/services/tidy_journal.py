"""The journal forgets claims that are older than any backup that may still be restored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import islice

from leadmill.domain.journal import read_key
from leadmill.ports.journal import Journal, Tidied

_AT_ONCE = 1_000


def tidy_journal(journal: Journal, *, keep_days: int, as_of: datetime) -> int:
    """Remove the entries of claims that are older than `keep_days`; returns how many.

    Entries are listed from the oldest on, one page at a time, up to the first that stays. How far it goes is noted
    before anything is removed, so that a copy of the ledger from before is recognised although its journal is gone.
    """
    before = (as_of - timedelta(days=keep_days)).date()
    removed = 0
    while old := list(islice(_older(journal, before), _AT_ONCE)):
        noted = journal.tidied()
        journal.note_tidied(Tidied(max(noted.claim_id if noted else 0, *(claim_id for _, claim_id in old)), before))
        for key, _ in old:
            journal.delete(key)
        removed += len(old)
    return removed


def _older(journal: Journal, before: date) -> Iterator[tuple[str, int]]:
    for key in journal.keys(after_claim=-1):
        said = read_key(key)
        if said is None or said.on >= before:
            return
        yield key, said.claim_id

"""Does the store's journal hold claims that the ledger does not know?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from leadmill.domain.journal import OVERLAP, read_key
from leadmill.errors import LedgerBehindJournal
from leadmill.ports.journal import Journal
from leadmill.ports.sending_lease import LeaseLedger

_AT_ONCE = 1_000
_WHY = "This ledger is an older copy: nothing is sent, so that nobody gets a mail twice. Run `leadmill after-restore`."


def unknown_entries(ledger: LeaseLedger, journal: Journal, *, since: int) -> Iterator[list[str]]:
    """Keys of entries of claims after `since` that the ledger does not know, in the order of claims, some at a time.

    A claim is committed before its entry is written, so an entry that the ledger does not know is never its own.
    """
    keys = journal.keys(after_claim=since)
    while some := list(islice(keys, _AT_ONCE)):
        if unknown := ledger.unknown_entries(some):
            yield unknown


def oldest_compared(ledger: LeaseLedger) -> int:
    """The claim after which a comparison begins; -1 for all."""
    return max(ledger.known_through() - OVERLAP, -1)


def require_all_known(ledger: LeaseLedger, journal: Journal) -> None:
    """Pass where the journal is not ahead of the ledger; costs one listing of what is new.

    Raises:
        LedgerBehindJournal: It is, or it was tidied of claims that this ledger does not know.
    """
    require_not_tidied_away(ledger, journal)
    for unknown in unknown_entries(ledger, journal, since=oldest_compared(ledger)):
        said = read_key(unknown[0])
        which = f"claim {said.claim_id} of {said.on}" if said else unknown[0]
        raise LedgerBehindJournal(
            f"The store's journal holds claims that this ledger lacks, the first is {which}. {_WHY}"
        )


def require_not_tidied_away(ledger: LeaseLedger, journal: Journal) -> None:
    """Pass where no claim that this ledger lacks was tidied out of the journal.

    Raises:
        LedgerBehindJournal: One was: the copy is older than the journal reaches.
    """
    tidied = journal.tidied()
    if tidied is not None and tidied.claim_id > ledger.known_through():
        raise LedgerBehindJournal(
            f"The store's journal reaches back to {tidied.before}, and this ledger lacks claims from before. {_WHY}"
        )

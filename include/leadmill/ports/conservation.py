"""The ledger's books, as the hourly check reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from leadmill.domain.conservation import CampaignBooks, MailboxBooks


@dataclass(frozen=True, slots=True)
class Books:
    """Everything that has to add up, read in one snapshot."""

    campaigns: Sequence[CampaignBooks]
    mailboxes: Sequence[MailboxBooks]


class ConservationLedger(Protocol):
    """Reads the books; mends what is only derived from them."""

    def books(self, *, as_of: datetime) -> Books:
        """Every planned campaign that is not deleted, and every mailbox's last days, all of one moment."""
        ...

    def repair(self) -> int:
        """Make missing entries of queue and doubts anew from the sends' own rows. Returns how many there were."""
        ...

"""What people are told of mails that a worker holds at the moment in which somebody leaves or stops something."""

from __future__ import annotations

from datetime import datetime

from leadmill.domain.dispatch import RECALL_WITHIN
from leadmill.ports.recalls import Hands, RecallLedger


def mails_in_hand(ledger: RecallLedger, hands: Hands, *, as_of: datetime) -> int:
    """How many mails of a person, a campaign or a sender are in workers' hands; asked after the change is committed."""
    return ledger.sends_in_hand(hands, as_of=as_of)


def in_hand_words(mails: int) -> str:
    """A sentence on that with a space before it; empty where there are none. What a server has stays there."""
    if not mails:
        return ""
    seconds = f"{RECALL_WITHIN.total_seconds():g} seconds"
    if mails == 1:
        return f" 1 mail was already in hand: it is taken back within {seconds}, unless its server has it by then."
    return f" {mails:,} mails were already in hand: within {seconds} all are taken back that no server has by then."

"""A person decides what became of a send that nobody knows the outcome of."""

from __future__ import annotations

from datetime import datetime

from leadmill.domain.access import Actor, Role, required_reason
from leadmill.errors import InputInvalid
from leadmill.ports.dispatch import SendLedger, Settlement


def settle_ambiguous(
    ledger: SendLedger, actor: Actor, send_id: int, settlement: Settlement, *, reason: str, as_of: datetime
) -> None:
    """Mark an ambiguous send as sent (its sequence goes on) or lost (its sequence ends), or have it sent again.

    Sending again is a person's word that the lead did not get it: the one way in which a doubtful send goes out anew.

    Raises:
        NotAllowed: The actor is no analyst.
        InputInvalid: No reason, or another word than those three.
        NotFound: No such send.
        Conflict: It is no longer ambiguous, or shall be sent again in a campaign that ended.
    """
    actor.require(Role.ANALYST, to="settle an ambiguous send")
    why = required_reason(reason, "Say how you know; the audit log keeps the reason.")
    if settlement not in {"sent", "lost", "send_again"}:
        raise InputInvalid(f"An ambiguous send is settled as sent, lost or send_again, not as {settlement!r}.")
    ledger.settle_ambiguous(actor, send_id, settlement, reason=why, as_of=as_of)

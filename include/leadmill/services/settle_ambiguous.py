"""A person decides what became of a send that nobody knows the outcome of."""

from __future__ import annotations

from datetime import datetime

from leadmill.domain.access import Actor, Role
from leadmill.errors import InputInvalid
from leadmill.ports.dispatch import SendLedger, Settlement


def settle_ambiguous(
    ledger: SendLedger, actor: Actor, send_id: int, settlement: Settlement, *, reason: str, as_of: datetime
) -> None:
    """Mark an ambiguous send as sent (its sequence goes on) or lost (its sequence ends).

    Raises:
        NotAllowed: The actor is no analyst.
        InputInvalid: No reason, or another word than sent and lost.
        NotFound: No such send.
        Conflict: It is no longer ambiguous.
    """
    actor.require(Role.ANALYST, to="settle an ambiguous send")
    if not reason.strip():
        raise InputInvalid("Say how you know; the audit log keeps the reason.")
    if settlement not in {"sent", "lost"}:
        raise InputInvalid(f"An ambiguous send is settled as sent or lost, not as {settlement!r}.")
    ledger.settle_ambiguous(actor, send_id, settlement, reason=reason.strip(), as_of=as_of)

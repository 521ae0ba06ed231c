"""The states of a send and which change is allowed: one row per (campaign, step, lead) is the promise."""

from __future__ import annotations

from enum import StrEnum


class SendState(StrEnum):
    """Where a send stands; see the state diagram in docs/architecture.md."""

    PLANNED = "planned"
    SUPPRESSED = "suppressed"
    CLAIMED = "claimed"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    DROPPED = "dropped"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    REFUSED = "refused"
    AMBIGUOUS = "ambiguous"
    LOST = "lost"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


OPEN_STATES = frozenset({SendState.PLANNED, SendState.CLAIMED, SendState.AMBIGUOUS})
"""A campaign is finished only when no send is in one of these."""

SENT_STATES = frozenset({SendState.ACCEPTED, SendState.DELIVERED, SendState.BOUNCED, SendState.COMPLAINED})
"""A provider has said yes: a copy is on its way or was."""

EVIDENCE_RANK: dict[SendState, int] = {
    SendState.PLANNED: 0,
    SendState.CLAIMED: 0,
    SendState.LOST: 0,
    SendState.AMBIGUOUS: 0,
    SendState.ACCEPTED: 1,
    SendState.DELIVERED: 2,
    SendState.DROPPED: 3,  # by the provider, before it tried
    SendState.BOUNCED: 4,
    SendState.COMPLAINED: 5,
}
"""The lattice of evidence: an event only ever moves a send to a higher rank, so order does not matter."""

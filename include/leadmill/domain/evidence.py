"""What an event proves about its send: the state it moves the send to, whom it suppresses, what it stops."""

from __future__ import annotations

from leadmill.domain.events import EventKind
from leadmill.domain.sends import SendState

STATE_OF_KIND: dict[EventKind, SendState] = {
    EventKind.ACCEPTED: SendState.ACCEPTED,
    EventKind.DEFERRED: SendState.ACCEPTED,
    EventKind.DELIVERED: SendState.DELIVERED,
    # Nobody, man or machine, opens, clicks or answers a mail that was not delivered.
    EventKind.OPENED: SendState.DELIVERED,
    EventKind.CLICKED: SendState.DELIVERED,
    EventKind.REPLIED: SendState.DELIVERED,
    EventKind.AUTO_REPLIED: SendState.DELIVERED,
    EventKind.UNSUBSCRIBED: SendState.DELIVERED,
    EventKind.BOUNCED: SendState.BOUNCED,
    EventKind.REJECTED: SendState.DROPPED,
    EventKind.OPTED_OUT_BEFORE: SendState.DROPPED,
    EventKind.COMPLAINED: SendState.COMPLAINED,
}
"""Kinds that are missing here (noted, unknown) prove nothing."""

SUPPRESSION_RANK: dict[str, int] = {"hard_bounced": 1, "unsubscribed": 2, "complained": 3}
"""Suppression reasons that come from events, the weightiest last: of several the weightiest stays."""

FOLLOW_UPS_STOP_ON = ("complained", "unsubscribed", "bounced", "dropped", "replied")
"""Why later steps are cancelled; an automatic reply is no reason (RFC 3834)."""

"""What an event proves about its send: the state it moves the send to, whom it suppresses, what it stops."""

from __future__ import annotations

from datetime import timedelta

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
    # Dropped by the provider after it had said yes: the mail ended the way a bounced one does, without a bounce kind.
    EventKind.REJECTED: SendState.BOUNCED,
    EventKind.COMPLAINED: SendState.COMPLAINED,
}
"""Kinds that are missing here (noted, unknown) prove nothing."""

SUPPRESSION_RANK: dict[str, int] = {"hard_bounced": 1, "unsubscribed": 2, "complained": 3}
"""Suppression reasons that come from events, the weightiest last: of several the weightiest stays."""

FOLLOW_UPS_STOP_ON = ("complained", "unsubscribed", "bounced", "replied")
"""Why later steps are cancelled; an automatic reply is no reason (RFC 3834)."""

CLOCKS_DIFFER_BY = timedelta(hours=1)
"""An event this much older than the planning of its send is another mail's: a restored copy of the ledger gave its id
out a second time. Our choice: providers' clocks are right to seconds, a correspondent's may be off by summer time."""

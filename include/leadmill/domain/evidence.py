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
    EventKind.REJECTED: SendState.DROPPED,
    EventKind.OPTED_OUT_BEFORE: SendState.DROPPED,
    EventKind.COMPLAINED: SendState.COMPLAINED,
}
"""Kinds that are missing here (noted, unknown) prove nothing."""

SUPPRESSION_RANK: dict[str, int] = {"refuses_us": 1, "hard_bounced": 2, "unsubscribed": 3, "complained": 4}
"""Suppression reasons that come from events, the weightiest last: of several the weightiest stays."""

FOLLOW_UPS_STOP_ON = ("complained", "unsubscribed", "bounced", "dropped", "replied")
"""Why later steps are cancelled; an automatic reply is no reason (RFC 3834), nor is a bounce that may pass."""

SOFT_BOUNCE_DELAY = timedelta(weeks=1)
"""How much later the next mail goes to those whose mailbox was full, or whose server blocked us: once for each bounce.

Servers try for 4 to 5 days (RFC 5321 §4.5.4.1) before they give up; a week is past that, and keeps weekday and hour."""

CLOCKS_DIFFER_BY = timedelta(hours=1)
"""An event this much older than the planning of its send is another mail's: a restored copy of the ledger gave its id
out a second time. Our choice: providers' clocks are right to seconds, a correspondent's may be off by summer time."""

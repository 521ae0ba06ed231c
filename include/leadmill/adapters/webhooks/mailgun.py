"""Mailgun's webhooks; words are `event/severity/reason`. Source: Mailgun documentation, "Events" and "Webhooks"."""

from __future__ import annotations

from leadmill.adapters.webhooks.words import Meaning, Provider
from leadmill.domain.events import BounceKind, EventKind

WORDS = {
    "accepted": Meaning(EventKind.ACCEPTED),
    "delivered": Meaning(EventKind.DELIVERED),
    "opened": Meaning(EventKind.OPENED),
    "clicked": Meaning(EventKind.CLICKED),
    "unsubscribed": Meaning(EventKind.UNSUBSCRIBED),
    "complained": Meaning(EventKind.COMPLAINED),
    "rejected": Meaning(EventKind.REJECTED),
    "failed": Meaning(EventKind.BOUNCED, BounceKind.SOFT),
    "failed/permanent": Meaning(EventKind.BOUNCED, BounceKind.HARD),
    "failed/permanent/espblock": Meaning(EventKind.BOUNCED, BounceKind.BLOCKED),
    "failed/permanent/greylisted": Meaning(EventKind.BOUNCED, BounceKind.SOFT),
    "failed/permanent/old": Meaning(EventKind.BOUNCED, BounceKind.SOFT),  # retries ended
    "failed/permanent/suppress-bounce": Meaning(EventKind.REJECTED, BounceKind.HARD),
    "failed/permanent/suppress-unsubscribe": Meaning(EventKind.REJECTED, also=EventKind.OPTED_OUT_BEFORE),
    "failed/permanent/suppress-complaint": Meaning(EventKind.REJECTED, also=EventKind.OPTED_OUT_BEFORE),
    "failed/temporary": Meaning(EventKind.DEFERRED, BounceKind.SOFT),  # Mailgun goes on trying; permanent when it stops
}

MAILGUN = Provider(
    name="mailgun",
    words=WORDS,
    required=("event-data",),
    fields={
        "event-data": {
            "id": "VARCHAR",
            "event": "VARCHAR",
            "timestamp": "DOUBLE",
            "severity": "VARCHAR",
            "reason": "VARCHAR",
            "recipient": "VARCHAR",
            "ip": "VARCHAR",
            "url": "VARCHAR",
            "message": {"headers": {"message-id": "VARCHAR"}},
            "delivery-status": {"code": "VARCHAR", "enhanced-code": "VARCHAR", "message": "VARCHAR"},
            "client-info": {"bot": "VARCHAR", "user-agent": "VARCHAR"},
            "user-variables": {"send_id": "VARCHAR"},
        }
    },
)

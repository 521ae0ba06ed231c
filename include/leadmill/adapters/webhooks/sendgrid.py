"""SendGrid's Event Webhook; words are `event/bounce type`, `event/bounce_classification` or `event/drop reason`.

Source: Twilio SendGrid documentation, "Event Webhook reference".
"""

from __future__ import annotations

from leadmill.adapters.webhooks.words import Meaning, Provider
from leadmill.domain.events import BounceKind, EventKind

WORDS = {
    "processed": Meaning(EventKind.ACCEPTED),
    "delivered": Meaning(EventKind.DELIVERED),
    "deferred": Meaning(EventKind.DEFERRED),
    "open": Meaning(EventKind.OPENED),
    "click": Meaning(EventKind.CLICKED),
    "spamreport": Meaning(EventKind.COMPLAINED),
    "unsubscribe": Meaning(EventKind.UNSUBSCRIBED),
    "group_unsubscribe": Meaning(EventKind.UNSUBSCRIBED),
    "group_resubscribe": Meaning(EventKind.NOTED),  # a person opts in again with us, not by the provider's list
    "account_status_change": Meaning(EventKind.NOTED),
    "bounce": Meaning(EventKind.BOUNCED, BounceKind.HARD),  # only these go on SendGrid's own bounce list
    "bounce/blocked": Meaning(EventKind.BOUNCED, BounceKind.BLOCKED),
    "bounce/Invalid Address": Meaning(EventKind.BOUNCED, BounceKind.HARD),
    "bounce/Technical Failure": Meaning(EventKind.BOUNCED, BounceKind.SOFT),
    "bounce/Mailbox Unavailable": Meaning(EventKind.BOUNCED, BounceKind.SOFT),
    "bounce/Content": Meaning(EventKind.BOUNCED, BounceKind.BLOCKED),
    "bounce/Reputation": Meaning(EventKind.BOUNCED, BounceKind.BLOCKED),
    "bounce/Frequency or Volume Too High": Meaning(EventKind.BOUNCED, BounceKind.BLOCKED),
    "dropped": Meaning(EventKind.REJECTED),
    "dropped/Bounced Address": Meaning(EventKind.REJECTED, BounceKind.HARD),
    "dropped/Invalid": Meaning(EventKind.REJECTED, BounceKind.HARD),
    "dropped/Unsubscribed Address": Meaning(EventKind.REJECTED, also=EventKind.OPTED_OUT_BEFORE),
    "dropped/Spam Reporting Address": Meaning(EventKind.REJECTED, also=EventKind.OPTED_OUT_BEFORE),
}

_FIELDS = (
    "event",
    "timestamp",
    "sg_event_id",
    "sg_message_id",
    "send_id",
    "type",
    "bounce_classification",
    "reason",
    "status",
    "useragent",
    "ip",
    "url",
    "sg_machine_open",
    "email",
)

SENDGRID = Provider(name="sendgrid", words=WORDS, required=("event",), fields=dict.fromkeys(_FIELDS, "VARCHAR"))

"""Amazon SES: event publishing records and identity notifications, bare or wrapped by SNS, EventBridge or Firehose.

Source: Amazon SES developer guide, "Contents of event data"; words are `eventType/type/subtype`.
"""

from __future__ import annotations

from leadmill.adapters.webhooks.words import Meaning, Provider
from leadmill.domain.events import BounceKind, EventKind

WORDS = {
    "Send": Meaning(EventKind.ACCEPTED),
    "Delivery": Meaning(EventKind.DELIVERED),
    "DeliveryDelay": Meaning(EventKind.DEFERRED),
    "Open": Meaning(EventKind.OPENED),
    "Click": Meaning(EventKind.CLICKED),
    "Reject": Meaning(EventKind.REJECTED),
    "Rendering Failure": Meaning(EventKind.REJECTED),
    "Bounce": Meaning(EventKind.BOUNCED, BounceKind.SOFT),  # Undetermined: never suppress on a guess
    "Bounce/Permanent": Meaning(EventKind.BOUNCED, BounceKind.HARD),
    # SES did not try, because of its list: no bounce of ours, but the address stays left alone.
    "Bounce/Permanent/OnAccountSuppressionList": Meaning(EventKind.REJECTED, BounceKind.HARD),
    "Bounce/Permanent/UnsubscribedRecipient": Meaning(EventKind.REJECTED, also=EventKind.OPTED_OUT_BEFORE),
    "Bounce/Transient": Meaning(EventKind.BOUNCED, BounceKind.SOFT),
    "Bounce/Transient/ContentRejected": Meaning(EventKind.BOUNCED, BounceKind.BLOCKED),
    "Bounce/Transient/AttachmentRejected": Meaning(EventKind.BOUNCED, BounceKind.BLOCKED),
    # Out-of-office answers come as Transient/General too; a bounce has a status or a diagnostic text, they have none.
    "Bounce/Transient/General/no status": Meaning(EventKind.AUTO_REPLIED),
    "Complaint": Meaning(EventKind.COMPLAINED),
    "Complaint/OnAccountSuppressionList": Meaning(EventKind.REJECTED, also=EventKind.OPTED_OUT_BEFORE),
    "Complaint/not-spam": Meaning(EventKind.NOTED),
    "Complaint/auth-failure": Meaning(EventKind.NOTED),
    "Subscription": Meaning(EventKind.NOTED),
    "Subscription/unsubscribed": Meaning(EventKind.UNSUBSCRIBED),
}

_RECIPIENTS = [{"emailAddress": "VARCHAR", "status": "VARCHAR", "diagnosticCode": "VARCHAR"}]

SES = Provider(
    name="ses",
    words=WORDS,
    required=("eventType", "notificationType", "Message", "detail"),
    fields={
        "eventType": "VARCHAR",
        "notificationType": "VARCHAR",
        "Message": "VARCHAR",  # SNS's envelope holds the record as a text
        "detail": "VARCHAR",  # EventBridge's envelope holds it as an object
        "mail": {
            "timestamp": "TIMESTAMPTZ",
            "messageId": "VARCHAR",
            "destination": ["VARCHAR"],
            "tags": {"send_id": ["VARCHAR"]},
        },
        "bounce": {
            "bounceType": "VARCHAR",
            "bounceSubType": "VARCHAR",
            "timestamp": "TIMESTAMPTZ",
            "feedbackId": "VARCHAR",
            "bouncedRecipients": _RECIPIENTS,
        },
        "complaint": {
            "complaintSubType": "VARCHAR",
            "complaintFeedbackType": "VARCHAR",
            "timestamp": "TIMESTAMPTZ",
            "feedbackId": "VARCHAR",
            "complainedRecipients": [{"emailAddress": "VARCHAR"}],
        },
        "delivery": {"timestamp": "TIMESTAMPTZ", "recipients": ["VARCHAR"]},
        "open": {"timestamp": "TIMESTAMPTZ", "userAgent": "VARCHAR", "ipAddress": "VARCHAR"},
        "click": {"timestamp": "TIMESTAMPTZ", "userAgent": "VARCHAR", "ipAddress": "VARCHAR", "link": "VARCHAR"},
        "deliveryDelay": {"timestamp": "TIMESTAMPTZ", "delayedRecipients": _RECIPIENTS},
        "subscription": {"timestamp": "TIMESTAMPTZ", "newTopicPreferences": {"unsubscribeAll": "BOOLEAN"}},
    },
)

"""Postmark's webhooks; words are `RecordType/Type`. Source: Postmark documentation, "Webhooks" and "Bounce types"."""

from __future__ import annotations

from leadmill.adapters.webhooks.words import Meaning, Provider
from leadmill.domain.events import BounceKind, EventKind

WORDS = {
    "Delivery": Meaning(EventKind.DELIVERED),
    "Open": Meaning(EventKind.OPENED),
    "Click": Meaning(EventKind.CLICKED),
    "SpamComplaint": Meaning(EventKind.COMPLAINED),
    "Bounce": Meaning(EventKind.BOUNCED, BounceKind.SOFT),
    "Bounce/HardBounce": Meaning(EventKind.BOUNCED, BounceKind.HARD),
    "Bounce/BadEmailAddress": Meaning(EventKind.BOUNCED, BounceKind.HARD),
    "Bounce/SoftBounce": Meaning(EventKind.BOUNCED, BounceKind.SOFT),
    "Bounce/Transient": Meaning(EventKind.DEFERRED),
    "Bounce/DnsError": Meaning(EventKind.BOUNCED, BounceKind.SOFT),
    "Bounce/Blocked": Meaning(EventKind.BOUNCED, BounceKind.BLOCKED),
    "Bounce/ISPBlock": Meaning(EventKind.BOUNCED, BounceKind.BLOCKED),
    "Bounce/SpamNotification": Meaning(EventKind.BOUNCED, BounceKind.BLOCKED),
    "Bounce/SpamComplaint": Meaning(EventKind.COMPLAINED),
    "Bounce/AutoResponder": Meaning(EventKind.AUTO_REPLIED),
    "Bounce/ChallengeVerification": Meaning(EventKind.AUTO_REPLIED),
    "Bounce/AddressChange": Meaning(EventKind.AUTO_REPLIED),
    "Bounce/Unsubscribe": Meaning(EventKind.UNSUBSCRIBED),
    "Bounce/ManuallyDeactivated": Meaning(EventKind.REJECTED),
    "SubscriptionChange": Meaning(EventKind.NOTED),
    "SubscriptionChange/HardBounce": Meaning(EventKind.BOUNCED, BounceKind.HARD),
    "SubscriptionChange/SpamComplaint": Meaning(EventKind.COMPLAINED),
    "SubscriptionChange/ManualSuppression": Meaning(EventKind.UNSUBSCRIBED),
}

POSTMARK = Provider(
    name="postmark",
    words=WORDS,
    required=("RecordType",),
    fields={
        "RecordType": "VARCHAR",
        "ID": "VARCHAR",
        "Type": "VARCHAR",
        "MessageID": "VARCHAR",
        "Metadata": {"send_id": "VARCHAR"},
        "Details": "VARCHAR",
        "BouncedAt": "TIMESTAMPTZ",
        "DeliveredAt": "TIMESTAMPTZ",
        "ReceivedAt": "TIMESTAMPTZ",
        "ChangedAt": "TIMESTAMPTZ",
        "SuppressSending": "BOOLEAN",
        "SuppressionReason": "VARCHAR",
        "UserAgent": "VARCHAR",
        "OriginalLink": "VARCHAR",
        "Geo": {"IP": "VARCHAR"},
    },
)

"""One event model over every provider."""

from __future__ import annotations

from enum import StrEnum


class EventKind(StrEnum):
    """What happened to a message; each provider's words are translated to these by a table."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    REJECTED = "rejected"  # the provider dropped it before trying
    OPTED_OUT_BEFORE = "opted_out_before"  # and said why: this person had left, or complained, in an earlier mail
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    OPENED = "opened"
    CLICKED = "clicked"
    REPLIED = "replied"
    AUTO_REPLIED = "auto_replied"
    NOTED = "noted"  # a word we know that changes nothing, such as a "this is not spam" report
    UNKNOWN = "unknown"  # a word we do not know: kept and counted


class BounceKind(StrEnum):
    """Hard: the address is dead. Soft: try later. Blocked: the sender or content was refused, not the address.

    Refuses us: a closed group or restricted mailbox; it is left out, and speaks neither against sender nor content.
    """

    HARD = "hard"
    SOFT = "soft"
    BLOCKED = "blocked"
    REFUSES_US = "refuses_us"

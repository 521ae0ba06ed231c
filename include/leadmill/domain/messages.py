"""What we hand to a provider, and what it says of each message."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One rendered mail for one recipient.

    `headers` holds the extra headers (List-Unsubscribe, List-Unsubscribe-Post, Feedback-ID …), never CR or LF.
    `message_id` is the full Message-ID with angle brackets, on our own domain, and carries the send id.
    `tags` travel as SES tags or SendGrid custom args; no personal data in them.
    """

    send_id: int
    sender_address: str
    sender_name: str
    recipient: str
    subject: str
    text: str
    html: str
    message_id: str
    reply_to: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    tags: dict[str, str] = field(default_factory=dict)


class Fault(StrEnum):
    """Whose fault a refusal is: it decides what happens next."""

    ADDRESS = "address"  # the recipient does not exist: suppress
    MESSAGE = "message"  # this content was refused: stop the campaign's content
    SENDER = "sender"  # our authentication or reputation: pause the sender
    MOMENT = "moment"  # try again later


class ReceiptStatus(StrEnum):
    """What a hand-over came to."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    AMBIGUOUS = "ambiguous"  # handed over, the answer never came: never retried by itself


@dataclass(frozen=True, slots=True)
class Receipt:
    """A provider's answer for one send."""

    send_id: int
    status: ReceiptStatus
    provider_message_id: str = ""
    fault: Fault | None = None
    code: str = ""  # "550 5.1.1", "MessageRejected": never free text with an address in it
    retry_after: datetime | None = None

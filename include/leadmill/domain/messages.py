"""What we hand to a provider, and what it says of each message."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

Part = tuple[str | int, ...]
"""A subject or a body: literal text, and the numbers of the slots between it."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with every mail of a variant; `name` is a file name without a path."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Frame:
    """What all mails of one variant share; what differs from one to the next stands in their `values`.

    Frames are equal only to themselves: a provider's template, or the encoded form of the shared text, is made once
    per frame and found again by it. A slot may stand in several places.
    """

    subject: Part
    text: Part
    html: Part
    attachments: tuple[Attachment, ...] = ()

    @classmethod
    def of(cls, subject: str, text: str, html: str, attachments: tuple[Attachment, ...] = ()) -> Frame:
        """A frame without slots, for a mail that shares nothing."""
        return cls((subject,), (text,), (html,), attachments)

    def slots(self) -> Iterator[int]:
        """The numbers of the slots, as often as they stand in the three parts."""
        for part in (self.subject, self.text, self.html):
            yield from (piece for piece in part if isinstance(piece, int))


@dataclass(slots=True)
class OutgoingMessage:
    """One rendered mail for one recipient; nobody changes it (freezing it would take as long as its MIME's headers).

    But for `is_recalled`: whoever hands it over looks at that last, and says `RECALLED` instead.

    `values[k]` is the text of slot k of the frame exactly as it stands in the part (escaped where that is HTML).
    `headers` holds the extra headers (List-Unsubscribe, List-Unsubscribe-Post, Feedback-ID …), never CR or LF.
    `message_id` is the full Message-ID with angle brackets, on our own domain, and carries the send id.
    `tags` travel as SES tags or SendGrid custom args; no personal data in them.
    """

    send_id: int
    sender_address: str
    sender_name: str
    recipient: str
    frame: Frame
    values: tuple[str, ...]
    message_id: str
    reply_to: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    is_recalled: bool = False

    @property
    def subject(self) -> str:
        """The subject with this recipient's values filled in."""
        return self.filled(self.frame.subject)

    @property
    def text(self) -> str:
        """The text body with this recipient's values filled in."""
        return self.filled(self.frame.text)

    @property
    def html(self) -> str:
        """The HTML body with this recipient's values filled in."""
        return self.filled(self.frame.html)

    def filled(self, part: Part) -> str:
        """A part of the frame with this recipient's values in their slots."""
        values = self.values
        return "".join([piece if isinstance(piece, str) else values[piece] for piece in part])


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
    RECALLED = "recalled"  # taken back before it was handed over


class Receipt(NamedTuple):
    """A provider's answer for one send."""

    send_id: int
    status: ReceiptStatus
    provider_message_id: str = ""
    fault: Fault | None = None
    code: str = ""  # "550 5.1.1", "MessageRejected": never free text with an address in it
    retry_after: datetime | None = None
    is_unknown: bool = False  # no table of ours knows the code: the adapter judged by its class alone
    is_about_server: bool = False  # the answer speaks of the server, or of us, and of no recipient

"""What a connection carries and how it ends: the words between pipeline, delivery and pool."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from leadmill.domain.messages import OutgoingMessage


class Ending(Enum):
    """How a connection's part in a delivery ended."""

    DONE = auto()  # no more mails for it; it may be used again
    FULL = auto()  # it carried its share
    LOST = auto()  # it broke, and no mail is in doubt
    SILENT = auto()  # it gave no answer in time, and no mail is in doubt
    IN_DOUBT = auto()  # it ended between a mail's dot and the answer
    BROKEN_OFF = auto()  # it broke at its first mail, between the recipient and the text; the mail was told of


class At(Enum):
    """What a refusal answered: whom it can be about."""

    SENDER = auto()  # RSET or MAIL FROM: neither recipient nor text is known yet
    RECIPIENT = auto()  # RCPT TO
    TEXT = auto()  # DATA, or the final dot


@dataclass(frozen=True, slots=True)
class TimeOuts:
    """Seconds to wait for a reply to a command, and to the final dot."""

    command: float
    final: float


@dataclass(slots=True)
class Mail:
    """One mail on its way. `text` ends by CRLF and holds no line that starts with a single dot.

    `asked_at` is when it was taken up, on the loop's clock. `refusal`: code, text and what it answered.
    """

    send_id: int
    sender: bytes
    recipient: bytes
    text: bytes
    asked_at: float = 0.0
    sender_accepted: bool = False
    recipient_accepted: bool = False
    refusal: tuple[int, bytes, At] | None = None
    message: OutgoingMessage | None = None

    @property
    def is_recalled(self) -> bool:
        """Whether it was taken back since it was rendered."""
        return self.message is not None and self.message.is_recalled


class Feed(Protocol):
    """Where a connection gets its mails, and tells what became of them."""

    def next(self) -> Mail | None:
        """The next mail; None when there is none, or nothing more may be handed over."""
        ...

    def may_hand_over(self, mail: Mail) -> bool:
        """Whether the mail's text may still go out."""
        ...

    def accepted(self, mail: Mail, text: bytes) -> None:
        """The server took it."""
        ...

    def refused(self, mail: Mail, code: int, text: bytes, *, at: At) -> None:
        """The server did not take it."""
        ...

    def in_doubt(self, mail: Mail) -> None:
        """Nobody knows whether the server took it."""
        ...

    def give_back(self, mail: Mail) -> None:
        """It was not handed over."""
        ...

    def broken_off(self, mail: Mail) -> None:
        """The server broke off when it heard the mail's recipient; it was not handed over."""
        ...

    def broke(self, error: Exception) -> None:
        """A defect of ours came up; the connection was ended."""
        ...

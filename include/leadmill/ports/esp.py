"""Email service providers as dispatch sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from leadmill.domain.messages import OutgoingMessage, Receipt


class Esp(Protocol):
    """An email service provider, or an SMTP server that plays one.

    One object serves one mailbox and one thread at a time.
    """

    name: str

    def send(self, messages: Sequence[OutgoingMessage]) -> Iterator[Receipt]:
        """Hand messages over and say for each, as soon as it is known, whether it was accepted.

        A message that may have been handed over always gets a receipt, `AMBIGUOUS` where the answer never came. So when
        one of the errors below is raised, the messages without a receipt were not handed over. After an ambiguous one
        nothing further is handed over: `ProviderUnavailable` follows.

        Raises:
            ProviderThrottled: The provider asks to wait; names the message that met it where it answered to one.
            ProviderUnavailable: No connection, or the provider failed before it took anything.
            CredentialsRejected: The log-in was refused.
            SenderSuspended: The provider stopped this account or sender.
        """
        ...

    def close(self) -> None:
        """End the connection, if there is one."""
        ...


@dataclass(frozen=True, slots=True)
class Channel:
    """What it takes to send as one mailbox; `secret_ref` names where the secret is, never the secret itself."""

    mailbox_id: int
    provider: str
    config: Mapping[str, object] = field(default_factory=dict)
    user_name: str = ""
    secret_ref: str = ""


class Esps(Protocol):
    """Opens the provider of a channel."""

    def open(self, channel: Channel, *, date: datetime) -> Esp:
        """The channel's provider; nothing is connected yet.

        Args:
            channel: Which mailbox sends, and how.
            date: The `Date` of the mails, aware UTC.

        Raises:
            ConfigInvalid: The channel's configuration or its secret is missing or makes no sense.
        """
        ...

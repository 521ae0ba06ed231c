"""Email service providers as dispatch sees them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from leadmill.domain.dkim import DkimKeyRef
from leadmill.domain.messages import OutgoingMessage, Receipt


class Esp(Protocol):
    """An email service provider, or an SMTP server that plays one.

    One object serves one mailbox, one event loop, and one `send` at a time. `batch_size` is how many messages one
    `send` should get.
    """

    name: str
    batch_size: int

    def send(self, messages: Iterable[OutgoingMessage]) -> AsyncIterator[Receipt]:
        """Hand messages over and say for each, as soon as it is known, whether it was accepted.

        `messages` may be lazy: it is iterated once, in the event loop's thread, each message only when the provider can
        take it soon. Nothing is connected for no messages. Receipts may come in another order than messages.

        A message whose `is_recalled` is set while it waits is not handed over, and gets the receipt `RECALLED`.

        A message that may have been handed over always gets a receipt, `AMBIGUOUS` where the answer never came. So when
        one of the errors below is raised, the messages without a receipt were not handed over. After an ambiguous one
        nothing further is handed over: `ProviderUnavailable` follows.

        Raises:
            ProviderThrottled: The provider asks to wait; names the message that met it where it answered to one.
            ProviderUnavailable: No connection, or the provider failed before it took anything.
            CredentialsRejected: The log-in was refused.
            SenderSuspended: The provider stopped this account or sender.
            ConfigInvalid: The channel cannot work as it is set up.
            SendingBroke: A defect of ours, of which the promise above still holds. Any other exception is a defect
                after which whatever was iterated and has no receipt may have been handed over.
        """
        ...

    async def close(self) -> None:
        """End the connections, if there are any."""
        ...


class BlockingEsp(Protocol):
    """A provider whose client blocks (an SDK); `adapters.esp.blocking.InThread` makes an `Esp` of one.

    One object serves one mailbox and one thread at a time; the promises and errors are those of `Esp.send`. Its
    connections are its account's, which other mailboxes use too: there is nothing to close.
    """

    name: str
    batch_size: int

    def send(self, messages: Sequence[OutgoingMessage]) -> Iterator[Receipt]:
        """Hand messages over and say for each, as soon as it is known, whether it was accepted."""
        ...


@dataclass(frozen=True, slots=True)
class Channel:
    """What it takes to send as one mailbox; `secret_ref` names where the secret is, never the secret itself.

    `dkim_keys` are those of the sending domain `domain`; who signs its mails otherwise needs none.
    """

    mailbox_id: int
    provider: str
    config: Mapping[str, object] = field(default_factory=dict)
    user_name: str = ""
    secret_ref: str = ""
    domain: str = ""
    dkim_keys: tuple[DkimKeyRef, ...] = ()

    @property
    def name(self) -> str:
        """How errors and logs begin that are about it: no address, which logs must not hold."""
        return f"Mailbox {self.mailbox_id}"


class ProviderSettings(Protocol):
    """Knows the settings of each provider's accounts."""

    def require_settings(self, provider: str, config: Mapping[str, object]) -> None:
        """Pass where every setting is one of the provider's and of its kind.

        Raises:
            ConfigInvalid: Names the setting that is unknown, missing or of another kind.
        """
        ...


def without_channel_name(said: str) -> str:
    """What an error says of a channel, for people who see beside it which mailbox or account it is about."""
    return _CHANNEL_NAME.sub("", said)


_CHANNEL_NAME = re.compile(r"^Mailbox \d+: ")


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

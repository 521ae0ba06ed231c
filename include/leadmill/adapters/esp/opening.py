"""Opens the provider of a mailbox's channel from its account's settings: `ports.esp.Esps`, `ProviderSettings`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Protocol

from leadmill.adapters.content.dkim import DkimSigner
from leadmill.adapters.content.dkim_keys import DkimSigners
from leadmill.adapters.esp.blocking import InThread
from leadmill.adapters.esp.opening_apis import OpenApis
from leadmill.adapters.esp.opening_smtp import OpenSmtp
from leadmill.adapters.esp.settings import require_settings
from leadmill.domain.messages import OutgoingMessage
from leadmill.errors import ConfigInvalid
from leadmill.ports.esp import Channel, Esp


class ToBytes(Protocol):
    """Serialises a mail."""

    def __call__(self, message: OutgoingMessage, *, date: datetime, signer: DkimSigner | None = None) -> bytes:
        """The mail as RFC 5322 bytes with CRLF line ends; signed where there is a signer."""
        ...


class OpenEsps:
    """One factory a process."""

    def __init__(self, to_bytes: ToBytes) -> None:
        self._to_bytes = to_bytes
        self._smtp = OpenSmtp()
        self._signers = DkimSigners()
        self.apis = OpenApis()

    def open(self, channel: Channel, *, date: datetime) -> Esp:
        if channel.provider == "smtp":
            return self._smtp.smtp(channel, partial(self._to_bytes, date=date, signer=self._signer(channel)))
        openers = {
            "ses": self.apis.ses,
            "sendgrid": self.apis.sendgrid,
            "mailgun": self.apis.mailgun,
            "postmark": self.apis.postmark,
        }
        if channel.provider not in openers:
            raise ConfigInvalid(f"{channel.name}: there is no provider {channel.provider!r}.")
        return InThread(openers[channel.provider](channel, partial(self._to_bytes, date=date), date))

    def require_settings(self, provider: str, config: Mapping[str, object]) -> None:
        require_settings(provider, config)

    def _signer(self, channel: Channel) -> DkimSigner | None:
        """Our signature, where the server is our own: the services that presets name sign with keys of theirs."""
        if channel.config.get("preset", "plain") != "plain":
            return None
        return self._signers.signer(channel.domain, channel.dkim_keys)

"""Opens the provider of a mailbox's channel from its account's configuration: `ports.esp.Esps`."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from leadmill.adapters.esp.config_values import number_of, one_of, text_of
from leadmill.adapters.esp.secret_refs import resolve_secret
from leadmill.domain.messages import OutgoingMessage
from leadmill.errors import ConfigInvalid
from leadmill.ports.esp import Channel, Esp

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

DEFAULT_TIMEOUT_SECONDS = 60.0
"""For each network step. RFC 5321 §4.5.3.2 asks for more (10 minutes after the final dot), a lane's minute for less;
an answer that comes later leaves a doubt, never a second copy."""

_SES_CONNECTIONS = 16


class ToBytes(Protocol):
    """Serialises a mail."""

    def __call__(self, message: OutgoingMessage, *, date: datetime) -> bytes:
        """The mail as RFC 5322 bytes with CRLF line ends."""
        ...


class OpenEsps:
    """One factory a process; SES clients are shared by all mailboxes of the same account."""

    def __init__(self, to_bytes: ToBytes) -> None:
        self._to_bytes = to_bytes
        self._ses_clients: dict[tuple[str, str, str], SESV2Client] = {}
        self._lock = Lock()

    def open(self, channel: Channel, *, date: datetime) -> Esp:
        openers: dict[str, Callable[[Channel, datetime], Esp]] = {
            "smtp": self._smtp,
            "ses": self._ses,
            "sendgrid": self._sendgrid,
        }
        if channel.provider not in openers:
            raise ConfigInvalid(f"Mailbox {channel.mailbox_id}: there is no provider {channel.provider!r}.")
        return openers[channel.provider](channel, date)

    def _smtp(self, channel: Channel, date: datetime) -> Esp:
        from leadmill.adapters.esp.smtp import PRESETS, SmtpEsp, SmtpOptions
        from leadmill.adapters.esp.smtp_session import SmtpServer

        config = channel.config
        tls = one_of(config, "tls", ("starttls", "implicit", "auto", "none"))
        server = SmtpServer(
            host=text_of(config, "host"),
            port=int(number_of(config, "port", 465 if tls == "implicit" else 587)),
            tls=tls,
            timeout_seconds=number_of(config, "timeout_seconds", DEFAULT_TIMEOUT_SECONDS),
            auth=one_of(config, "auth", ("", "PLAIN", "LOGIN")),
            helo=text_of(config, "helo"),
            ca_file=text_of(config, "ca_file"),
        )
        if not server.host:
            raise ConfigInvalid(f"Mailbox {channel.mailbox_id}: its account's config names no SMTP host.")
        options = SmtpOptions(
            preset=one_of(config, "preset", PRESETS),
            configuration_set=text_of(config, "configuration_set"),
            messages_per_connection=int(number_of(config, "messages_per_connection", 100)),
        )
        user_name = channel.user_name or text_of(config, "user_name")
        if user_name and tls == "none" and not _is_loopback(server.host):
            raise ConfigInvalid(f"Mailbox {channel.mailbox_id}: a log-in without TLS would show its password.")
        return SmtpEsp(
            server,
            options,
            user_name=user_name,
            secret=lambda: resolve_secret(channel.secret_ref),
            to_bytes=partial(self._to_bytes, date=date),
            lane_of=f"Mailbox {channel.mailbox_id}",
        )

    def _ses(self, channel: Channel, date: datetime) -> Esp:
        from leadmill.adapters.esp.ses import SesEsp

        return SesEsp(
            partial(self._ses_client, channel),
            configuration_set=text_of(channel.config, "configuration_set"),
            to_bytes=partial(self._to_bytes, date=date),
            lane_of=f"Mailbox {channel.mailbox_id}",
        )

    def _ses_client(self, channel: Channel) -> SESV2Client:
        from leadmill.adapters.esp.ses import ses_client

        region, endpoint = text_of(channel.config, "region", "us-east-1"), text_of(channel.config, "endpoint")
        key = (region, endpoint, channel.secret_ref)
        with self._lock:
            if key not in self._ses_clients:
                self._ses_clients[key] = ses_client(
                    region=region,
                    endpoint_url=endpoint or None,
                    secret=resolve_secret(channel.secret_ref),
                    timeout_seconds=number_of(channel.config, "timeout_seconds", DEFAULT_TIMEOUT_SECONDS),
                    connections=_SES_CONNECTIONS,
                )
            return self._ses_clients[key]

    def _sendgrid(self, channel: Channel, date: datetime) -> Esp:
        from leadmill.adapters.esp.sendgrid import DEFAULT_HOST, SendGridEsp

        if not channel.secret_ref:
            raise ConfigInvalid(f"Mailbox {channel.mailbox_id}: a SendGrid account needs a secret_ref to its API key.")
        opened = time.monotonic()
        return SendGridEsp(
            lambda: resolve_secret(channel.secret_ref),
            host=text_of(channel.config, "host", DEFAULT_HOST),
            timeout_seconds=number_of(channel.config, "timeout_seconds", DEFAULT_TIMEOUT_SECONDS),
            now=lambda: date + timedelta(seconds=time.monotonic() - opened),
            sandbox=channel.config.get("sandbox") is True,
            lane_of=f"Mailbox {channel.mailbox_id}",
        )


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "127.0.0.1", "::1"}

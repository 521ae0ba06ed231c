"""Opens the providers with an HTTPS API; clients and rate windows are shared by all mailboxes of an account."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from leadmill.adapters.esp.config_values import api_address, number_of, text_of
from leadmill.adapters.esp.http_answers import RateWindow
from leadmill.adapters.esp.https import HttpsClient
from leadmill.adapters.esp.secret_refs import resolve_secret
from leadmill.domain.messages import OutgoingMessage
from leadmill.errors import ConfigInvalid
from leadmill.ports.esp import BlockingEsp, Channel

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

    from leadmill.adapters.esp.api_channel import ApiChannel

Config = Mapping[str, object]
ToMail = Callable[[OutgoingMessage], bytes]

DEFAULT_TIMEOUT_SECONDS = 60.0
_CONNECTIONS = 16


class OpenApis:
    """One a process."""

    def __init__(self) -> None:
        self._ses_clients: dict[tuple[object, ...], SESV2Client] = {}
        self._https_accounts: dict[tuple[object, ...], tuple[HttpsClient, RateWindow]] = {}
        self._lock = Lock()

    def ses(self, channel: Channel, to_bytes: ToMail, _: datetime) -> BlockingEsp:
        """Amazon SES."""
        from leadmill.adapters.esp.ses import SesEsp, SesOptions

        config = channel.config
        options = SesOptions(
            configuration_set=text_of(config, "configuration_set"),
            tenant=text_of(config, "tenant"),
            bulk=config.get("bulk") is not False,
            batch_size=_batch_size(config, SesOptions().batch_size),
        )
        client = partial(self.ses_client, config, channel.secret_ref)
        return SesEsp(client, options, to_bytes=to_bytes, lane_of=channel.name)

    def ses_client(self, config: Config, secret_ref: str) -> SESV2Client:
        """boto3's client of an account."""
        from leadmill.adapters.esp.ses_client import ses_client

        region, endpoint = text_of(config, "region", "us-east-1"), api_address(config, "endpoint")
        timeout_seconds = number_of(config, "timeout_seconds", DEFAULT_TIMEOUT_SECONDS)
        key = (region, endpoint, secret_ref, timeout_seconds)
        with self._lock:
            if key not in self._ses_clients:
                self._ses_clients[key] = ses_client(
                    region=region,
                    endpoint_url=endpoint or None,
                    secret=resolve_secret(secret_ref),
                    timeout_seconds=timeout_seconds,
                    connections=_CONNECTIONS,
                )
            return self._ses_clients[key]

    def sendgrid(self, channel: Channel, _: ToMail, date: datetime) -> BlockingEsp:
        """SendGrid's v3 API."""
        from leadmill.adapters.esp.sendgrid import DEFAULT_HOST, SendGridEsp, SendGridOptions

        options = SendGridOptions(
            sandbox=channel.config.get("sandbox") is True,
            batch_size=_batch_size(channel.config, SendGridOptions().batch_size),
        )
        return SendGridEsp(self._channel(channel, "SendGrid", DEFAULT_HOST, date), options)

    def mailgun(self, channel: Channel, to_bytes: ToMail, date: datetime) -> BlockingEsp:
        """Mailgun's v3 API."""
        from leadmill.adapters.esp.mailgun import DEFAULT_HOST, MailgunEsp, MailgunOptions

        options = MailgunOptions(
            domain=text_of(channel.config, "domain"),
            sandbox=channel.config.get("sandbox") is True,
            bulk=channel.config.get("bulk") is not False,
            batch_size=_batch_size(channel.config, MailgunOptions().batch_size),
        )
        return MailgunEsp(self._channel(channel, "Mailgun", DEFAULT_HOST, date), options, to_bytes=to_bytes)

    def postmark(self, channel: Channel, _: ToMail, date: datetime) -> BlockingEsp:
        """Postmark's API."""
        from leadmill.adapters.esp.postmark import DEFAULT_HOST, DEFAULT_STREAM, PostmarkEsp, PostmarkOptions

        options = PostmarkOptions(
            stream=text_of(channel.config, "stream", DEFAULT_STREAM),
            sandbox=channel.config.get("sandbox") is True,
            batch_size=_batch_size(channel.config, PostmarkOptions().batch_size),
        )
        return PostmarkEsp(self._channel(channel, "Postmark", DEFAULT_HOST, date), options)

    def _channel(self, channel: Channel, provider: str, default_host: str, date: datetime) -> ApiChannel:
        from leadmill.adapters.esp.api_channel import ApiChannel

        if not channel.secret_ref and channel.config.get("sandbox") is not True:
            raise ConfigInvalid(f"{channel.name}: a {provider} account needs a secret_ref to its API key.")
        host = api_address(channel.config, "host", default_host)
        timeout_seconds = number_of(channel.config, "timeout_seconds", DEFAULT_TIMEOUT_SECONDS)
        key = (provider, host, channel.secret_ref, timeout_seconds)
        with self._lock:
            if key not in self._https_accounts:
                client = HttpsClient(host, timeout_seconds=timeout_seconds, connections=_CONNECTIONS)
                self._https_accounts[key] = client, RateWindow()
            client, window = self._https_accounts[key]
        opened = time.monotonic()
        return ApiChannel(
            provider,
            client,
            window,
            secret=lambda: resolve_secret(channel.secret_ref),
            unix_now=lambda: date.timestamp() + time.monotonic() - opened,
            lane_of=channel.name,
        )


def _batch_size(config: Config, most: int) -> int:
    """How many messages one `send` gets: the provider's most, or fewer where the setting says so."""
    return min(most, max(1, int(number_of(config, "batch_size", most))))

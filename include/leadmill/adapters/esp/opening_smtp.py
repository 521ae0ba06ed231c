"""Opens SMTP for a mailbox: its account's config, over the values of the preset that the config names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from leadmill.adapters.esp.config_values import is_loopback, number_of, one_of, text_of
from leadmill.adapters.esp.oauth import AccessTokens, TokenEndpoint
from leadmill.adapters.esp.secret_refs import resolve_secret
from leadmill.adapters.esp.smtp import SmtpEsp, SmtpOptions
from leadmill.adapters.esp.smtp_auth import PASSWORD_MECHANISMS, XOAUTH2
from leadmill.adapters.esp.smtp_session import Secret, SmtpServer
from leadmill.domain.messages import OutgoingMessage
from leadmill.domain.smtp_presets import PRESETS, Preset
from leadmill.errors import ConfigInvalid
from leadmill.ports.esp import Channel

DEFAULT_TIMEOUT_SECONDS = 60.0
DEFAULT_FINAL_TIMEOUT_SECONDS = 120.0
"""For each command, and for the answer to the final dot. RFC 5321 §4.5.3.2 asks for 5 and 10 minutes, a lane's minute
for less; an answer that comes later leaves a doubt, never a second copy."""

_TLS = ("starttls", "implicit", "auto", "none")
_LAST_PORT = 65_535
_BATCH_SIZE = 1_000
"""Mails are taken up one by one, so a large batch costs nothing; at its end every connection has to run dry."""


class OpenSmtp:
    """One a process: access tokens are shared by its lanes and mailboxes."""

    def __init__(self) -> None:
        self._tokens = AccessTokens()

    def smtp(self, channel: Channel, to_bytes: Callable[[OutgoingMessage], bytes]) -> SmtpEsp:
        """The channel's provider; nothing is connected yet.

        Raises:
            ConfigInvalid: The configuration makes no sense.
        """
        config, lane_of = channel.config, channel.name
        preset = PRESETS[one_of(config, "preset", tuple(PRESETS))]
        server = _server(config, preset, lane_of)
        user_name = channel.user_name or text_of(config, "user_name")
        if user_name and server.tls in {"none", "auto"} and not is_loopback(server.host):
            raise ConfigInvalid(f"{lane_of}: a log-in without TLS would show its password; set tls to starttls.")
        return SmtpEsp(
            server,
            _options(config, preset),
            user_name=user_name,
            secret=self._secret(channel, server, preset, lane_of),
            to_bytes=to_bytes,
            lane_of=lane_of,
            batch_size=int(number_of(config, "batch_size", _BATCH_SIZE)),
        )

    def _secret(self, channel: Channel, server: SmtpServer, preset: Preset, lane_of: str) -> Secret:
        """Reads the password, or gets an access token, each time a connection opens."""

        def stored() -> str:
            return resolve_secret(channel.secret_ref)

        if server.auth != XOAUTH2:

            async def password(_: bool) -> str:  # noqa: FBT001 - the shape of `Secret`
                return stored()

            return password
        endpoint = TokenEndpoint(
            text_of(channel.config, "oauth_endpoint", preset.oauth_endpoint),
            text_of(channel.config, "oauth_scope", preset.oauth_scope),
        )

        async def access_token(anew: bool) -> str:  # noqa: FBT001 - the shape of `Secret`
            return await self._tokens.token(stored, endpoint, anew=anew, lane_of=lane_of)

        return access_token


def require_server(config: Mapping[str, object]) -> None:
    """Pass where an account's settings name a server and how to speak to it. Raises `ConfigInvalid`."""
    preset = PRESETS[one_of(config, "preset", tuple(PRESETS))]
    _server(config, preset, "The account")
    _options(config, preset)


def _port(number: float) -> int:
    if number > _LAST_PORT or number != int(number):
        raise ConfigInvalid(f"The provider setting 'port' must be a whole number from 1 to {_LAST_PORT}.")
    return int(number)


def _server(config: Mapping[str, object], preset: Preset, lane_of: str) -> SmtpServer:
    tls = one_of(config, "tls", (preset.tls, *(word for word in _TLS if word != preset.tls)))
    region = text_of(config, "region")
    named = preset.host.format(region=region) if region or "{" not in preset.host else ""
    host = text_of(config, "host", named)
    if not host:
        missing = "region" if "{" in preset.host else "host"
        raise ConfigInvalid(f"{lane_of}: the account's settings name no SMTP {missing}.")
    mechanisms = (*PASSWORD_MECHANISMS, XOAUTH2, "")
    return SmtpServer(
        host=host,
        port=_port(number_of(config, "port", 465 if tls == "implicit" else preset.port)),
        tls=tls,
        timeout_seconds=number_of(config, "timeout_seconds", DEFAULT_TIMEOUT_SECONDS),
        auth=one_of(config, "auth", (preset.auth, *(name for name in mechanisms if name != preset.auth))),
        helo=text_of(config, "helo"),
        ca_file=text_of(config, "ca_file"),
    )


def _options(config: Mapping[str, object], preset: Preset) -> SmtpOptions:
    final = number_of(config, "timeout_seconds", DEFAULT_FINAL_TIMEOUT_SECONDS)
    return SmtpOptions(
        preset=preset,
        configuration_set=text_of(config, "configuration_set"),
        connections=int(number_of(config, "connections", preset.connections)),
        messages_per_connection=int(number_of(config, "messages_per_connection", preset.messages_per_connection)),
        final_timeout_seconds=number_of(config, "final_timeout_seconds", final),
    )

"""Opens an SMTP connection: greeting, EHLO, TLS, log-in."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache

from leadmill.adapters.esp.smtp_auth import XOAUTH2, chosen_mechanism, log_in
from leadmill.adapters.esp.smtp_wire import Wire, WireBroke
from leadmill.errors import ConfigInvalid, CredentialsRejected, ProviderUnavailable

_READY = 220
_OK = 250
_UNKNOWN_COMMAND = range(500, 600)
_GOODBYE_SECONDS = 2.0

Secret = Callable[[bool], Awaitable[str]]
"""Gives the password or access token; True asks for a new one, since the last was refused."""


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where and how to connect.

    `tls`: "starttls" (required), "auto" (STARTTLS where offered), "implicit", or "none". `timeout_seconds` holds for
    each step. `auth` forces a mechanism; empty takes the best the server offers for a password.
    """

    host: str
    port: int
    tls: str
    timeout_seconds: float
    auth: str = ""
    helo: str = ""
    ca_file: str = ""


async def open_session(server: SmtpServer, *, user_name: str, secret: Secret, lane_of: str) -> Wire:
    """An open, encrypted (where asked), logged-in connection; `extensions` holds what its last EHLO offered.

    Raises:
        ProviderUnavailable: No connection, or the server is not ready.
        ProviderThrottled: It asks to come back later.
        CredentialsRejected: It refused the log-in.
        ConfigInvalid: TLS or log-in is required, but not offered, or the certificate is not trusted.
    """
    wire = await _connected(server, lane_of)
    try:
        await _greeted(wire, server, lane_of)
        if server.tls in {"starttls", "auto"}:
            await _secured(wire, server, lane_of)
        if user_name:
            await _logged_in(wire, server, user_name, secret, lane_of)
    except BaseException:
        wire.break_off()
        raise
    return wire


async def hang_up(wire: Wire) -> None:
    """Say goodbye where that still works, and close."""
    with contextlib.suppress(WireBroke, TimeoutError, OSError):
        await wire.ask(b"QUIT\r\n", within_seconds=_GOODBYE_SECONDS)
    wire.break_off()


async def _connected(server: SmtpServer, lane_of: str) -> Wire:
    context = _context(server.ca_file) if server.tls == "implicit" else None
    try:
        async with asyncio.timeout(server.timeout_seconds):
            _, wire = await asyncio.get_running_loop().create_connection(
                Wire, server.host, server.port, ssl=context, server_hostname=server.host if context else None
            )
    except ssl.SSLCertVerificationError as error:
        raise _untrusted(lane_of) from error
    except (OSError, TimeoutError) as error:
        raise ProviderUnavailable(f"{lane_of}: no connection to the mail server ({_why(error)}).") from error
    return wire


def _why(error: Exception) -> str:
    """Why there is no connection, for people."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens at its port"
    if isinstance(error, socket.gaierror):
        return "no address is known for its name"
    if isinstance(error, WireBroke):
        return "it broke off"
    return (getattr(error, "strerror", None) or "none of its addresses answers").lower()


async def _greeted(wire: Wire, server: SmtpServer, lane_of: str) -> None:
    try:
        code, _ = await wire.ask(b"", within_seconds=server.timeout_seconds)
        if code != _READY:
            raise ProviderUnavailable(f"{lane_of}: the mail server answered {code} to the connection.")
        await _say_hello(wire, server, lane_of)
    except (WireBroke, TimeoutError, OSError) as error:
        raise ProviderUnavailable(f"{lane_of}: no connection to the mail server ({_why(error)}).") from error


async def _say_hello(wire: Wire, server: SmtpServer, lane_of: str) -> None:
    """EHLO, or HELO where that is unknown; what was offered before (in the clear) is forgotten."""
    name = (server.helo or _own_name(wire)).encode("ascii", "replace")
    wire.extensions = {}
    code, text = await wire.ask(b"EHLO %b\r\n" % name, within_seconds=server.timeout_seconds)
    if code in _UNKNOWN_COMMAND:
        code, text = await wire.ask(b"HELO %b\r\n" % name, within_seconds=server.timeout_seconds)
    elif code == _OK:
        for line in text.decode("ascii", "replace").split("\n")[1:]:
            word, _, parameters = line.strip().replace("=", " ", 1).partition(" ")  # AUTH=LOGIN is an old way to say it
            known = wire.extensions.get(word.upper(), "")
            wire.extensions[word.upper()] = f"{known} {parameters}".strip()
    if code != _OK:
        raise ProviderUnavailable(f"{lane_of}: the mail server answered {code} to EHLO.")


def _own_name(wire: Wire) -> str:
    """Our address as a literal (RFC 5321 §4.1.4): a name would have to be ours in the DNS; `helo` sets one."""
    address = str((wire.transport.get_extra_info("sockname") or ("127.0.0.1",))[0]).partition("%")[0]
    try:
        return f"[IPv6:{address}]" if ipaddress.ip_address(address).version == 6 else f"[{address}]"  # noqa: PLR2004 - IPv6
    except ValueError:
        return "[127.0.0.1]"


async def _secured(wire: Wire, server: SmtpServer, lane_of: str) -> None:
    if "STARTTLS" not in wire.extensions:
        if server.tls == "starttls":
            raise ConfigInvalid(f"{lane_of}: TLS is required, but the mail server does not offer STARTTLS.")
        return
    try:
        code, _ = await wire.ask(b"STARTTLS\r\n", within_seconds=server.timeout_seconds)
        if code != _READY:
            raise ProviderUnavailable(f"{lane_of}: the mail server answered {code} to STARTTLS.")
        if wire.has_unread or not wire.is_open:
            # Said in the clear, to be believed under TLS: CVE-2011-0411's kind of injection.
            raise ProviderUnavailable(f"{lane_of}: the mail server said more than its answer to STARTTLS.")
        transport = await asyncio.get_running_loop().start_tls(
            wire.transport,
            wire,
            _context(server.ca_file),
            server_hostname=server.host,
            ssl_handshake_timeout=server.timeout_seconds,
        )
        if transport is None:
            raise WireBroke  # noqa: TRY301 - the same end as if it had broken in the handshake
        wire.use(transport)
        await _say_hello(wire, server, lane_of)
    except ssl.SSLCertVerificationError as error:
        raise _untrusted(lane_of) from error
    except (WireBroke, TimeoutError, OSError) as error:
        raise ProviderUnavailable(f"{lane_of}: the mail server broke off while TLS was agreed.") from error


async def _logged_in(wire: Wire, server: SmtpServer, user_name: str, secret: Secret, lane_of: str) -> None:
    if "AUTH" not in wire.extensions:
        raise ConfigInvalid(f"{lane_of}: a user name is set, but the mail server offers no log-in (is TLS on?).")
    mechanism = chosen_mechanism(wire.extensions["AUTH"], server.auth, lane_of=lane_of)

    async def attempt(password: str) -> None:
        await log_in(
            wire,
            mechanism=mechanism,
            user_name=user_name,
            secret=password,
            within_seconds=server.timeout_seconds,
            lane_of=lane_of,
        )

    known = await secret(False)
    try:
        await attempt(known)
    except CredentialsRejected:
        if mechanism != XOAUTH2 or not wire.is_open:
            raise
        await attempt(await secret(True))  # a token may end before its time; a second refusal is final


def _untrusted(lane_of: str) -> ConfigInvalid:
    return ConfigInvalid(f"{lane_of}: the mail server's certificate is not trusted; set ca_file.")


@lru_cache(maxsize=32)
def _context(ca_file: str) -> ssl.SSLContext:
    """Checks certificate and host name; reading the system's certificates takes 20 ms, so once for all mailboxes."""
    return ssl.create_default_context(cafile=ca_file or None)

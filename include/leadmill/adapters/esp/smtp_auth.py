"""SMTP's log-ins: PLAIN, LOGIN, CRAM-MD5 and XOAUTH2 (RFC 4954; Google's and Microsoft's SASL XOAUTH2)."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable

from leadmill.adapters.esp.smtp_wire import Wire, WireBroke
from leadmill.errors import ConfigInvalid, CredentialsRejected, ProviderThrottled, ProviderUnavailable

PASSWORD_MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5")
XOAUTH2 = "XOAUTH2"
_CHALLENGE = 334
_OK = 235
_TEMPORARY = frozenset({421, 432, 451, 454})
_REJECTED_FROM = 500


async def log_in(
    wire: Wire, *, mechanism: str, user_name: str, secret: str, within_seconds: float, lane_of: str
) -> None:
    """Log in by a password or, for XOAUTH2, by an access token.

    Raises:
        CredentialsRejected: The server refused them.
        ProviderThrottled: It asks to come back later.
        ProviderUnavailable: The connection broke.
        ConfigInvalid: The server does not offer that log-in.
    """
    first, answers = _exchange(mechanism, user_name, secret)
    try:
        code, text = await wire.ask(b"AUTH " + first + b"\r\n", within_seconds=within_seconds)
        for answer in answers:
            if code != _CHALLENGE:
                break
            code, text = await wire.ask(_encoded(answer(text)) + b"\r\n", within_seconds=within_seconds)
        if code == _CHALLENGE:  # more questions than the mechanism has: XOAUTH2 tells a failure so; end it politely
            code, text = await wire.ask(b"\r\n" if mechanism == XOAUTH2 else b"*\r\n", within_seconds=within_seconds)
    except (WireBroke, TimeoutError, OSError) as error:
        raise ProviderUnavailable(f"{lane_of}: the connection broke during the log-in.") from error
    if code == _OK:
        return
    if code in _TEMPORARY or code < _REJECTED_FROM:
        raise ProviderThrottled(f"{lane_of}: the log-in was put off ({code}).")
    raise CredentialsRejected(f"{lane_of}: the log-in was refused ({code}); check its secret.")


def chosen_mechanism(offered: str, asked: str, *, lane_of: str) -> str:
    """The mechanism to use of those that EHLO offered; `asked` is the setting, empty for the best password one."""
    names = offered.upper().split()
    if asked:
        if names and asked not in names:
            raise ConfigInvalid(f"{lane_of}: the mail server does not offer the log-in {asked}.")
        return asked
    for name in PASSWORD_MECHANISMS:
        if name in names:
            return name
    raise ConfigInvalid(f"{lane_of}: the mail server offers no log-in that takes a password ({' '.join(names)}).")


def _exchange(mechanism: str, user_name: str, secret: str) -> tuple[bytes, list[Callable[[bytes], bytes]]]:
    """What stands behind AUTH, and the answers to the server's challenges."""
    user, password = user_name.encode(), secret.encode()
    if mechanism == "PLAIN":
        return b"PLAIN " + _encoded(b"\0" + user + b"\0" + password), []
    if mechanism == "LOGIN":
        return b"LOGIN " + _encoded(user), [lambda _: password]
    if mechanism == "CRAM-MD5":
        return b"CRAM-MD5", [lambda challenge: _cram(challenge, user, password)]
    return b"XOAUTH2 " + _encoded(b"user=%b\x01auth=Bearer %b\x01\x01" % (user, password)), []


def _cram(challenge: bytes, user: bytes, password: bytes) -> bytes:
    try:
        decoded = base64.b64decode(challenge, validate=True)
    except binascii.Error:
        decoded = b""
    return user + b" " + hmac.new(password, decoded, "md5").hexdigest().encode()


def _encoded(octets: bytes) -> bytes:
    return base64.b64encode(octets)

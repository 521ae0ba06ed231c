"""One SMTP connection: TLS, log-in, and the few commands of a mail, on smtplib's protocol engine."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from leadmill.errors import ConfigInvalid, CredentialsRejected, ProviderThrottled, ProviderUnavailable

_AUTH_TEMPORARY = frozenset({421, 432, 451, 454})
_AUTH_REJECTED_FROM = 500


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where and how to connect.

    `tls`: "starttls" (required), "auto" (STARTTLS where offered), "implicit", or "none". `timeout_seconds` holds for
    each network step. `auth` forces "PLAIN" or "LOGIN"; empty takes the best the server offers.
    """

    host: str
    port: int
    tls: str
    timeout_seconds: float
    auth: str = ""
    helo: str = ""
    ca_file: str = ""


def connect(server: SmtpServer, *, user_name: str, secret: Callable[[], str], lane_of: str) -> smtplib.SMTP:
    """An open, encrypted (where asked), logged-in session.

    Raises:
        ProviderUnavailable: No connection, or the server is not ready.
        ProviderThrottled: It asks to come back later.
        CredentialsRejected: It refused the log-in.
        ConfigInvalid: TLS or log-in is required, but not offered.
    """
    try:
        session = _open(server)
    except smtplib.SMTPResponseException as error:
        message = f"{lane_of}: the mail server answered {error.smtp_code} to the connection."
        raise ProviderUnavailable(message) from None
    except (OSError, smtplib.SMTPException) as error:
        raise ProviderUnavailable(f"{lane_of}: no connection to the mail server ({type(error).__name__}).") from error
    try:
        _secure(session, server, lane_of)
        if user_name:
            _log_in(session, server, user_name, secret(), lane_of)
    except BaseException:
        hang_up(session)
        raise
    # The last write of a mail is five bytes: Nagle's algorithm would hold them back for the delayed ACK, 40 ms a mail.
    if session.sock is not None:
        session.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return session


def _context(server: SmtpServer) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.ca_file or None)


def _open(server: SmtpServer) -> smtplib.SMTP:
    helo = server.helo or None
    if server.tls == "implicit":
        return smtplib.SMTP_SSL(
            server.host, server.port, helo, timeout=server.timeout_seconds, context=_context(server)
        )
    return smtplib.SMTP(server.host, server.port, helo, timeout=server.timeout_seconds)


def _secure(session: smtplib.SMTP, server: SmtpServer, lane_of: str) -> None:
    try:
        session.ehlo_or_helo_if_needed()
        offered = session.has_extn("starttls")
        if server.tls == "starttls" and not offered:
            raise ConfigInvalid(f"{lane_of}: TLS is required, but the mail server does not offer STARTTLS.")
        if server.tls in {"starttls", "auto"} and offered:
            session.starttls(context=_context(server))
            session.ehlo()
    except ssl.SSLCertVerificationError as error:
        raise ConfigInvalid(f"{lane_of}: the mail server's certificate is not trusted; set ca_file.") from error
    except (OSError, smtplib.SMTPException) as error:
        raise ProviderUnavailable(f"{lane_of}: the mail server broke off while TLS was agreed.") from error


def _log_in(session: smtplib.SMTP, server: SmtpServer, user_name: str, secret: str, lane_of: str) -> None:
    if not session.has_extn("auth"):
        raise ConfigInvalid(f"{lane_of}: a user name is set, but the mail server offers no log-in (is TLS on?).")
    if server.auth:
        session.esmtp_features["auth"] = server.auth
    try:
        session.login(user_name, secret)
    except smtplib.SMTPAuthenticationError as error:
        if error.smtp_code in _AUTH_TEMPORARY or error.smtp_code < _AUTH_REJECTED_FROM:
            raise ProviderThrottled(f"{lane_of}: the log-in was put off ({error.smtp_code}).") from None
        raise CredentialsRejected(f"{lane_of}: the log-in was refused ({error.smtp_code}); check its secret.") from None
    except smtplib.SMTPException as error:
        raise ProviderUnavailable(f"{lane_of}: the log-in broke off ({type(error).__name__}).") from None
    except OSError as error:
        raise ProviderUnavailable(f"{lane_of}: the connection broke during the log-in.") from error


def hang_up(session: smtplib.SMTP) -> None:
    """Say goodbye where that still works, and close."""
    with contextlib.suppress(OSError, smtplib.SMTPException):
        session.quit()
    session.close()

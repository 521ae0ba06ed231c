"""SMTP: one connection a mailbox, every reply judged, and the one moment of doubt kept as small as it can be.

Until the final dot leaves, a lost connection means that nothing was handed over; after it and before the answer, nobody
knows (RFC 5321 §4.1.1.4): such a message is ambiguous, and is never sent again by itself.
"""

from __future__ import annotations

import json
import smtplib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from leadmill.adapters.esp.replies import Verdict, classify
from leadmill.adapters.esp.smtp_session import SmtpServer, connect, hang_up
from leadmill.domain.messages import Fault, OutgoingMessage, Receipt, ReceiptStatus
from leadmill.errors import ProviderThrottled, ProviderUnavailable, TemplateInvalid

PRESETS = ("plain", "ses", "sendgrid")
"""Whose SMTP service it is: how the send id travels in a header of theirs."""

QUOTA_WAIT_SECONDS = 3600.0
"""Wait when a server says that the daily quota is used up: quotas roll on, so one look an hour."""

THROTTLE_WAIT_SECONDS = 60.0
_ACCEPTED = range(200, 300)
_START_MAIL_INPUT = 354
_CLOSING = 421


@dataclass(frozen=True, slots=True)
class SmtpOptions:
    """How to use a server: the preset, SES's configuration set, and how many mails one connection carries."""

    preset: str = "plain"
    configuration_set: str = ""
    messages_per_connection: int = 100


class _LostAfterHandOver(Exception):
    """The connection broke between the final dot and its answer."""


class SmtpEsp:
    """`ports.esp.Esp` over SMTP."""

    name = "smtp"

    def __init__(
        self,
        server: SmtpServer,
        options: SmtpOptions,
        *,
        user_name: str,
        secret: Callable[[], str],
        to_bytes: Callable[[OutgoingMessage], bytes],
        lane_of: str,
    ) -> None:
        """`lane_of` names the mailbox in errors, without its address; `to_bytes` ends lines by CRLF."""
        self._server = server
        self._options = options
        self._user_name = user_name
        self._secret = secret
        self._to_bytes = to_bytes
        self._lane_of = lane_of
        self._session: smtplib.SMTP | None = None
        self._carried = 0

    def send(self, messages: Sequence[OutgoingMessage]) -> Iterator[Receipt]:
        for message in messages:
            envelope = _envelope(message)
            if envelope is None:
                yield Receipt(message.send_id, ReceiptStatus.REFUSED, fault=Fault.MESSAGE, code="address-not-ascii")
                continue
            try:
                body = self._to_bytes(self._tagged(message))
            except TemplateInvalid:
                yield Receipt(message.send_id, ReceiptStatus.REFUSED, fault=Fault.MESSAGE, code="template")
                continue
            receipt = self._deliver(message.send_id, envelope, body)
            yield receipt
            if receipt.status is ReceiptStatus.AMBIGUOUS:
                raise ProviderUnavailable(f"{self._lane_of}: the mail server gave no answer to send {message.send_id}.")

    def close(self) -> None:
        if self._session is not None:
            hang_up(self._session)
            self._session = None

    def _tagged(self, message: OutgoingMessage) -> OutgoingMessage:
        """The message with the send id in the header that the preset's provider reads."""
        tags = {"send_id": str(message.send_id)} | message.tags
        extra: list[tuple[str, str]] = []
        if self._options.preset == "ses":
            extra.append(("X-SES-MESSAGE-TAGS", ", ".join(f"{name}={value}" for name, value in sorted(tags.items()))))
            if self._options.configuration_set:
                extra.append(("X-SES-CONFIGURATION-SET", self._options.configuration_set))
        elif self._options.preset == "sendgrid":
            extra.append(("X-SMTPAPI", json.dumps({"unique_args": tags}, sort_keys=True)))
        return replace(message, headers=(*message.headers, *extra)) if extra else message

    def _deliver(self, send_id: int, envelope: tuple[str, str], body: bytes) -> Receipt:
        fresh = self._session is None
        try:
            return self._transact(send_id, envelope, body)
        except _LostAfterHandOver:
            self._drop()
            return Receipt(send_id, ReceiptStatus.AMBIGUOUS, code="no-answer")
        except (OSError, smtplib.SMTPServerDisconnected) as error:
            self._drop()
            if fresh:
                message = f"{self._lane_of}: the connection broke before send {send_id} was handed over."
                raise ProviderUnavailable(message) from error
        return self._deliver(
            send_id, envelope, body
        )  # the server had closed an idle connection: once more on a new one

    def _transact(self, send_id: int, envelope: tuple[str, str], body: bytes) -> Receipt:
        session = self._ready()
        sender, recipient = envelope
        for command, of_recipient in ((f"MAIL FROM:<{sender}>", False), (f"RCPT TO:<{recipient}>", True)):
            code, text = session.docmd(command)
            if code not in _ACCEPTED:
                return self._refused(send_id, code, text, of_recipient=of_recipient)
        code, text = session.docmd("DATA")
        if code != _START_MAIL_INPUT:
            return self._refused(send_id, code, text, of_recipient=False)
        session.send(_dot_stuffed(body))
        code, text = self._finish(session)
        self._carried += 1
        if code in _ACCEPTED:
            return Receipt(send_id, ReceiptStatus.ACCEPTED, provider_message_id=_queue_id(text))
        return self._refused(send_id, code, text, of_recipient=False)

    def _finish(self, session: smtplib.SMTP) -> tuple[int, bytes]:
        """Send the final dot and read the answer; from here on a lost connection is a doubt."""
        try:
            session.send(b".\r\n")
            code, text = session.getreply()
        except (OSError, smtplib.SMTPException) as error:
            raise _LostAfterHandOver from error
        if code < 0:  # smtplib's word for a reply that is none
            raise _LostAfterHandOver
        return code, text

    def _ready(self) -> smtplib.SMTP:
        if self._session is not None and self._carried >= self._options.messages_per_connection:
            self.close()
        if self._session is None:
            self._session = connect(self._server, user_name=self._user_name, secret=self._secret, lane_of=self._lane_of)
            self._carried = 0
        return self._session

    def _drop(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _refused(self, send_id: int, code: int, text: bytes, *, of_recipient: bool) -> Receipt:
        """The receipt of a refusal; raises where the server speaks of us and not of this mail.

        The send that met the throttling counts as tried, so that one which always meets it ends some day. A used-up
        daily quota is no word on the mail at all: it costs none an attempt.
        """
        if code < 0:
            raise smtplib.SMTPServerDisconnected("no valid reply")
        verdict = classify(code, text.decode("ascii", "replace"), of_recipient=of_recipient)
        self._reset(code)
        if verdict.is_throttling:
            wait = QUOTA_WAIT_SECONDS if verdict.is_daily_quota else THROTTLE_WAIT_SECONDS
            message = f"{self._lane_of}: the mail server put send {send_id} off ({verdict.code})."
            is_about_all = verdict.is_daily_quota and not of_recipient
            raise ProviderThrottled(
                message, retry_after=wait, met_by=None if is_about_all else send_id, code=verdict.code
            )
        return _receipt_of(send_id, verdict)

    def _reset(self, code: int) -> None:
        """Make the session ready for the next mail; 421 says that the server hangs up (RFC 5321 §3.8)."""
        if code == _CLOSING or self._session is None:
            self._drop()
            return
        try:
            self._session.rset()
        except (OSError, smtplib.SMTPException):
            self._drop()


def _receipt_of(send_id: int, verdict: Verdict) -> Receipt:
    return Receipt(send_id, ReceiptStatus.REFUSED, fault=verdict.fault, code=verdict.code)


def _envelope(message: OutgoingMessage) -> tuple[str, str] | None:
    """Sender and recipient as SMTP takes them: the domain in its ASCII form; None for an address that has none."""
    try:
        sender, recipient = (_ascii(address) for address in (message.sender_address, message.recipient))
    except UnicodeError:
        return None
    return sender, recipient


def _ascii(address: str) -> str:
    local, _, domain = address.rpartition("@")
    ascii_domain = domain if domain.isascii() else domain.encode("idna").decode()
    found = f"{local}@{ascii_domain}"
    found.encode("ascii")
    if any(character in found for character in "\r\n<> "):
        raise UnicodeError("would break out of the command")
    return found


def _dot_stuffed(body: bytes) -> bytes:
    """The body with leading dots doubled and a line end at its end (RFC 5321 §4.5.2)."""
    stuffed = body.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"


def _queue_id(text: bytes) -> str:
    """The server's id in `250 2.0.0 Ok: queued as 4F1` or SES's `250 Ok 0102…`; at most 200 characters, no spaces."""
    words = text.decode("ascii", "replace").split()
    return words[-1][:200] if words else ""

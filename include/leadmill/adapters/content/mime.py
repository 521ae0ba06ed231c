"""A rendered message as RFC 5322 bytes: multipart/alternative, quoted-printable, CRLF.

Written without `email.message`: its header registry and folding cost tens of times the rest of rendering, and its
folding breaks long URLs in List-Unsubscribe into encoded words. The tests read the bytes back with `email`.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from datetime import datetime
from email.utils import format_datetime

from leadmill.adapters.content.header_values import require_single_line, single_line
from leadmill.domain.messages import OutgoingMessage
from leadmill.errors import TemplateInvalid

_NEWLINES = re.compile(r"\r\n|\r|\n")
_NAME = re.compile(r"[A-Za-z0-9-]{1,76}")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_ENCODED_BYTES = 42  # of UTF-8 in one encoded word: 56 of base64 and 12 around it stay below RFC 2047's 75
_ASCII_LIMIT = 900  # RFC 5322 allows lines of 998
_FORBIDDEN = frozenset({"from", "to", "subject", "date", "message-id", "mime-version", "content-type", "bcc", "cc"})


def to_bytes(message: OutgoingMessage, *, date: datetime) -> bytes:
    """The whole mail, headers and both parts, lines ended by CRLF; dot-stuffing is the SMTP client's business.

    Args:
        message: A rendered mail.
        date: The Date header, aware.

    Raises:
        TemplateInvalid: A header value would break out of its line.
    """
    boundary = f"=_lm{message.send_id}"  # "=_" cannot occur in quoted-printable text
    head = "".join(f"{name}: {value}\r\n" for name, value in _headers(message, date, boundary))
    parts = (
        f"--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: quoted-printable\r\n\r\n".encode()
        + _quoted_printable(body)
        + b"\r\n"
        for kind, body in (("plain", message.text), ("html", message.html))
    )
    return head.encode() + b"\r\n" + b"".join(parts) + f"--{boundary}--\r\n".encode()


def _headers(message: OutgoingMessage, date: datetime, boundary: str) -> Iterator[tuple[str, str]]:
    yield "Date", format_datetime(date)
    yield "From", _mailbox(message.sender_name, message.sender_address)
    yield "To", require_single_line(message.recipient, what=f"The recipient of send {message.send_id}")
    if message.reply_to:
        yield "Reply-To", require_single_line(message.reply_to, what="Reply-To")
    yield "Subject", encoded_words(single_line(message.subject))
    yield "Message-ID", require_single_line(message.message_id, what="Message-ID")
    yield "MIME-Version", "1.0"
    for name, value in message.headers:
        if not _NAME.fullmatch(name) or name.lower() in _FORBIDDEN:
            raise TemplateInvalid(f"Send {message.send_id}: {name!r} cannot be set as an extra header.")
        yield name, encoded_words(require_single_line(value, what=f"The header {name}"))
    yield "Content-Type", f'multipart/alternative; boundary="{boundary}"'


def _mailbox(name: str, address: str) -> str:
    address = require_single_line(address, what="The sender's address")
    name = single_line(name)
    if not name:
        return address
    if not name.isascii() or "=?" in name or len(name) > _ASCII_LIMIT:
        return f"{encoded_words(name)} <{address}>"
    if _ATOMS.fullmatch(name):
        return f"{name} <{address}>"
    quoted = name.replace("\\", r"\\").replace('"', r"\"")
    return f'"{quoted}" <{address}>'


def encoded_words(text: str) -> str:
    """Text as it may stand in a header: plain ASCII as it is, all else as RFC 2047 words folded onto lines."""
    if text.isascii() and "=?" not in text and len(text) <= _ASCII_LIMIT:
        return text
    words: list[str] = []
    chunk = b""
    for character in text:
        octets = character.encode("utf-8", "replace")
        if len(chunk) + len(octets) > _ENCODED_BYTES:
            words.append(_word(chunk))
            chunk = b""
        chunk += octets
    words.append(_word(chunk))
    return "\r\n ".join(words)


def _word(octets: bytes) -> str:
    return f"=?utf-8?b?{binascii.b2a_base64(octets, newline=False).decode()}?="


def _quoted_printable(text: str) -> bytes:
    """The body, always ended by CRLF: from the first line end in it, binascii takes which one soft breaks get."""
    octets = _NEWLINES.sub("\r\n", text.rstrip("\r\n") + "\n").encode("utf-8", "replace")
    return binascii.b2a_qp(octets, istext=True)

"""A rendered message as RFC 5322 bytes: quoted-printable text and HTML, attachments, CRLF.

Written without `email.message`: its header registry and folding cost tens of times the rest of rendering, and its
folding breaks long URLs in List-Unsubscribe into encoded words. The tests read the bytes back with `email`.
"""

from __future__ import annotations

import binascii
import re
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Protocol

from leadmill.adapters.content.encoded_frame import encoded_frame
from leadmill.adapters.content.header_values import mail_address, require_single_line, single_line
from leadmill.adapters.wire_text import WireText
from leadmill.domain.messages import OutgoingMessage
from leadmill.errors import TemplateInvalid

_NAME = re.compile(r"[A-Za-z0-9_-]{1,76}")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,500}@[A-Za-z0-9.-]{1,255}>")
_ENCODED_BYTES = 42  # of UTF-8 in one encoded word: 56 of base64 and 12 around it stay below RFC 2047's 75
_ASCII_LIMIT = 900  # RFC 5322 allows lines of 998
_MIME_VERSION = ("MIME-Version", "1.0")
_FORBIDDEN = frozenset(
    {"from", "to", "subject", "date", "message-id", "mime-version", "bcc", "cc", "reply-to", "sender", "return-path"}
)


class Signer(Protocol):
    """Signs a mail; `adapters.content.dkim.DkimSigner` is one."""

    def headers(self, headers: list[tuple[str, str]], relaxed: list[bytes], *, date: datetime) -> str:
        """The header lines to stand before the mail's own."""
        ...


def to_bytes(message: OutgoingMessage, *, date: datetime, signer: Signer | None = None) -> bytes:
    """The whole mail, headers and body, lines ended by CRLF; no line of the body begins with a dot.

    Args:
        message: A rendered mail.
        date: The Date header, aware.
        signer: Signs the mail where no one else does.

    Raises:
        TemplateInvalid: A header value would break out of its line, or an address is none.
    """
    frame = encoded_frame(message.frame)
    headers = _headers(message, date, frame.content_type)
    pieces = frame.body(message)
    head = "".join([f"{name}: {value}\r\n" for name, value in headers])
    if signer is not None:
        head = signer.headers(headers, frame.relaxed(pieces), date=date) + head
    pieces[0] = b"%b\r\n%b" % (head.encode(), pieces[0])
    return WireText(b"".join(pieces))


def _headers(message: OutgoingMessage, date: datetime, content_type: str) -> list[tuple[str, str]]:
    if not _MESSAGE_ID.fullmatch(message.message_id):
        raise TemplateInvalid(f"Send {message.send_id}: its Message-ID is none.")
    _check_names(tuple([name for name, _ in message.headers]))
    return [
        *_date_and_sender(date, message.sender_name, message.sender_address),
        ("To", mail_address(message.recipient, what=f"The recipient of send {message.send_id}")),
        *((("Reply-To", mail_address(message.reply_to, what="Reply-To")),) if message.reply_to else ()),
        ("Subject", encoded_words(single_line(message.subject))),
        ("Message-ID", message.message_id),
        _MIME_VERSION,
        *[header if _is_plain(header[1]) else _encoded(*header) for header in message.headers],
        ("Content-Type", content_type),
    ]


def _is_plain(value: str) -> bool:
    """Whether a value may stand in a header as it is."""
    return value.isascii() and value.isprintable() and "=?" not in value and len(value) <= _ASCII_LIMIT


def _encoded(name: str, value: str) -> tuple[str, str]:
    return name, encoded_words(require_single_line(value, what=f"The header {name}"))


@lru_cache(maxsize=256)
def _date_and_sender(date: datetime, name: str, address: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("Date", format_datetime(date)), ("From", _mailbox(name, address))


@lru_cache(maxsize=256)
def _check_names(names: tuple[str, ...]) -> None:
    """Refuse extra headers that are ours to write, are no names, or stand twice: readers pick either one."""
    lower = [name.lower() for name in names]
    for name, key in zip(names, lower, strict=True):
        if not _NAME.fullmatch(name) or key in _FORBIDDEN or key.startswith("content-") or lower.count(key) > 1:
            raise TemplateInvalid(f"{name[:80]!r} cannot be set as an extra header, or stands there twice.")


def _mailbox(name: str, address: str) -> str:
    address = mail_address(address, what="The sender's address")
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
    whole = text.encode("utf-8", "replace")
    if len(whole) <= _ENCODED_BYTES:
        return _word(whole)
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

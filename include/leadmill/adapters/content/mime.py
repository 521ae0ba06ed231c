"""A rendered message as RFC 5322 bytes: quoted-printable text and HTML, attachments, CRLF.

Written without `email.message`: its header registry and folding cost tens of times the rest of rendering, and its
folding breaks long URLs in List-Unsubscribe into encoded words. The tests read the bytes back with `email`.
"""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Protocol

from leadmill.adapters.content.encoded_frame import encoded_frame
from leadmill.adapters.content.encoded_words import ASCII_LIMIT, ENCODED_LINE, encoded_words
from leadmill.adapters.content.header_values import mail_address, require_single_line, single_line
from leadmill.adapters.wire_text import WireText
from leadmill.domain.messages import OutgoingMessage
from leadmill.errors import TemplateInvalid

_NAME = re.compile(r"[A-Za-z0-9_-]{1,76}")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,500}@[A-Za-z0-9.-]{1,255}>")
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
        ("Subject", encoded_words(single_line(message.subject), before=len("Subject: "))),
        ("Message-ID", message.message_id),
        _MIME_VERSION,
        *[header if _is_plain(header[1]) else _encoded(*header) for header in message.headers],
        ("Content-Type", content_type),
    ]


def _is_plain(value: str) -> bool:
    """Whether a value may stand in a header as it is."""
    return value.isascii() and value.isprintable() and "=?" not in value and len(value) <= ASCII_LIMIT


def _encoded(name: str, value: str) -> tuple[str, str]:
    return name, encoded_words(require_single_line(value, what=f"The header {name}"), before=len(name) + 2)


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
    if not name.isascii() or "=?" in name or len(name) > ASCII_LIMIT:
        return _with_address(encoded_words(name, before=len("From: ")), address)
    if _ATOMS.fullmatch(name):
        return f"{name} <{address}>"
    quoted = name.replace("\\", r"\\").replace('"', r"\"")
    return f'"{quoted}" <{address}>'


def _with_address(words: str, address: str) -> str:
    """Encoded words with the address behind them, on a line of its own where theirs is full."""
    before = 0 if "\r\n" in words else len("From: ")
    last = words.rpartition("\r\n")[2]
    is_full = before + len(last) + len(f" <{address}>") > ENCODED_LINE
    return f"{words}\r\n <{address}>" if is_full else f"{words} <{address}>"

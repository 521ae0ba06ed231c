"""Quoted-printable (RFC 2045 §6.7) for the pieces of a body, each of which begins on a line of its own.

Every line is at most 76 characters, never begins with a dot (nothing left to stuff for SMTP) or with "From " (mbox),
and never ends with a space.
"""

from __future__ import annotations

import codecs
import re
from binascii import hexlify
from functools import lru_cache

_NEWLINES = re.compile(r"\r\n|\r|\n")
_ERRORS = "leadmill.quoted-printable"
_PLAIN = b"\t\n" + bytes(range(0x20, 0x7F))
_BLANKS = (b" ", b"\t")
_CONTROL = re.compile(rb"[^\t\n\x20-\x7e]+")
_BLANK_AT_END = re.compile(rb"[ \t](?=\n|\Z)")
_DOT = re.compile(rb"^\.", re.MULTILINE)
_FROM = re.compile(rb"^F(?=rom )", re.MULTILINE)
_FOLD = re.compile(rb".{70}[^=]{0,3}+|.+")
"""A line's next 70 to 73 characters, without an encoded byte cut in two."""

_UNFOLDED = 73  # with a dot encoded at the start (2 more) and a soft break at the end, 76
_SHORT = 72
_CACHED = 1_000


class TornLineEnd(ValueError):
    """A value ends with CR, and a LF behind it would make two line ends of one."""


def encode_value(value: str) -> bytes:
    """A slot's value, without the soft break that follows it.

    Raises:
        TornLineEnd: It has to be joined with its neighbours before it is encoded.
    """
    if len(value) <= _SHORT and value.isascii() and value.isprintable() and "=" not in value:
        start = value[:1]
        if start != "." and (start != "F" or value[:5] != "From "):
            return value.encode()
    if value[-1:] == "\r":
        raise TornLineEnd
    return _encoded(value) if len(value) <= _CACHED else encode(value)


def encode(text: str) -> bytes:
    """A text that begins on a line of its own, lines ended by CRLF; lone surrogates become question marks."""
    if "\r" in text:
        text = _NEWLINES.sub("\n", text)
    # The codec finds what is not ASCII many times faster than a pattern does.
    octets = text.replace("=", "=3D").encode("ascii", _ERRORS)
    if octets.translate(None, _PLAIN):
        octets = _CONTROL.sub(_quoted, octets)
    if b" \n" in octets or b"\t\n" in octets or octets[-1:] in _BLANKS:
        octets = _BLANK_AT_END.sub(_quoted, octets)
    lines: list[bytes] = []
    for line in octets.split(b"\n"):
        if len(line) <= _UNFOLDED:
            lines.append(line)
        else:
            lines.append(b"=\r\n".join(_FOLD.findall(line)))
    found = b"\r\n".join(lines)
    if found[:1] == b"." or b"\n." in found:
        found = _DOT.sub(b"=2E", found)
    if found[:5] == b"From " or b"\nFrom " in found:
        found = _FROM.sub(b"=46", found)
    return found


def _quoted(found: re.Match[bytes]) -> bytes:
    return _hexadecimal(found[0])


def _hexadecimal(octets: bytes) -> bytes:
    return b"=" + hexlify(octets, b"=").upper()


def _beyond_ascii(error: UnicodeError) -> tuple[bytes, int]:
    assert isinstance(error, UnicodeEncodeError)  # noqa: S101 - the handler is used for encoding only
    return _hexadecimal_text(error.object[error.start : error.end]), error.end


@lru_cache(maxsize=1_024)
def _hexadecimal_text(text: str) -> bytes:
    return _hexadecimal(text.encode("utf-8", "replace"))


codecs.register_error(_ERRORS, _beyond_ascii)

_encoded = lru_cache(maxsize=2_048)(encode)
"""A company's name or a category's block comes again; a long text that one recipient alone gets is not kept."""

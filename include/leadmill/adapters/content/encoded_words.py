"""Header values beyond ASCII as RFC 2047 writes them."""

from __future__ import annotations

import binascii
from functools import lru_cache

ASCII_LIMIT = 900
"""Characters of a value that stands in its header as it is; RFC 5322 allows lines of 998."""

ENCODED_LINE = 76
"""Characters of a line that holds encoded words, the header's name counted (RFC 2047, section 2)."""

_ENCODED_BYTES = 42  # of UTF-8 in one encoded word: 56 of base64 and 12 around it stay below RFC 2047's 75


def encoded_words(text: str, *, before: int = 0) -> str:
    """Text as it may stand in a header: plain ASCII as it is, all else as RFC 2047 words folded onto lines.

    Args:
        text: One line.
        before: Characters that stand before it on its line, the header's name above all: they count, too.
    """
    if text.isascii() and "=?" not in text and len(text) <= ASCII_LIMIT:
        return text
    return words_of(text, before=before)


def words_of(text: str, *, before: int = 0) -> str:
    """Text as encoded words, whatever it holds; `before` as `encoded_words` has it."""
    whole, room = text.encode("utf-8", "replace"), _encoded_bytes(before)
    if len(whole) <= room:
        return _word(whole)
    words: list[str] = []
    chunk = b""
    for character in text:
        octets = character.encode("utf-8", "replace")
        if len(chunk) + len(octets) > room:
            words.append(_word(chunk) if chunk else "")
            chunk, room = b"", _ENCODED_BYTES
        chunk += octets
    words.append(_word(chunk))
    return "\r\n ".join(words)


@lru_cache(maxsize=64)
def _encoded_bytes(before: int) -> int:
    """How many bytes one encoded word holds on a line where so many characters stand before it; 3 bytes make 4."""
    return max(0, min(_ENCODED_BYTES, (ENCODED_LINE - before - len("=?utf-8?b??=")) // 4 * 3))


def _word(octets: bytes) -> str:
    return f"=?utf-8?b?{binascii.b2a_base64(octets, newline=False).decode()}?="

"""Header values that cannot break out of their line, and the headers that bulk mail carries."""

from __future__ import annotations

import unicodedata
import zlib

from leadmill.errors import TemplateInvalid

_LINE_BREAKING = frozenset({"Cc", "Zl", "Zp", "Cs"})


def single_line(text: str) -> str:
    """The text with every control character and line break turned into a space, runs of white space into one."""
    clean = (
        "".join(" " if unicodedata.category(c) in _LINE_BREAKING else c for c in text) if _suspicious(text) else text
    )
    return " ".join(clean.split())


def _suspicious(text: str) -> bool:
    return not (text.isascii() and text.isprintable())


def require_single_line(value: str, *, what: str) -> str:
    """The value itself, for headers where a silent repair would be wrong (addresses, ids).

    Raises:
        TemplateInvalid: It holds a control character or a line break.
    """
    if any(unicodedata.category(c) in _LINE_BREAKING for c in value):
        raise TemplateInvalid(f"{what} holds a line break or control character; correct it before sending.")
    return value


def list_headers(
    *, unsubscribe_url: str, campaign_id: int, step: int, variant_id: int, domain: str
) -> tuple[tuple[str, str], ...]:
    """List-Unsubscribe (RFC 2369), one-click (RFC 8058) and Gmail's Feedback-ID (`a:b:c:SenderId`).

    Source for the SenderId of 5 to 15 characters: Gmail's bulk-sender documentation of Feedback-ID.
    """
    sender_id = f"lm{zlib.crc32(domain.encode()):08x}"
    return (
        ("List-Unsubscribe", f"<{unsubscribe_url}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("Feedback-ID", f"c{campaign_id}:s{step}:v{variant_id}:{sender_id}"),
    )

"""How a send id travels through the world and comes back: Message-ID, and the signed tokens of the edge's links.

A reference holds no address, cannot be forged without the key, and is the same every time it is made.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from enum import StrEnum
from urllib.parse import quote

_SIGNATURE_BYTES = 12  # 96 bits: beyond guessing over a rate-limited endpoint
_ID_DIGITS = 19  # of a bigint
_MESSAGE_ID = re.compile(r"<?lm\.(\d{1,19})\.([A-Za-z0-9_-]{16})@[^\s<>@]+>?")


class LinkKind(StrEnum):
    """What a signed link is for; a token of one kind is worthless for another."""

    OPEN = "o"
    CLICK = "c"
    UNSUBSCRIBE = "u"


def _signature(text: str, key: bytes) -> str:
    digest = hmac.new(key, text.encode(), hashlib.sha256).digest()[:_SIGNATURE_BYTES]
    return base64.urlsafe_b64encode(digest).decode()


def message_id(send_id: int, domain: str, key: bytes) -> str:
    """The Message-ID of a send, with angle brackets, on our own sending domain."""
    return f"<lm.{send_id}.{_signature(f'm{send_id}', key)}@{domain}>"


def send_id_of_message_id(text: str, key: bytes) -> int | None:
    """The send id that a Message-ID (or a text that quotes one) of ours names; None for any other or forged."""
    for found in _MESSAGE_ID.finditer(text):
        send_id = int(found[1])
        if hmac.compare_digest(found[2], _signature(f"m{send_id}", key)):
            return send_id
    return None


def link_token(kind: LinkKind, send_id: int, key: bytes, *, url: str = "") -> str:
    """The token of a link of that kind; a click's token also vouches for its target URL."""
    return f"{send_id}.{_signature(f'{kind.value}{send_id}|{url}', key)}"


def send_id_of_token(kind: LinkKind, token: str, key: bytes, *, url: str = "") -> int | None:
    """The send id of a genuine token of that kind (and for that URL), else None."""
    number, _, signature = token.partition(".")
    if not number.isascii() or not number.isdigit() or len(number) > _ID_DIGITS:
        return None
    expected = _signature(f"{kind.value}{int(number)}|{url}", key)
    return int(number) if hmac.compare_digest(signature.encode(), expected.encode()) else None


def open_url(edge_base_url: str, send_id: int, key: bytes) -> str:
    """The open pixel's URL."""
    return f"{edge_base_url}/o/{link_token(LinkKind.OPEN, send_id, key)}.gif"


def unsubscribe_url(edge_base_url: str, send_id: int, key: bytes) -> str:
    """The RFC 8058 one-click URL; GET shows a page with a button, POST acts."""
    return f"{edge_base_url}/u/{link_token(LinkKind.UNSUBSCRIBE, send_id, key)}"


def click_url(edge_base_url: str, send_id: int, key: bytes, *, url: str) -> str:
    """The redirect that counts a click and goes to `url`, and nowhere else."""
    return f"{edge_base_url}/c/{link_token(LinkKind.CLICK, send_id, key, url=url)}?u={quote(url, safe='')}"

"""How a send id travels through the world and comes back: Message-ID, and the signed tokens of the edge's links.

A reference holds no address, cannot be forged without the key, and is the same every time it is made.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from binascii import b2a_base64
from enum import StrEnum
from functools import lru_cache
from urllib.parse import quote

_SIGNATURE_BYTES = 12  # 96 bits: beyond guessing over a rate-limited endpoint
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_ID_DIGITS = 19  # of a bigint
NO_SEND = 0
"""The id that previews carry: no send has it, so its links act for nobody."""

PROBE_HEADER = "X-Leadmill-Probe"
"""Where the edge's answer to a probe stands."""

_PROBE = "probe-"
_NONCE = re.compile(r"[A-Za-z0-9]{8,40}")
_TOKEN = re.compile(r"(\d{1,19}\.[A-Za-z0-9_-]{16})(?:[^A-Za-z0-9_-].*)?", re.DOTALL)
_TAKEN_ALONG = ")]}>.,;:!?'\"*_\u2026\u00bb\u201d\u2019\uff09\u3011\u3002\uff0c\uff1b\uff1a\uff01\uff1f"
"""Punctuation that programs take along when they make a link of a text's address, and how much of it."""

_MOST_TAKEN_ALONG = 3

_QUOTED_LINK = re.compile(r"/u/(\d{1,19}\.[A-Za-z0-9_-]{16})(?![A-Za-z0-9_-])")
_MESSAGE_ID = re.compile(r"<?lm\.(\d{1,19})\.([A-Za-z0-9_-]{16})@[^\s<>@]+>?")


class LinkKind(StrEnum):
    """What a signed link is for; a token of one kind is worthless for another."""

    OPEN = "o"
    CLICK = "c"
    UNSUBSCRIBE = "u"


def _signature(text: str, key: bytes) -> str:
    """16 characters by keyed BLAKE2b (RFC 7693 §2.9)."""
    code = hashlib.blake2b(text.encode(), digest_size=_SIGNATURE_BYTES, key=_short(key), person=b"leadmill text")
    return _url_safe(code.digest())


@lru_cache(maxsize=16)
def _signatures(send_id: int, key: bytes) -> str:
    """The signatures of a send's Message-ID, open link and unsubscribe link, 16 characters each, out of one hash.

    Remembered until the next mails are rendered, since a mail carries all three. Three HMACs by OpenSSL were a sixth of
    all that a mail costs.
    """
    code = hashlib.blake2b(b"%d" % send_id, digest_size=36, key=_short(key), person=b"leadmill send")
    return _url_safe(code.digest())


def _short(key: bytes) -> bytes:
    """The key as BLAKE2b takes it, at most 64 bytes."""
    return key if len(key) <= hashlib.blake2b.MAX_KEY_SIZE else hashlib.blake2b(key).digest()


def _url_safe(octets: bytes) -> str:
    return b2a_base64(octets, newline=False).translate(_URL_SAFE).decode()


def _is_genuine(signature: str, expected: str, former_text: str, key: bytes) -> bool:
    """Whether this is the signature, or the one by HMAC-SHA256 that mails carried before."""
    offered = signature.encode()
    if hmac.compare_digest(offered, expected.encode()):
        return True
    former = hmac.digest(key, former_text.encode(), "sha256")[:_SIGNATURE_BYTES]
    return hmac.compare_digest(offered, _url_safe(former).encode())


def message_id(send_id: int, domain: str, key: bytes) -> str:
    """The Message-ID of a send, with angle brackets, on our own sending domain."""
    return f"<lm.{send_id}.{_signatures(send_id, key)[:16]}@{domain}>"


def send_id_of_message_id(text: str, key: bytes) -> int | None:
    """The send id that a Message-ID (or a text that quotes one) of ours names; None for any other or forged."""
    for found in _MESSAGE_ID.finditer(text):
        send_id = int(found[1])
        if _is_genuine(found[2], _signatures(send_id, key)[:16], f"m{send_id}", key):
            return send_id
    return None


def send_id_of_quoted_link(text: str, key: bytes) -> int | None:
    """The send id of an unsubscribe link of ours that a text quotes; None for any other or forged."""
    found = (send_id_of_token(LinkKind.UNSUBSCRIBE, match[1], key) for match in _QUOTED_LINK.finditer(text))
    return next((send_id for send_id in found if send_id is not None), None)


def link_token(kind: LinkKind, send_id: int, key: bytes, *, url: str = "") -> str:
    """The token of a link of that kind; a click's token also vouches for its target URL."""
    return f"{send_id}.{_link_signature(kind, send_id, key, url)}"


def send_id_of_token(kind: LinkKind, token: str, key: bytes, *, url: str = "") -> int | None:
    """The send id of a genuine token of that kind (and for that URL), else None.

    What stands behind the token, such as ")." or "&gt;", is nobody's: programs take it along from the text around.
    """
    found = _TOKEN.fullmatch(token)
    number, _, signature = (found[1] if found else token).partition(".")
    if not number.isascii() or not number.isdigit() or len(number) > _ID_DIGITS:
        return None
    send_id = int(number)
    expected = _link_signature(kind, send_id, key, url)
    return send_id if _is_genuine(signature, expected, f"{kind}{send_id}|{url}", key) else None


def clicked_url(url: str, token: str, key: bytes) -> str:
    """The URL that a click's token vouches for: the given one, or it without what was taken along; "" for neither."""
    for taken in range(_MOST_TAKEN_ALONG + 1):
        candidate = url[: len(url) - taken]
        if send_id_of_token(LinkKind.CLICK, token, key, url=candidate) is not None:
            return candidate
        if candidate[-1:] not in _TAKEN_ALONG:
            break
    return ""


def _link_signature(kind: LinkKind, send_id: int, key: bytes, url: str) -> str:
    if not url and kind is LinkKind.UNSUBSCRIBE:
        return _signatures(send_id, key)[32:]
    if not url and kind is LinkKind.OPEN:
        return _signatures(send_id, key)[16:32]
    return _signature(f"{kind}{send_id}|{url}", key)


def probe_token(nonce: str, key: bytes) -> str:
    """An unsubscribe token of nobody, with which we try our own edge; `nonce`: letters and digits, new each time."""
    return f"{_PROBE}{nonce}.{_signature(f'p{nonce}', key)}"


def nonce_of_probe(token: str, key: bytes) -> str | None:
    """The nonce of a genuine probe token, else None."""
    nonce, _, signature = token.removeprefix(_PROBE).partition(".")
    if not token.startswith(_PROBE) or not _NONCE.fullmatch(nonce):
        return None
    return nonce if hmac.compare_digest(signature.encode(), _signature(f"p{nonce}", key).encode()) else None


def probe_answer(nonce: str, key: bytes) -> str:
    """What only an edge with our key can answer to a probe, where it would have kept a real unsubscription."""
    return _signature(f"a{nonce}", key)


def open_url(edge_base_url: str, send_id: int, key: bytes) -> str:
    """The open pixel's URL."""
    return f"{edge_base_url}/o/{link_token(LinkKind.OPEN, send_id, key)}.gif"


def unsubscribe_url(edge_base_url: str, send_id: int, key: bytes) -> str:
    """The RFC 8058 one-click URL; GET shows a page with a button, POST acts."""
    return f"{edge_base_url}/u/{link_token(LinkKind.UNSUBSCRIBE, send_id, key)}"


def is_unsubscribe_url(edge_base_url: str, url: str) -> bool:
    """Whether it is an unsubscribe link of this edge, perhaps with a query or fragment behind it: never tracked."""
    return url.startswith(f"{edge_base_url}/u/")


def click_url(edge_base_url: str, send_id: int, key: bytes, *, url: str) -> str:
    """The redirect that counts a click and goes to `url`, and nowhere else."""
    return f"{edge_base_url}/c/{link_token(LinkKind.CLICK, send_id, key, url=url)}?u={quote(url, safe='')}"

"""Header values that cannot break out of their line, and the headers that bulk mail carries."""

from __future__ import annotations

import re
import unicodedata
import zlib
from functools import lru_cache

from leadmill.adapters.idna_domains import idna_domain
from leadmill.errors import TemplateInvalid

_ATOM, _LABEL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+", r"[A-Za-z0-9_-]+"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")
_ADDRESS_LIMIT = 320  # 64 before the @, 255 behind it (RFC 5321 §4.5.3.1)
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LINE_BREAKING = frozenset({"Cc", "Zl", "Zp", "Cs"})


def single_line(text: str) -> str:
    """The text with every control character and line break turned into a space, runs of white space into one."""
    if not text.isprintable():
        text = "".join(" " if unicodedata.category(c) in _LINE_BREAKING else c for c in text)
    return " ".join(text.split())


def require_single_line(value: str, *, what: str) -> str:
    """The value itself, for headers where a silent repair would be wrong (addresses, ids).

    Raises:
        TemplateInvalid: It holds a control character or a line break.
    """
    if not value.isprintable() and any(unicodedata.category(c) in _LINE_BREAKING for c in value):
        raise TemplateInvalid(f"{what} holds a line break or control character; correct it before sending.")
    return value


def mail_address(address: str, *, what: str) -> str:
    """The address as headers take it: its domain in ASCII.

    Raises:
        TemplateInvalid: It is no plain address, or its local part needs SMTPUTF8, which few servers take.
    """
    if _is_plain(address):
        return address
    local, _, domain = address.rpartition("@")
    found = f"{local}@{ascii_domain(domain, what=what)}"
    if len(found) > _ADDRESS_LIMIT or not _ADDRESS.fullmatch(found):
        raise TemplateInvalid(f"{what} is no address that mail programs take; correct it before sending.")
    return found


@lru_cache(maxsize=1024)
def _is_plain(address: str) -> bool:
    """Remembered, since a recipient's address is looked at when its mail is rendered and again when it is written."""
    return len(address) <= _ADDRESS_LIMIT and _ADDRESS.fullmatch(address) is not None


@lru_cache(maxsize=1024)
def ascii_domain(domain: str, *, what: str) -> str:
    """A domain as DNS writes it.

    Raises:
        TemplateInvalid: It is none.
    """
    found = idna_domain(domain)
    if found is None or not _DOMAIN.fullmatch(found):
        raise TemplateInvalid(f"{what} is no domain; correct it before sending.")
    return found


def list_headers(
    *, campaign_id: int, step: int, variant_id: int, domain: str
) -> tuple[tuple[str, str], tuple[str, str]]:
    """One-click unsubscribing (RFC 8058, beside List-Unsubscribe) and Gmail's Feedback-ID (`a:b:c:SenderId`).

    Source for the SenderId of 5 to 15 characters: Gmail's bulk-sender documentation of Feedback-ID.
    """
    sender_id = f"lm{zlib.crc32(domain.encode()):08x}"
    return (
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("Feedback-ID", f"c{campaign_id}:s{step}:v{variant_id}:{sender_id}"),
    )

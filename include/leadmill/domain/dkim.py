"""DKIM keys of a sending domain, as an operator sets them up: where each is, never the key itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

_SELECTOR = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?){0,3}")

KEYS_LIMIT = 4
"""Two algorithms, each with its key of now and its next one; every key adds a signature to every mail."""


@dataclass(frozen=True, slots=True)
class DkimKeyRef:
    """A private key: the selector that its public half stands under in DNS, and where the key is.

    `secret_ref` is as a mailbox's, or `file:/path` of a PEM file.
    """

    selector: str
    secret_ref: str


@dataclass(frozen=True, slots=True)
class NewDkimKey:
    """A key made a moment ago: its selector, its PEM text, and the TXT record `record` for the DNS name `name`."""

    selector: str
    pem: str
    name: str
    record: str


def selector_problem(selector: str) -> str:
    """Why this is no selector, in a sentence; empty where it is one."""
    if _SELECTOR.fullmatch(selector):
        return ""
    return f"{selector[:80]!r} is no DKIM selector; use small letters, digits and hyphens, such as lm2026."


def default_selector(kind: str, *, as_of: datetime) -> str:
    """A selector that names its month and its kind (rsa, ed25519): the next key gets another one."""
    return f"lm{as_of:%Y%m}{kind[0]}"

"""Normalised addresses and their keyed hashes."""

from __future__ import annotations

import hashlib
import hmac

_BLOCK_BYTES = 64


def email_hash(email: str, key: bytes) -> bytes:
    """Hash a normalised address with a key, 32 bytes.

    Source: HMAC-SHA256, RFC 2104; keeps a suppression valid after the address itself was erased.
    """
    return hmac.new(key, email.encode(), hashlib.sha256).digest()


def key_check(key: bytes) -> bytes:
    """Make 32 bytes that tell one key from another and say nothing of either: HMAC-SHA256 of a constant."""
    return hmac.new(key, b"leadmill installation", hashlib.sha256).digest()


def hash_pads(key: bytes) -> tuple[bytes, bytes]:
    """Return HMAC's inner and outer pads, 64 bytes each, for `ledger.keyed_hash` in SQL.

    Source: RFC 2104, section 2.
    """
    block = hashlib.sha256(key).digest() if len(key) > _BLOCK_BYTES else key
    block = block.ljust(_BLOCK_BYTES, b"\0")
    return bytes(b ^ 0x36 for b in block), bytes(b ^ 0x5C for b in block)


def normalise_email(email: str) -> str:
    """Trim and lower-case an address; the form that the ledger keys leads and suppressions by."""
    return email.strip().lower()

"""Domains as DNS writes them, so that one address is one everywhere: leads, replies, suppressions, envelopes."""

from __future__ import annotations

import idna


def idna_domain(domain: str) -> str | None:
    """A domain in its IDNA form (UTS 46); None where it is none. One in ASCII is taken as it is."""
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return None

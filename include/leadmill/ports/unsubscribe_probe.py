"""Trying our own unsubscribe link before anybody is mailed one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class ProbeOutcome(StrEnum):
    """What came of a try."""

    WORKS = "works"
    UNREACHABLE = "unreachable"  # nobody answers there
    FAILS = "fails"  # somebody answers, wrongly


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """`base_url`: where the edge was looked for; `detail`: what was wrong, as it completes "the unsubscribe link …"."""

    outcome: ProbeOutcome
    base_url: str
    detail: str = ""


class UnsubscribeProbe(Protocol):
    """Does as a mailbox provider does (RFC 8058), with a link that belongs to nobody."""

    def try_link(self) -> ProbeResult:
        """GET the link, which must not act, and POST to it, which must answer for good without redirect or cookie."""
        ...

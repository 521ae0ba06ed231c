"""Replies of mail servers and APIs whose codes our tables do not know, counted so that somebody adds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class UnknownReply:
    """A code that no rule knew: `smtp gmail` answered `550 5.9.9` so often between two times (UTC)."""

    provider: str
    code: str
    replies: int
    first_seen_at: datetime
    last_seen_at: datetime


class ReplyCounts(Protocol):
    """Where unknown replies are counted; no text of a reply is kept."""

    def count_unknown(self, provider: str, replies_by_code: Mapping[str, int], *, now: datetime) -> None:
        """Add to the counts."""
        ...

    def unknown_replies(self, *, limit: int) -> list[UnknownReply]:
        """The unknown codes, the latest first."""
        ...

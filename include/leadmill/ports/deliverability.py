"""Sending domains and the course of blacklist checks, as people see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SendingDomain:
    """A sending domain as people see it; `taken_today` counts mails by UTC day, `daily_limit` None is "no limit"."""

    name: str
    sending_ips: tuple[str, ...]
    daily_limit: int | None
    status: str
    status_reason: str
    status_since: datetime | None
    cool_down_until: datetime | None
    mailboxes: int
    taken_today: int


@dataclass(frozen=True, slots=True)
class CheckCounts:
    """How many lists gave each answer at one check, UTC."""

    checked_at: datetime
    listed: int
    unknown: int
    clean: int


class DomainList(Protocol):
    """The sending domains."""

    def domains(self, *, as_of: datetime) -> tuple[SendingDomain, ...]:
        """Every sending domain with what it sent on the UTC day of `as_of`, by name."""
        ...


class CheckTimeline(Protocol):
    """The history of blacklist checks."""

    def timeline(self, subject: str, *, since: datetime) -> tuple[CheckCounts, ...]:
        """The checks since a time, oldest first; of every subject where `subject` is empty."""
        ...

"""Moments and days as people read them: one form on every page and in every alert."""

from __future__ import annotations

from datetime import UTC, date, datetime


def in_words(at: datetime) -> str:
    """A moment in UTC: "6 Dec 2026, 08:30 UTC"."""
    there = at.astimezone(UTC)
    return f"{day_in_words(there)}, {there:%H:%M} UTC"


def day_in_words(day: date) -> str:
    """A day: "6 Dec 2026"."""
    return f"{day.day} {day:%b %Y}"

"""Where a test mail landed, by the folder of a seed inbox that held it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

TOKEN_HEADER = "X-Leadmill-Placement"  # noqa: S105 - a header's name
MISSING_AFTER_HOURS = 24
"""A test mail that no folder holds after a day counts as missing: greylisting and retries are over by then."""

LOOK_BACK = timedelta(days=7)
"""Older test mails are looked for no more."""

_JUNK_FLAG = "\\junk"
_JUNK_NAMES = frozenset(
    {"junk", "spam", "bulk", "bulk mail", "junk e-mail", "junk email", "junk mail", "spamverdacht", "[gmail]/spam"}
)
"""Names of spam folders where a server names no special uses (RFC 6154): Dovecot, Outlook, Yahoo, GMX, Gmail."""

_NEVER_READ = frozenset({"\\noselect", "\\nonexistent", "\\all", "\\sent", "\\drafts", "\\flagged", "\\important"})
"""Folders that cannot be opened, repeat the mails of others, or hold no received mail."""


class Placement(StrEnum):
    """Where a test mail was found."""

    INBOX = "inbox"
    SPAM = "spam"
    ELSEWHERE = "elsewhere"  # another folder: a filter of the inbox moved it, or a person
    MISSING = "missing"


def placement_of(folder: str, flags: Collection[str]) -> Placement | None:
    """What a folder means for a mail found in it, by its special use (RFC 6154) or else its name; None: not looked at.

    Args:
        folder: The folder's name, decoded.
        flags: Its attributes as LIST gives them, with their backslash; case does not matter.
    """
    known = {flag.lower() for flag in flags}
    if known & _NEVER_READ:
        return None
    name = folder.lower()
    if name == "inbox":
        return Placement.INBOX
    last = name.replace(".", "/").rsplit("/", 1)[-1]
    if _JUNK_FLAG in known or name in _JUNK_NAMES or last in _JUNK_NAMES:
        return Placement.SPAM
    return Placement.ELSEWHERE


def is_missing(sent_at: datetime, now: datetime, *, after_hours: float = MISSING_AFTER_HOURS) -> bool:
    """Whether a test mail that was not found has been on its way for too long."""
    return now - sent_at >= timedelta(hours=after_hours)

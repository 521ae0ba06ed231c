"""What people wished, and what was stopped or released, as lines that outlive the ledger: keyed hashes, no address."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

_HASH_BYTES = 32
_FALLBACK_REASON = "manual"
REASONS = frozenset({"unsubscribed", "complained", "hard_bounced", "refuses_us", "manual", "erased", "imported"})
"""As in `ledger.suppressions`."""


class Word(StrEnum):
    """What a line says."""

    SUPPRESSED = "suppressed"
    LIFTED = "lifted"
    ERASED = "erased"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Wish:
    """One word about a person, or about a mailbox, sending domain, account or campaign.

    `who`, `inbox` and `which` are keyed hashes of 32 bytes: of the address, of the inbox that it ends in, and of the
    name of what a status is about (`what` says its kind). `at`: since when it holds; `noted_at`: when it was said, by
    which two words about one subject are ordered. Both are aware UTC.
    """

    word: Word
    at: datetime
    noted_at: datetime
    who: bytes | None = None
    inbox: bytes | None = None
    reason: str = ""
    what: str = ""
    which: bytes | None = None
    status: str = ""
    until: datetime | None = None


def line_of(wish: Wish) -> str:
    """The wish as one line of JSON; what is empty is left out."""
    fields = {
        "word": wish.word.value,
        "who": wish.who and wish.who.hex(),
        "inbox": wish.inbox and wish.inbox.hex(),
        "reason": wish.reason,
        "what": wish.what,
        "which": wish.which and wish.which.hex(),
        "status": wish.status,
        "until": wish.until and wish.until.isoformat(),
        "at": wish.at.isoformat(),
        "noted_at": wish.noted_at.isoformat(),
    }
    return json.dumps({name: value for name, value in fields.items() if value})


def wish_of(line: str) -> Wish:
    """The wish that a line holds.

    Raises:
        ValueError: It is no line of ours, or was cut off.
    """
    try:
        fields = json.loads(line)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(fields, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one kind of error for whatever is wrong with a line
    wish = Wish(
        word=Word(_text(fields.get("word"))),
        at=_moment(fields.get("at")),
        noted_at=_moment(fields.get("noted_at")),
        who=_hash(fields.get("who")),
        inbox=_hash(fields.get("inbox")),
        reason=_reason(fields.get("reason")),
        what=_text(fields.get("what")),
        which=_hash(fields.get("which")),
        status=_text(fields.get("status")),
        until=_moment(fields["until"]) if fields.get("until") else None,
    )
    if (wish.which if wish.word is Word.STATUS else wish.who) is None:
        raise ValueError("it says not whom or what it is about")
    return wish


def _moment(said: Any) -> datetime:
    moment = datetime.fromisoformat(_text(said))
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment


def _hash(said: Any) -> bytes | None:
    if said is None:
        return None
    value = bytes.fromhex(_text(said))
    if len(value) != _HASH_BYTES:
        raise ValueError("not a keyed hash")
    return value


def _reason(said: Any) -> str:
    """A reason that this version does not know (a newer one wrote it) bars all the same."""
    reason = _text(said)
    return reason if reason in REASONS else _FALLBACK_REASON if reason else ""


def _text(said: Any) -> str:
    if said is None:
        return ""
    if not isinstance(said, str) or "\0" in said:
        raise ValueError("not a text")
    said.encode()  # half a surrogate pair is none, and raises a ValueError
    return said

"""Named places on the way of a send where a process may die; tests kill it there, production only walks past.

Each name stands before or after one commit or one network call of claim → render → hand over → record. The test that
kills a process at every one of them is `tests/integration/test_crash_matrix.py`, its result `docs/never-twice.md`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class CrashPoint(StrEnum):
    """Places in the order a send passes them."""

    BEFORE_CLAIM = "before the claim's transaction"
    CLAIM_WRITTEN = "claim written, not committed"
    CLAIM_COMMITTED = "claim committed"
    JOURNAL_WRITTEN = "the claim is in the store's journal"
    BEFORE_RENDER = "before a mail is rendered"
    BEFORE_CONNECT = "before the provider is connected"
    BEFORE_HAND_OVER = "before a mail's bytes go out"
    HANDED_OVER = "bytes went out, no answer yet"
    ANSWERED = "the provider answered"
    BEFORE_RECORD = "before the answers are written"
    RECORD_WRITTEN = "answers written, not committed"
    RECORD_COMMITTED = "answers committed"


_observer: Callable[[CrashPoint], None] | None = None


def observe(observer: Callable[[CrashPoint], None] | None) -> None:
    """Have `observer` called at every point; None ends it. Only tests observe."""
    global _observer  # noqa: PLW0603 - one process, one observer
    _observer = observer


def reached(point: CrashPoint) -> None:
    """Say that this place is reached; costs one comparison where nobody observes."""
    if _observer is not None:
        _observer(point)

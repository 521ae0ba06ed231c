"""How long a template may take: every filter and every turn of a loop looks at the clock of the thread that renders."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any

from leadmill.domain.dispatch import RENDER_WITHIN
from leadmill.errors import TemplateDefect

_HALF = RENDER_WITHIN.total_seconds() / 2


class _Clock(threading.local):
    """Until when this thread's mail must be done. `cpu_ends_at` is set once half of the time is over."""

    ends_at = float("inf")
    cpu_ends_at: float | None = None


_clock = _Clock()


def begin() -> None:
    """A mail is being rendered from now on."""
    _clock.ends_at = time.perf_counter() + _HALF
    _clock.cpu_ends_at = None


def end() -> None:
    """It is done, or given up."""
    _clock.ends_at = float("inf")


def check() -> None:
    """Raises `TemplateDefect` when the mail's time is over."""
    if time.perf_counter() > _clock.ends_at:
        _look_closer()


def _look_closer() -> None:
    """The second half counts this thread's work only: a process that stood still is not the template's fault."""
    now = time.thread_time()
    if _clock.cpu_ends_at is None:
        _clock.cpu_ends_at = now + _HALF
    left = _clock.cpu_ends_at - now
    if left <= 0:
        raise TemplateDefect(
            f"Filling in this template takes longer than {RENDER_WITHIN.total_seconds():g} second; shorten its loops "
            "and the texts that its filters work on."
        )
    _clock.ends_at = time.perf_counter() + left


def timed(function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that looks at the clock first; what Jinja notes on the function stays."""

    @wraps(function)
    def looks_first(*args: Any, **kwargs: Any) -> Any:
        check()
        return function(*args, **kwargs)

    return looks_first


def counted(values: Iterable[Any]) -> Iterator[Any]:
    """The values of a loop, with a look at the clock before each."""
    for value in values:
        check()
        yield value

"""The event loop that sending runs in: uvloop's where it is installed (there is none for Windows)."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

_T = TypeVar("_T")

_SWITCH_SECONDS = 0.000_5
"""How long the ledger's thread may keep the interpreter while the loop wants it. Python's own 5 ms would let every
connection wait so long for each of its answers as long as a claim or a batch of results is being worked on."""

_COLLECT_AFTER = 50_000
"""New objects between two looks for garbage cycles. Thousands of claimed sends live at once, none is garbage: looking
through them after every 700, Python's own measure, took a tenth of the sending's time."""


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run to its end in a loop of its own."""
    return where_no_loop_runs(lambda: _run(work))


def where_no_loop_runs(start: Callable[[], _T]) -> _T:
    """Call `start`, which runs an event loop, where it may: in this thread, or beside it if a loop runs here already.

    One runs where a notebook, an ASGI handler or Playwright's synchronous API calls us. Such a caller waits as any
    other does, and its loop stands still meanwhile; an interrupt reaches it when the work has ended.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return start()
    context = contextvars.copy_context()
    with ThreadPoolExecutor(1, thread_name_prefix="own-loop") as thread:
        return thread.submit(context.run, start).result()


def _run(work: Coroutine[Any, Any, _T]) -> _T:
    before, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(min(before, _SWITCH_SECONDS))
    gc.set_threshold(_COLLECT_AFTER, *thresholds[1:])
    try:
        with asyncio.Runner(loop_factory=_factory()) as runner:
            return runner.run(work)
    finally:
        sys.setswitchinterval(before)
        gc.set_threshold(*thresholds)


def _factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop

"""Sending runs in a loop of its own, wherever it is called from."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
from functools import partial

import pytest

from leadmill.adapters.dns import DnsLookup
from leadmill.adapters.event_loop import run, where_no_loop_runs
from leadmill.domain.dns import DnsStatus

whose: contextvars.ContextVar[str] = contextvars.ContextVar("whose", default="nobody's")


async def where_am_i() -> tuple[str, str, int]:
    await asyncio.sleep(0)
    return threading.current_thread().name, whose.get(), id(asyncio.get_running_loop())


async def fail() -> None:
    raise LookupError("a lane failed")


def test_without_a_running_loop_the_work_runs_in_the_callers_thread() -> None:
    thread, _, _ = run(where_am_i())
    assert thread == threading.current_thread().name


def test_a_caller_inside_a_running_loop_is_served_by_a_loop_beside_it() -> None:
    async def handler() -> tuple[str, int]:
        whose.set("a request's")
        thread, context, loop = run(where_am_i())
        assert context == "a request's"
        assert loop != id(asyncio.get_running_loop())
        return thread, (await where_am_i())[2]  # its own loop goes on afterwards

    async def both() -> int:
        thread, loop = await handler()
        assert thread != threading.current_thread().name
        assert loop == id(asyncio.get_running_loop())
        return loop

    assert asyncio.run(both())


@pytest.mark.parametrize("call", [lambda work: work(), lambda work: asyncio.run(inside(work))], ids=["here", "beside"])
def test_an_error_reaches_the_caller_and_the_interpreter_is_as_before(call) -> None:
    before = sys.getswitchinterval()
    with pytest.raises(LookupError, match="a lane failed"):
        call(lambda: run(fail()))
    assert sys.getswitchinterval() == before


async def inside(work) -> None:
    work()


def test_names_can_be_looked_up_from_inside_a_running_loop() -> None:
    async def handler() -> list[DnsStatus]:
        return [answer.status for answer in DnsLookup([]).look_up(["a" * 70 + ".test", "b.test"])]

    assert asyncio.run(handler()) == [DnsStatus.UNREADABLE, DnsStatus.TIMEOUT]


def test_the_work_may_itself_start_a_loop_in_turn() -> None:
    async def outer() -> str:
        return where_no_loop_runs(partial(asyncio.run, where_am_i()))[0]

    assert run(outer()) != threading.current_thread().name

"""Lets a provider whose client blocks send beside the event loop, in a thread: `ports.esp.Esp` of a `BlockingEsp`."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from concurrent.futures import Executor

from leadmill.domain.dispatch import LEASE_MARGIN
from leadmill.domain.messages import OutgoingMessage, Receipt
from leadmill.errors import ProviderUnavailable
from leadmill.ports.esp import BlockingEsp

HAND_OVER_WITHIN_SECONDS = LEASE_MARGIN.total_seconds() * 0.8
"""Nothing is handed over later than so long after it was asked for: a batch starts at the latest when `LEASE_MARGIN` of
its lease is left, and a slow provider must not carry it past the lease's end."""


class InThread:
    """Runs each `send` of a blocking provider in one thread; its receipts come out in the event loop."""

    def __init__(self, esp: BlockingEsp, threads: Executor | None = None) -> None:
        """`threads` runs the sends; None takes the event loop's own."""
        self._esp = esp
        self._threads = threads
        self.name = esp.name
        self.batch_size = esp.batch_size

    async def send(self, messages: Iterable[OutgoingMessage]) -> AsyncIterator[Receipt]:
        asked = list(messages)
        if not asked:
            return
        hand_over = _HandOver(self._esp, asked)
        work = asyncio.get_running_loop().run_in_executor(self._threads, hand_over.run)
        work.add_done_callback(lambda _: hand_over.wake.set())
        try:
            while not work.done():
                await hand_over.wake.wait()
                hand_over.wake.clear()
                while hand_over.receipts:
                    yield hand_over.receipts.popleft()
            work.result()
        finally:  # nobody listens any more: the thread ends after the message it is at
            hand_over.is_over = True

    async def close(self) -> None:
        """Nothing to end: the connections are the account's, and its other mailboxes use them."""


class _HandOver:
    """One `send` in its thread."""

    def __init__(self, esp: BlockingEsp, messages: Sequence[OutgoingMessage]) -> None:
        self._esp = esp
        self._messages = messages
        self._loop = asyncio.get_running_loop()
        self.receipts: deque[Receipt] = deque()
        self.wake = asyncio.Event()
        self.is_over = False

    def run(self) -> None:
        for receipt in self._esp.send(_InTime(self._esp.name, self._messages)):
            self.receipts.append(receipt)
            if len(self.receipts) == 1:  # else a wake-up is on its way that will find this one too
                self._loop.call_soon_threadsafe(self.wake.set)
            if self.is_over:
                return


class _InTime(list[OutgoingMessage]):
    """Messages for a provider that takes them one by one: the next is not given out when it would be handed over late.

    A provider that takes a whole batch in one call reads them all at the start.
    """

    def __init__(self, provider: str, messages: Sequence[OutgoingMessage]) -> None:
        super().__init__(messages)
        self._provider = provider
        self._began = time.monotonic()

    def __iter__(self) -> Iterator[OutgoingMessage]:
        for message in super().__iter__():
            if time.monotonic() - self._began > HAND_OVER_WITHIN_SECONDS:
                raise ProviderUnavailable(f"{self._provider} is too slow for its batch; the rest is given back.")
            yield message

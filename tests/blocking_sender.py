"""Drives an asynchronous provider from a plain test: one event loop kept open from the first mail to the close."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from datetime import datetime

import uvloop

from leadmill.adapters.content.mime import to_bytes
from leadmill.adapters.esp.opening import OpenEsps
from leadmill.domain.messages import OutgoingMessage, Receipt
from leadmill.ports.esp import Channel, Esp


class BlockingSender:
    """`send` and `close` of an `Esp`, without async; `esp` is the provider itself."""

    def __init__(self, esp: Esp, *, loop: str = "uvloop") -> None:
        self.esp = esp
        self.runner = asyncio.Runner(loop_factory=uvloop.new_event_loop if loop == "uvloop" else None)

    def send(self, messages: Iterable[OutgoingMessage]) -> Iterator[Receipt]:
        receipts = aiter(self.esp.send(messages))

        async def following() -> Receipt | None:
            return await anext(receipts, None)

        while (receipt := self.runner.run(following())) is not None:
            yield receipt

    def close(self) -> None:
        self.runner.run(self.esp.close())
        self.runner.close()


def open_sender(channel: Channel, *, date: datetime, loop: str = "uvloop") -> BlockingSender:
    """The channel's provider as the product opens it."""
    return BlockingSender(OpenEsps(to_bytes).open(channel, date=date), loop=loop)

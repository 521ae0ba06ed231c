"""The edge's own events, gathered for a moment and written to `landing/events/edge/` as NDJSON objects."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal
from uuid import uuid4

import structlog

from leadmill.errors import StoreUnavailable
from leadmill.ports.store import ObjectStore

_GATHER_SECONDS = 0.5  # opens and clicks wait at most this long in memory
_GATHER_DURABLE_SECONDS = 0.02  # while somebody waits for the answer: just long enough to share one write
_KEPT_WHILE_STORE_IS_DOWN = 20_000  # events; about 10 MB

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EdgeEvent:
    """One line of an edge object; `occurred_at` is ISO 8601 in UTC with a Z."""

    event_id: str
    kind: Literal["opened", "clicked", "unsubscribed"]
    send_id: int
    occurred_at: str
    user_agent: str
    ip: str
    url: str
    method: str


def landing_key(provider: str, at: datetime, suffix: str) -> str:
    """A fresh key `landing/events/<provider>/YYYY/MM/DD/<HHMMSS>-<uuid><suffix>`."""
    return f"landing/events/{provider}/{at:%Y/%m/%d/%H%M%S}-{uuid4().hex}{suffix}"


class Journal:
    """Batches events into objects; a durable event is answered only once it lies in the store."""

    def __init__(self, store: ObjectStore, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._waiting: list[tuple[EdgeEvent, asyncio.Future[None] | None]] = []
        self._something = asyncio.Event()
        self._hurry = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._closing = False

    async def start(self) -> None:
        """Start writing in the background."""
        self._writer = asyncio.create_task(self._write_until_closed())

    async def close(self) -> None:
        """Write what is left, then stop."""
        self._closing = True
        self._something.set()
        self._hurry.set()
        if self._writer:
            await self._writer

    def note(self, event: EdgeEvent) -> None:
        """Keep an event; it reaches the store within about half a second, or at shutdown."""
        if len(self._waiting) >= _KEPT_WHILE_STORE_IS_DOWN:
            log.error("edge event dropped: the object store has not answered for long", send_id=event.send_id)
            return
        self._waiting.append((event, None))
        self._something.set()

    async def keep(self, event: EdgeEvent) -> None:
        """Return once the event lies in the store.

        Raises:
            StoreUnavailable: It could not be written; nothing may be promised to the caller.
        """
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, written))
        self._hurry.set()
        self._something.set()
        await written

    async def _write_until_closed(self) -> None:
        while not (self._closing and not self._waiting):
            await self._something.wait()
            if not self._closing:
                await self._gather()
            self._something.clear()
            self._hurry.clear()
            batch, self._waiting = self._waiting, []
            if batch and not await self._write(batch):
                if self._closing:
                    return
                await asyncio.sleep(1)

    async def _gather(self) -> None:
        try:
            await asyncio.wait_for(self._hurry.wait(), _GATHER_SECONDS)
        except TimeoutError:
            return
        await asyncio.sleep(_GATHER_DURABLE_SECONDS)

    async def _write(self, batch: list[tuple[EdgeEvent, asyncio.Future[None] | None]]) -> bool:
        body = "".join(json.dumps(asdict(event), separators=(",", ":")) + "\n" for event, _ in batch).encode()
        try:
            await asyncio.to_thread(self._store.write, landing_key("edge", self._clock(), ".ndjson"), body)
        except Exception as error:  # whatever the store raises, callers must learn and opens be kept
            log.exception("writing edge events failed; opens and clicks are kept for another try", events=len(batch))
            self._give_back(batch, error)
            return False
        for _, written in batch:
            if written and not written.done():
                written.set_result(None)
        return True

    def _give_back(self, batch: list[tuple[EdgeEvent, asyncio.Future[None] | None]], error: Exception) -> None:
        for _, written in batch:
            if written and not written.done():
                failure = StoreUnavailable("Writing an edge event failed; the caller is asked to try again.")
                failure.__cause__ = error
                written.set_exception(failure)
        self._waiting = [(event, None) for event, written in batch if written is None] + self._waiting
        if self._waiting:
            self._something.set()

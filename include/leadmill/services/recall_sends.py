"""While lanes send: which claimed sends must not go out any more? They are taken out of the crews' hands."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from leadmill.domain.dispatch import LOOK_EVERY, LOOKS_ARE_STALE_AFTER, WAIT_FOR_A_LOOK
from leadmill.ports.recalls import Look, RecallLedger
from leadmill.services.hand_over import Crew

log = logging.getLogger(__name__)

_STALE_SECONDS = LOOKS_ARE_STALE_AFTER.total_seconds()


@dataclass(slots=True, eq=False)
class _Claiming:
    """A claim on its way, and the last look before it began: what was written since may be unknown to it."""

    since: Look
    is_over: bool = False


class Recalls:
    """One worker's looks, for all of its lanes. Implements `hand_over.Looks`.

    A look asks for what was written since the one before, or since the one before the oldest claim that was not yet
    over when it began: such a claim may have read before, and its sends are seen by the next look only.
    """

    def __init__(self, ledger: RecallLedger, worker: str, *, thread: Executor, clock: Callable[[], datetime]) -> None:
        """`thread` runs the looks, one at a time; `clock` is the run's own, aware UTC."""
        self._ledger = ledger
        self._worker = worker
        self._thread = thread
        self._clock = clock
        self._lock = threading.Lock()
        self._claims: list[_Claiming] = []
        self._crews: list[Crew] = []
        self._looked = asyncio.Event()
        self.stale_at = time.monotonic() + _STALE_SECONDS
        self._last = self._since = ledger.first_look(now=clock())

    def watch(self, crew: Crew) -> None:
        """Take unwanted sends out of this crew's hands, too."""
        self._crews.append(crew)

    @contextmanager
    def claiming(self) -> Iterator[None]:
        """Around a claim, until the crew has its jobs."""
        with self._lock:
            mine = _Claiming(self._last)
            self._claims.append(mine)
        try:
            yield
        finally:
            mine.is_over = True

    async def until_fresh(self) -> bool:
        """Return when a look is young enough to render by; False when none comes."""
        try:
            async with asyncio.timeout(WAIT_FOR_A_LOOK.total_seconds()):
                while time.monotonic() >= self.stale_at:
                    self._looked.clear()
                    await self._looked.wait()
        except TimeoutError:
            return False
        return True

    async def keep_looking(self) -> None:
        """Look again and again, until it is cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY.total_seconds())
            began = time.monotonic()
            try:
                found = await asyncio.get_running_loop().run_in_executor(self._thread, self._look)
            except Exception as error:  # noqa: BLE001 - without looks nothing goes out; the sends are given back
                log.warning("a look for unwanted sends failed (%s)", type(error).__name__)
                continue
            for crew in self._crews:
                crew.recall(found.unwanted)
            self.stale_at = began + _STALE_SECONDS
            self._looked.set()

    def _look(self) -> Look:
        with self._lock:
            over = [claim for claim in self._claims if claim.is_over]
        found = self._ledger.look(self._worker, self._since, now=self._clock())
        with self._lock:
            self._claims = [claim for claim in self._claims if claim not in over]
            self._since = self._claims[0].since if self._claims else found
            self._last = found
        return found

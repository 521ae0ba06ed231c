"""Spaces hand-overs of all mailboxes of a lane so that the account's rate is kept."""

from __future__ import annotations

import asyncio
import time

BURST_SECONDS = 0.25
"""Mails of so long may go at once: fewer calls for providers that take many in one, and far from what a provider that
counts by the second would call a burst."""


class Pacer:
    """One per lane; `max_per_second` is in mails, None means no limit."""

    def __init__(self) -> None:
        self._next = 0.0
        self.max_per_second: float | None = None

    def burst(self, batch_size: int) -> int:
        """How many mails may be handed over together, at least 1 and at most `batch_size`."""
        if self.max_per_second is None:
            return batch_size
        return max(1, min(batch_size, int(self.max_per_second * BURST_SECONDS)))

    async def wait(self, mails: int) -> None:
        """Return when the next so many mails may go."""
        if self.max_per_second is None:
            return
        now = time.monotonic()
        mine = max(self._next, now)
        self._next = mine + mails / self.max_per_second
        if mine > now:
            await asyncio.sleep(mine - now)

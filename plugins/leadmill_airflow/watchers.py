"""Asset watchers over the object store: a folder and S3 alike (ADR 0004)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from airflow.sdk import AssetWatcher
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from leadmill_airflow.store_listing import StoreListing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from leadmill.ports.store import ObjectStore

POLL_SECONDS = 5.0


class StoreObjectsTrigger(BaseEventTrigger):
    """Fires when objects under a prefix are new or changed, and once at start where some lie there already.

    The event carries a count, never names: it only says "look". The run that it starts takes every object that the
    ledger or the lake has not registered, so neither a lost event nor one too many does harm.
    """

    def __init__(
        self, prefix: str, poll_seconds: float = POLL_SECONDS, open_store: Callable[[], ObjectStore] | None = None
    ) -> None:
        """Watch a prefix.

        Args:
            prefix: A folder of the store with its slash at the end.
            poll_seconds: Time between two looks.
            open_store: Where to look; None means this process's store.
        """
        super().__init__()
        self.prefix = prefix
        self.poll_seconds = poll_seconds
        self._open_store = open_store or _store

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class and the arguments that make this trigger again in another process."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {"prefix": self.prefix, "poll_seconds": self.poll_seconds},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, fire if there is news, wait; an unreachable store is looked at again, never the end of the watch."""
        listing = StoreListing(self.prefix)
        while True:
            try:
                # Listing blocks on the disk or the network: off the triggerer's event loop.
                fresh = await asyncio.to_thread(lambda: listing.news(self._open_store()))
            except Exception:  # a watch that dies silently would be a lead file that nobody imports
                self.log.exception("Listing %s failed; looking again in %s seconds.", self.prefix, self.poll_seconds)
                fresh = 0
            if fresh:
                yield TriggerEvent({"prefix": self.prefix, "objects": fresh})
            await asyncio.sleep(self.poll_seconds)


def watcher(name: str, prefix: str, *, poll_seconds: float = POLL_SECONDS) -> AssetWatcher:
    """An asset watcher over one prefix of the store.

    Args:
        name: Names the watch, for example `landing_leads`.
        prefix: Folder of the store with its slash at the end, for example `landing/leads/`.
        poll_seconds: Time between two looks.
    """
    return AssetWatcher(name=name, trigger=StoreObjectsTrigger(prefix=prefix, poll_seconds=poll_seconds))


def _store() -> ObjectStore:
    from leadmill.bootstrap import app

    return app().store

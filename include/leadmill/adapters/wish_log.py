"""The wishes in the store: small objects of JSON lines under `wishes/YYYY/MM/DD/`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from uuid import uuid4

import structlog

from leadmill.domain.wishes import Wish, line_of, wish_of
from leadmill.errors import NotFound, StoreUnavailable
from leadmill.ports.store import ObjectStore

PREFIX = "wishes/"
_READERS = 16  # a year of small objects is read at once, not one after the other

log = structlog.get_logger(__name__)


class StoredWishes:
    """Implements `ports.wishes.WishLog`. A name holds the time and a random part: no restored counter repeats it."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def append(self, wishes: Sequence[Wish], at: datetime) -> None:
        key = f"{PREFIX}{at:%Y/%m/%d/%H%M%S%f}-{uuid4().hex}.ndjson"
        body = "".join(f"{line_of(wish)}\n" for wish in wishes).encode()
        try:
            self._store.write(key, body)
        except Exception as error:
            raise StoreUnavailable(
                f"Suppressions, erasures or pauses could not be written to the store under {PREFIX}; they wait in the "
                "ledger and are tried again every minute."
            ) from error

    def wishes(self, *, since: date | None = None) -> tuple[list[Wish], int]:
        found: list[Wish] = []
        unreadable = 0
        for key, lines in self._lines(f"{PREFIX}{since:%Y/%m/%d}" if since else ""):
            for number, line in enumerate(lines, 1):
                try:
                    found.append(wish_of(line))
                except ValueError as error:
                    unreadable += 1
                    log.warning(
                        "a line of the wishes cannot be read", key=key, line=number, reason=type(error).__name__
                    )
        return sorted(found, key=lambda wish: wish.noted_at), unreadable

    def _lines(self, start_after: str) -> Iterator[tuple[str, list[str]]]:
        keys = [item.key for item in self._store.list(PREFIX, start_after=start_after)]
        with ThreadPoolExecutor(_READERS) as readers:
            yield from zip(keys, readers.map(self._read, keys), strict=True)

    def _read(self, key: str) -> list[str]:
        try:
            return self._store.read(key).decode("utf-8", "replace").splitlines()
        except NotFound:  # removed since it was listed
            return []

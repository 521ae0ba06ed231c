"""The wishes in the store: small objects of JSON lines under `wishes/YYYY/MM/DD/`."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from uuid import uuid4

import structlog

from leadmill.domain.wishes import Wish, line_of, wish_of
from leadmill.errors import NotFound, StoreUnavailable
from leadmill.ports.store import ObjectStore
from leadmill.ports.wishes import LoggedWishes

PREFIX = "wishes/"
_TIME = "%Y/%m/%d/%H%M%S%f"
_READERS = 16  # a year of small objects is read at once, not one after the other

log = structlog.get_logger(__name__)


class StoredWishes:
    """Implements `ports.wishes.WishLog`. A name holds the time and a random part: no restored counter repeats it."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def append(self, wishes: Sequence[Wish], at: datetime) -> None:
        key = f"{PREFIX}{at.astimezone(UTC):{_TIME}}-{uuid4().hex}.ndjson"
        body = "".join(f"{line_of(wish)}\n" for wish in wishes).encode()
        try:
            self._store.write(key, body)
        except Exception as error:
            raise StoreUnavailable(
                f"Suppressions, erasures or pauses could not be written to the store under {PREFIX}; they wait in the "
                "ledger and are tried again every minute."
            ) from error

    def latest(self, *, after: datetime | None) -> datetime | None:
        # "~" comes after whatever follows a time in a name.
        start_after = f"{PREFIX}{after.astimezone(UTC):{_TIME}}~" if after else ""
        try:
            return _latest(self._keys(start_after))
        except Exception as error:
            raise StoreUnavailable(
                f"The wishes in the store under {PREFIX} could not be listed; without them nothing is sent."
            ) from error

    def wishes(self, *, since: date | None = None) -> LoggedWishes:
        found: list[Wish] = []
        unreadable = 0
        keys = self._keys(f"{PREFIX}{since:%Y/%m/%d}" if since else "")
        with ThreadPoolExecutor(_READERS) as readers:
            for key, lines in zip(keys, readers.map(self._read, keys), strict=True):
                for number, line in enumerate(lines, 1):
                    try:
                        found.append(wish_of(line))
                    except ValueError as error:
                        unreadable += 1
                        log.warning(
                            "a line of the wishes cannot be read", key=key, line=number, reason=type(error).__name__
                        )
        return LoggedWishes(sorted(found, key=lambda wish: wish.noted_at), unreadable, _latest(keys))

    def _keys(self, start_after: str) -> list[str]:
        return [item.key for item in self._store.list(PREFIX, start_after=start_after)]

    def _read(self, key: str) -> list[str]:
        try:
            return self._store.read(key).decode("utf-8", "replace").splitlines()
        except NotFound:  # removed since it was listed
            return []


def _latest(keys: Sequence[str]) -> datetime | None:
    """The time in the last of these names, which are in order; what somebody else put there has none."""
    for key in reversed(keys):
        try:
            return datetime.strptime(key.removeprefix(PREFIX).partition("-")[0], _TIME).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None

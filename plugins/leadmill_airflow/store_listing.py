"""What is new under a prefix of the object store, found without listing everything each time.

Objects under dated folders (`…/2026/11/22/…`) only ever arrive at the end, so after the first full listing each source
is listed from the day before its newest day on; every now and then everything is listed again, for a new source or a
straggler. Flat prefixes, such as `landing/leads/`, have no order in their names and are listed whole.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leadmill.ports.store import ObjectStore, StoredObject

_DATED = re.compile(r"(?P<source>.*?)(?P<year>\d{4})/(?P<month>\d{2})/(?P<day>\d{2})/")
_FULL_LISTING_EVERY = 60


class StoreListing:
    """Remembers what a prefix held, and says what came or changed since."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._seen: dict[str, tuple[int, object]] = {}
        self._newest_day: dict[str, date] = {}
        self._looks = 0

    def news(self, store: ObjectStore) -> int:
        """How many objects are new or changed since the last look; all of them at the first."""
        full = self._looks % _FULL_LISTING_EVERY == 0 or not self._newest_day
        self._looks += 1
        found = {item.key: (item.byte_size, item.modified_at) for item in self._listed(store, full=full)}
        fresh = sum(self._seen.get(key) != state for key, state in found.items())
        for key in found:
            self._note_day(key)
        # A full look also forgets what was deleted, so that memory does not grow for ever.
        self._seen = found if full else self._seen | found
        return fresh

    def _listed(self, store: ObjectStore, *, full: bool) -> Iterator[StoredObject]:
        if full:
            yield from store.list(self._prefix)
            return
        for source, newest in self._newest_day.items():
            # One day back: an object named for yesterday may land after midnight.
            yield from store.list(source, start_after=f"{source}{newest - timedelta(days=1):%Y/%m/%d}/")

    def _note_day(self, key: str) -> None:
        dated = _DATED.match(key)
        if dated is None:
            return
        try:
            day = date(int(dated["year"]), int(dated["month"]), int(dated["day"]))
        except ValueError:
            return
        known = self._newest_day.get(dated["source"], day)
        self._newest_day[dated["source"]] = max(day, known)

"""Read what waits in the landing zone into the lake."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime

from leadmill.errors import EventObjectsUnreadable
from leadmill.ports.collecting import Collection, CollectionCounts, Collector
from leadmill.ports.store import StoredObject

log = logging.getLogger(__name__)

BATCH_OBJECTS = 2_000
BATCH_BYTES = 24_000_000  # as stored; gzip makes it about eight times that in memory


def collect_events(collector: Collector, *, as_of: datetime) -> CollectionCounts:
    """Collect until nothing waits. Every batch is one lake transaction, so a crash loses and repeats nothing.

    An object that is more than the lake can hold stops no other: it is set aside with its reason.

    Args:
        collector: Reads objects and commits events.
        as_of: When the events count as collected.

    Returns:
        The counts over all batches.
    """
    total = CollectionCounts()
    with collector.open() as collection:
        while waiting := collection.waiting():
            for batch in batches(waiting):
                total += _collected(collection, batch, as_of=as_of)
    return total


def _collected(collection: Collection, batch: Sequence[StoredObject], *, as_of: datetime) -> CollectionCounts:
    """Collect a batch; where one object of it cannot be held, halve until it stands alone, and set it aside."""
    try:
        return collection.collect(batch, as_of=as_of)
    except EventObjectsUnreadable as error:
        if len(batch) == 1:
            log.warning("event object %s cannot be read (%s) and is set aside", batch[0].key, error)
            return collection.set_aside(batch[0], reason=f"cannot be held: {error}", as_of=as_of)
        middle = len(batch) // 2
        first = _collected(collection, batch[:middle], as_of=as_of)
        return first + _collected(collection, batch[middle:], as_of=as_of)


def batches(objects: Sequence[StoredObject]) -> Iterator[list[StoredObject]]:
    """Cut objects into batches of at most `BATCH_OBJECTS` and `BATCH_BYTES`; a larger object is a batch by itself."""
    batch: list[StoredObject] = []
    size = 0
    for item in objects:
        if batch and (len(batch) >= BATCH_OBJECTS or size + item.byte_size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += item.byte_size
    if batch:
        yield batch

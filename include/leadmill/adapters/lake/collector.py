"""The collector: landed objects in, events in the lake. Set-based in DuckDB; only inbound mail is read by Python."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa
import structlog

from leadmill.adapters.lake.duck import Lake
from leadmill.adapters.lake.event_staging import PROVIDERS, EventStaging
from leadmill.adapters.ledger.collecting import collecting_alone, sends_named_plainly, sends_of
from leadmill.adapters.ledger.database import Database
from leadmill.adapters.webhooks.inbound_mail import INBOUND
from leadmill.domain.machine_touches import BURST_SECONDS, CROWD_SENDS, SCANNER_PATTERN
from leadmill.domain.reply_words import PATTERNS
from leadmill.domain.send_tags import plain_send_ids, send_id_of_tag
from leadmill.errors import DatabaseUnavailable, EventObjectsUnreadable
from leadmill.ports.collecting import CollectionCounts
from leadmill.ports.store import ObjectStore, StoredObject
from leadmill.sql import query

EVENTS_PREFIX = "landing/events/"
INBOUND_PREFIX = "landing/inbound/"
KNOWN_WINDOW = timedelta(days=7)
"""Copies of an event come within this time: SendGrid retries for a day, SNS and Firehose for up to three."""

_LISTED = pa.schema(
    [("object_key", pa.string()), ("byte_size", pa.int64()), ("modified_at", pa.timestamp("us", tz="UTC"))]
)

_DEFECTS = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException, duckdb.SyntaxException)
"""What a statement of ours raises whatever it reads."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LakeCollector:
    """Opens collections over one store, lake and ledger. `fast_seconds`: see `domain.machine_touches`."""

    store: ObjectStore
    lake: Lake
    database: Database
    key: bytes
    fast_seconds: float

    @contextmanager
    def open(self) -> Iterator[LakeCollection]:
        with collecting_alone(self.database.url), LakeCollection(self) as collection:
            yield collection

    @contextmanager
    def look(self) -> Iterator[LakeCollection]:
        """A collection that may only look what waits; it takes no lock and keeps nobody waiting."""
        with LakeCollection(self) as collection:
            yield collection


class LakeCollection:
    """One collector at work on one DuckDB connection, opened anew after an object that it could not hold."""

    def __init__(self, collector: LakeCollector) -> None:
        self._c = collector
        self._connections = ExitStack()

    def __enter__(self) -> Self:
        self._connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connections.__exit__(kind, error, trace)  # the connection says what an error of its own means

    def _connect(self) -> None:
        self._connections.close()
        self._duck = duck = self._connections.enter_context(self._c.lake.connect())
        duck.execute(_sql("prepare_collection"))
        words = [
            (provider.name, word, m.kind.value, m.bounce_kind and m.bounce_kind.value, m.also and m.also.value)
            for provider in (*PROVIDERS.values(), INBOUND)
            for word, m in provider.words.items()
        ]
        self._insert("words", _columns(words, ("provider", "word", "kind", "bounce_kind", "also")))
        patterns = [(place, said.value, pattern) for place, (said, pattern) in enumerate(PATTERNS.items())]
        self._insert("reply_words", _columns(patterns, ("place", "said", "pattern")))

    def waiting(self) -> list[StoredObject]:
        listed = [*self._c.store.list(EVENTS_PREFIX), *self._c.store.list(INBOUND_PREFIX)]
        columns = ([o.key for o in listed], [o.byte_size for o in listed], [o.modified_at for o in listed])
        self._duck.execute("truncate listed")
        self._insert("listed", pa.table(list(columns), schema=_LISTED))
        by_key = {o.key: o for o in listed}
        return [by_key[key] for (key,) in self._duck.execute(_sql("unread_objects")).fetchall()]

    def forget(self) -> None:
        """Take what came from objects that still lie in the landing zone out of the lake; older events stay."""
        self.waiting()
        self._duck.execute("begin")
        self._duck.execute(_sql("forget_events"))
        self._duck.execute("commit")

    def collect(self, batch: Sequence[StoredObject], *, as_of: datetime) -> CollectionCounts:
        try:
            return self._collected(batch, as_of=as_of)
        except (duckdb.Error, pa.ArrowException, MemoryError, RecursionError) as error:
            if isinstance(error, duckdb.OperationalError) and not isinstance(error, duckdb.OutOfMemoryException):
                raise  # Postgres or the store does not answer: `Lake.connect` says so
            if isinstance(error, _DEFECTS):
                raise  # each object would fail: none is to blame
            self._connect()  # after an internal error DuckDB takes no statement any more
            raise EventObjectsUnreadable(type(error).__name__) from error

    def set_aside(self, item: StoredObject, *, reason: str, as_of: datetime) -> CollectionCounts:
        self._begin([item])
        self._duck.execute("insert into broken values (?, 0, ?, null)", [item.key, reason])
        self._translate(as_of)
        return replace(self._commit(as_of), objects=1)

    def _begin(self, batch: Sequence[StoredObject]) -> None:
        self._duck.execute(_sql("forget_batch"))
        objects = [
            (o.key, "inbound" if o.key.startswith(INBOUND_PREFIX) else "events", o.byte_size, o.modified_at)
            for o in batch
        ]
        self._insert("batch_objects", _columns(objects, ("object_key", "kind", "byte_size", "modified_at")))

    def _collected(self, batch: Sequence[StoredObject], *, as_of: datetime) -> CollectionCounts:
        self._begin(batch)
        staging = EventStaging(self._duck, self._c.store, self._c.database, self._c.key)
        staging.stage_webhooks([o for o in batch if o.key.startswith(EVENTS_PREFIX)])
        unmatched = staging.stage_mails([o for o in batch if o.key.startswith(INBOUND_PREFIX)])
        self._duck.execute(_sql("set_aside_incomplete"))
        self._duck.execute(_sql("drop_incomplete"))
        self._read_tags()
        self._translate(as_of)
        counts = self._commit(as_of)
        return replace(counts, objects=len(batch), unmatched_mails=unmatched)

    def _read_tags(self) -> None:
        """The sends that the tags name: signed ones, and plain ones of before where the ledger bears them out."""
        tags = [row[0] for row in self._duck.execute(_sql("referenced_tags")).fetchall()]
        genuine = [(tag, number) for tag in tags if (number := send_id_of_tag(tag, self._c.key)) is not None]
        if genuine:
            self._insert("genuine_tags", _columns(genuine, ("send_tag", "send_id")))
            self._duck.execute(_sql("believe_genuine_tags"))
        numbers = plain_send_ids(tags)
        named = sends_named_plainly(self._c.database, numbers) if numbers else []
        if named:
            rows = [(str(number), message_id, number) for number, message_id in named]
            table = _columns(rows, ("send_tag", "provider_message_id", "send_id"))
            self._insert("plain_tags", table)
            self._duck.execute(_sql("believe_plain_tags"))

    def _translate(self, as_of: datetime) -> None:
        """From staged words to fresh events with their labels."""
        send_ids = [row[0] for row in self._duck.execute(_sql("referenced_sends")).fetchall()]
        message_ids = [row[0] for row in self._duck.execute(_sql("referenced_messages")).fetchall()]
        self._insert("known_sends", sends_of(self._c.database, send_ids, message_ids))
        self._duck.execute(_sql("read_words"))
        self._duck.execute(_sql("translate"))
        window = {"window_start": as_of - KNOWN_WINDOW}
        self._duck.execute(_sql("drop_known"), window)
        span = self._duck.execute(_sql("late_span"), window).fetchone()
        if span and span[0] is not None:
            self._duck.execute(_sql("drop_known_late"), {**window, "first_at": span[0], "last_at": span[1]})
        self._duck.execute(
            _sql("label_machines"),
            {
                "burst_seconds": BURST_SECONDS,
                "crowd_sends": CROWD_SENDS,
                "scanner_pattern": SCANNER_PATTERN,
                "fast_seconds": self._c.fast_seconds,
            },
        )

    def _commit(self, as_of: datetime) -> CollectionCounts:
        """Events and the objects they came from, in one lake transaction; quarantine before it."""
        row = self._duck.execute(_sql("next_batch")).fetchone()
        batch = int(row[0]) if row else 1
        self._quarantine(batch, as_of)
        unknown = dict(self._duck.execute(_sql("unknown_words")).fetchall())
        try:
            self._duck.execute("begin")
            self._duck.execute(_sql("commit_events"), {"as_of": as_of})
            self._duck.execute(_sql("commit_objects"), {"as_of": as_of, "batch": batch})
            self._duck.execute("commit")
        except duckdb.Error as error:
            raise DatabaseUnavailable(
                f"The lake did not take batch {batch} of events; it is collected again."
            ) from error
        counted = self._duck.execute(_sql("batch_counts"), {"batch": batch}).fetchone() or (0, 0, 0)
        if unknown:
            log.warning("provider words that no table holds", batch=batch, words=unknown)
        return CollectionCounts(events=counted[0], duplicates=counted[1], broken=counted[2], unknown_words=unknown)

    def _quarantine(self, batch: int, as_of: datetime) -> None:
        """Keep what could not be read. The key is the batch's, so that a batch tried again writes the same object."""
        rows = self._duck.execute(_sql("broken_lines")).fetchall()
        if rows:
            names = ("object_key", "line_no", "reason", "line")
            body = "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows)
            self._c.store.write(f"quarantine/events/{as_of:%Y/%m/%d}/batch-{batch}.ndjson", body.encode())
            log.warning("broken event lines set aside", batch=batch, lines=len(rows))

    def _insert(self, table: str, rows: pa.Table) -> None:
        self._duck.register("incoming_rows", rows)
        self._duck.execute(f"insert into {table} by name select * from incoming_rows")
        self._duck.unregister("incoming_rows")


def _sql(name: str) -> str:
    return query("lake/collect", name)


def _columns(rows: Sequence[tuple[object, ...]], names: Sequence[str]) -> pa.Table:
    return pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))

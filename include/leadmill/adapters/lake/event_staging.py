"""From objects to staged events: large objects straight from DuckDB's JSON reader, all others line by line."""

from __future__ import annotations

import json
from collections.abc import Sequence

import duckdb
import pyarrow as pa

from leadmill.adapters.lake.object_reading import read_texts
from leadmill.adapters.ledger.collecting import latest_sends_of, own_answers, sends_of
from leadmill.adapters.ledger.database import Database
from leadmill.adapters.webhooks.edge import EDGE
from leadmill.adapters.webhooks.inbound_mail import MailEvent, read_inbound_mail
from leadmill.adapters.webhooks.mailgun import MAILGUN
from leadmill.adapters.webhooks.postmark import POSTMARK
from leadmill.adapters.webhooks.sendgrid import SENDGRID
from leadmill.adapters.webhooks.ses import SES
from leadmill.adapters.webhooks.words import Provider
from leadmill.errors import NotFound
from leadmill.ports.store import ObjectStore, StoredObject
from leadmill.sql import query

PROVIDERS: dict[str, Provider] = {p.name: p for p in (SES, SENDGRID, MAILGUN, POSTMARK, EDGE)}
_STREAMED = {"ses": "read_ndjson", "edge": "read_ndjson", "sendgrid": "read_array"}
_STREAMED_FROM_BYTES = 64_000  # below, opening a file for DuckDB costs more than it saves
_MATCHED_BY_ADDRESS = {"reply", "auto reply", "opt-out"}  # a forged report must not suppress anybody


class EventStaging:
    """Fills the temporary tables `staged` and `broken` of one batch."""

    def __init__(self, duck: duckdb.DuckDBPyConnection, store: ObjectStore, database: Database, key: bytes) -> None:
        self._duck = duck
        self._store = store
        self._database = database
        self._key = key
        root = store.uri_of("x").removesuffix("x")
        duck.execute("set variable root_length = ?", [len(root)])

    def stage_webhooks(self, objects: Sequence[StoredObject]) -> None:
        """Stage the webhook bodies of every provider; a folder of no known provider is broken as a whole."""
        by_provider: dict[str, list[StoredObject]] = {}
        for item in objects:
            by_provider.setdefault(item.key.split("/")[2], []).append(item)
        for name, items in by_provider.items():
            if name not in PROVIDERS:
                self._set_aside([(o.key, 0, "no such provider", None) for o in items])
                continue
            provider = PROVIDERS[name]
            self._duck.execute("set variable provider = ?", [name])
            self._duck.execute("set variable columns = ?", [provider.column_types()])
            self._duck.execute("set variable fields = ?", [json.dumps(provider.fields)])
            left = self._stream(provider, items)
            self._read_carefully(provider, left)

    def _stream(self, provider: Provider, items: Sequence[StoredObject]) -> list[str]:
        """Stage large objects from DuckDB's reader. Returns the keys that are left for careful reading."""
        statement = _STREAMED.get(provider.name)
        large = [o.key for o in items if statement and o.byte_size >= _STREAMED_FROM_BYTES]
        left = [o.key for o in items if not statement or o.byte_size < _STREAMED_FROM_BYTES]
        if statement is None or not large:
            return left
        if self._try_read(statement, large):
            return left + self._take_records(provider)
        for key in large:  # one of them stops the reader: find it, keep the others fast
            left += self._take_records(provider) if self._try_read(statement, [key]) else [key]
        return left

    def _try_read(self, statement: str, keys: Sequence[str]) -> bool:
        self._duck.execute("set variable uris = ?", [[self._store.uri_of(key) for key in keys]])
        try:
            self._duck.execute(_sql(statement))
        except duckdb.Error:
            return False
        return True

    def _take_records(self, provider: Provider) -> list[str]:
        """Stage what was read, but for objects with odd lines: their keys are returned."""
        odd = self._odd_objects(provider)
        self._stage(provider)
        return odd

    def _odd_objects(self, provider: Provider) -> list[str]:
        """Take objects with a line that is no record out of `records`; they are read again, line by line."""
        missing = " and ".join(f'"{name}" is null' for name in provider.required)
        odd = [
            row[0] for row in self._duck.execute(f"select distinct object_key from records where {missing}").fetchall()
        ]
        if odd:
            self._duck.execute("delete from records where object_key in (select unnest(?))", [odd])
        return odd

    def _read_carefully(self, provider: Provider, keys: Sequence[str]) -> None:
        if not keys:
            return
        texts = list(read_texts(self._store, keys))
        self._set_aside([(key, 0, "cannot be unzipped", None) for key, text in texts if text is None])
        whole = [(key, text) for key, text in texts if text is not None]
        rows = pa.table(
            {
                "provider": pa.array([provider.name] * len(whole), pa.string()),
                "object_key": pa.array([key for key, _ in whole], pa.string()),
                "body": pa.array([text for _, text in whole], pa.large_string()),
            }
        )
        self._duck.execute("truncate documents; truncate lines;")
        self._duck.register("incoming_documents", rows)
        self._duck.execute("insert into documents select * from incoming_documents")
        self._duck.unregister("incoming_documents")
        for name in ("unpack_firehose", "split_documents", "note_broken_lines", "read_lines"):
            self._duck.execute(_sql(name))
        self._stage(provider)

    def _stage(self, provider: Provider) -> None:
        if provider.name == "ses" and self._duck.execute(_sql("wrapped_ses")).fetchone() != (0,):
            self._duck.execute(_sql("unwrap_ses"))
            self._duck.execute(_sql("replace_wrapped_ses"))
        self._duck.execute(_sql(f"stage_{provider.name}"))

    def stage_mails(self, objects: Sequence[StoredObject]) -> int:
        """Stage inbound mails. Returns how many are about none of our sends."""
        found: list[tuple[MailEvent, str]] = []
        for item in objects:
            try:
                raw = self._store.read(item.key)
            except NotFound:  # vanished since it was listed
                continue
            try:
                events = read_inbound_mail(raw, key=self._key, received_at=item.modified_at)
            except Exception as error:  # noqa: BLE001 - anybody may write to us: one mail must not stop all collecting
                self._set_aside([(item.key, 0, f"not a mail: {type(error).__name__}", None)])
                continue
            found += [(event, item.key) for event in events]
        by_reference = self._sends_of_references([e for e, _ in found])
        strangers = {
            e.sender
            for e, _ in found
            if e.send_id is None and e.event_id not in by_reference and e.words[0] in _MATCHED_BY_ADDRESS and e.sender
        }
        known = latest_sends_of(self._database, sorted(strangers)) if strangers else {}
        matched = [(e, key, by_reference.get(e.event_id) or self._send_of(e, known)) for e, key in found]
        named = [(e, key, send_id) for e, key, send_id in matched if send_id is not None]
        self._stage_mail_events(self._of_others(named))
        return sum(send_id is None for _, _, send_id in matched)

    def _of_others(self, named: Sequence[tuple[MailEvent, str, int]]) -> list[tuple[MailEvent, str, int]]:
        """Without our own mails: a follow-up that came back by a copy or a rule names our mails, and is no answer."""
        answers = [(place, n) for place, n in enumerate(named) if n[0].words[0] in _MATCHED_BY_ADDRESS and n[0].sender]
        if not answers:
            return list(named)
        ours = own_answers(self._database, [(send_id, e.sender) for _, (e, _, send_id) in answers])
        left_out = {place for number, (place, _) in enumerate(answers) if number in ours}
        return [n for place, n in enumerate(named) if place not in left_out]

    def _sends_of_references(self, events: Sequence[MailEvent]) -> dict[str, int]:
        """Sends by event id, where a reference is the id that a provider gave one mail and no other."""
        wanted = sorted({name for e in events for name in e.references})
        if not wanted:
            return {}
        rows = sends_of(self._database, [], wanted)
        sends: dict[str, set[int]] = {}
        for name, send_id in zip(rows["provider_message_id"].to_pylist(), rows["send_id"].to_pylist(), strict=True):
            sends.setdefault(name, set()).add(send_id)
        only = {name: found.pop() for name, found in sends.items() if len(found) == 1}  # a call for many gives one id
        return {e.event_id: only[name] for e in events for name in reversed(e.references) if name in only}

    @staticmethod
    def _send_of(event: MailEvent, known: dict[str, int]) -> int | None:
        if event.send_id is not None:
            return event.send_id
        return known.get(event.sender) if event.words[0] in _MATCHED_BY_ADDRESS else None

    def _stage_mail_events(self, events: Sequence[tuple[MailEvent, str, int]]) -> None:
        rows = pa.table(
            {
                "event_id": pa.array([e.event_id for e, _, _ in events], pa.string()),
                "provider": pa.array(["mail"] * len(events), pa.string()),
                "words": pa.array([list(e.words) for e, _, _ in events], pa.list_(pa.string())),
                "status_code": pa.array([e.status_code or None for e, _, _ in events], pa.string()),
                "occurred_at": pa.array([e.occurred_at for e, _, _ in events], pa.timestamp("us", tz="UTC")),
                "send_id": pa.array([send_id for _, _, send_id in events], pa.int64()),
                "reply": pa.array([e.reply or None for e, _, _ in events], pa.string()),
                "raw_object": pa.array([key for _, key, _ in events], pa.string()),
                "raw_line": pa.array([0] * len(events), pa.int32()),
                "is_signed": pa.array([e.send_id is not None for e, _, _ in events], pa.bool_()),
            }
        )
        self._duck.register("incoming_mails", rows)
        self._duck.execute("insert into staged by name select * from incoming_mails")
        self._duck.unregister("incoming_mails")

    def _set_aside(self, rows: Sequence[tuple[str, int, str, str | None]]) -> None:
        for row in rows:
            self._duck.execute("insert into broken values (?, ?, ?, ?)", row)


def _sql(name: str) -> str:
    return query("lake/collect", name)

"""Collect events: `python bench/collect.py [events] [rounds]` (default 200,000 and 3).

The product's whole path (read, parse, translate, drop repeats, look sends up in the ledger, label machines, commit to
the DuckLake) against, in the same run and on the same objects: the limit, DuckDB unzipping the objects and cutting them
into JSON texts and nothing more; and a plain Python loop (`json.loads`, a set of ids, one insert into a DuckDB file).
The projection to the ledger is timed on its own. Every round has a fresh database and lake.
"""

from __future__ import annotations

import gzip
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
from gen_events import write_events
from pydantic import SecretStr

from leadmill.bootstrap import App
from leadmill.local.postgres import start_postgres
from leadmill.settings import Settings
from leadmill.sql.migrations import migrate

AS_OF = datetime(2026, 11, 20, tzinfo=UTC)
FILL = """
insert into ledger.provider_accounts (name, provider, created_at) values ('a', 'ses', now());
insert into ledger.pools (name, accepts_legal_bases, created_at) values ('p', '{{consent}}', now());
insert into ledger.sending_domains (name, created_at) values ('brand.example', now());
insert into ledger.mailboxes (domain_id, account_id, pool_id, address, created_at)
select 1, 1, 1, 'box' || n || '@brand.example', now() from generate_series(1, 30) n;
insert into ledger.leads (email, email_hash, email_domain, source, legal_basis, created_at, updated_at)
select 'lead' || n || '@people.example', sha256(n::text::bytea), 'people.example', 'bench', 'consent', now(), now()
from generate_series(1, {sends}) n;
insert into ledger.campaigns (name, status, created_by, created_at, updated_at)
values ('b', 'running', 'b', now(), now());
insert into ledger.campaign_steps values (1, 1, 0);
insert into ledger.variants (campaign_id, step, label, subject, body_html) values (1, 1, 'A', 's', 'b');
insert into ledger.sends
  (campaign_id, step, lead_id, variant_id, state, mailbox_id, claimed_at, accepted_at, state_changed_at)
select 1, 1, lead_id, 1, 'accepted', 1 + lead_id % 30, '2026-11-16 07:00Z', '2026-11-16 07:00Z', now()
from ledger.leads;
analyze;
"""


def limit(folder: Path) -> int:
    with duckdb.connect(config={"threads": "2"}) as duck:
        row = duck.execute(
            "select (select count(*) from read_ndjson_objects(?, ignore_errors = true, maximum_object_size = 33554432))"
            " + (select count(*) from read_json_objects(?, format = 'array', maximum_object_size = 33554432))",
            [f"{folder}/landing/events/ses/**/*.gz", f"{folder}/landing/events/sendgrid/**/*.gz"],
        ).fetchone()
    return row[0]


def python_loop(folder: Path) -> int:
    seen: set[str] = set()
    rows: list[dict[str, object]] = []
    for path in sorted(folder.glob("landing/events/**/*.gz")):
        text = gzip.decompress(path.read_bytes()).decode()
        for record in json.loads(text) if text.startswith("[") else records_of_lines(text):
            row = row_of(record)
            if row["event_id"] not in seen:
                seen.add(row["event_id"])
                rows.append(row)
    with tempfile.TemporaryDirectory() as scratch, duckdb.connect(f"{scratch}/loop.duckdb") as duck:
        duck.register("rows", pa.Table.from_pylist(rows))
        duck.execute("create table events as select * from rows")
        return duck.execute("select count(*) from events").fetchone()[0]


def records_of_lines(text: str) -> list[dict]:
    records = []
    for line in text.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        records.append(json.loads(record["Message"]) if "Message" in record else record)
    return records


def row_of(e: dict) -> dict[str, object]:
    if "sg_event_id" in e:
        return {
            "event_id": e["sg_event_id"], "word": e["event"], "at": e["timestamp"],
            "send_id": int(e["send_id"].partition("-")[0]), "url": e.get("url"), "agent": e.get("useragent"),
        }  # fmt: skip
    word, mail = e["eventType"], e["mail"]
    detail = e[word[0].lower() + word[1:]]
    at = detail.get("timestamp") or mail["timestamp"]
    key = detail.get("feedbackId") or "|".join((mail["messageId"], word, at, detail.get("link", "")))
    at_seconds = int(datetime.fromisoformat(at).timestamp())
    return {
        "event_id": key, "word": word, "at": at_seconds, "send_id": int(mail["tags"]["send_id"][0].partition("-")[0]),
        "url": detail.get("link"), "agent": detail.get("userAgent"),
    }  # fmt: skip


def main(events: int, rounds: int) -> None:
    sends = max(1000, events // 5)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "store"
        write_events(events, folder, sends)
        server = start_postgres(Path(scratch) / "pg")
        try:
            measure(server.get_uri(), folder, events, sends, rounds)
        finally:
            server.cleanup_mode = "delete"
            server.cleanup()


def measure(server: str, folder: Path, events: int, sends: int, rounds: int) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("create database filled")
    migrate(server.replace("/postgres?", "/filled?", 1))
    with psycopg.connect(server.replace("/postgres?", "/filled?", 1), autocommit=True) as connection:
        connection.execute(FILL.format(sends=sends))
    seconds: dict[str, list[tuple[float, float]]] = {"limit": [], "product": [], "projection": [], "python loop": []}
    for number in range(rounds):
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"create database round{number} template filled")
        app = App(
            Settings(
                database_url=server.replace("/postgres?", f"/round{number}?", 1),
                store=f"file://{folder}",
                secret_key=SecretStr("bench" * 8),
            )
        )
        app.lake.migrate()
        parsed = timed(seconds["limit"], lambda: limit(folder))
        came = timed(seconds["product"], lambda app=app: app.collect_events(AS_OF))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        moved = timed(seconds["projection"], lambda app=app: app.project_events(AS_OF))
        looped = timed(seconds["python loop"], lambda: python_loop(folder)) if number == 0 or events <= 200_000 else 0
        app.database.close()
        print(
            f"round {number}: {parsed:,} texts; {came.events:,} events, {came.duplicates:,} repeats, "
            f"{came.broken} broken, {moved.sends_moved:,} sends moved; loop {looped:,}; peak {memory} MiB"
        )
    print(f"\n| {events:,} events | s | CPU s | events/s | time / limit | CPU / limit |\n|{' --- |' * 6}")
    floor, cpu_floor = (statistics.median(each) for each in zip(*seconds["limit"], strict=True))
    for name, took in seconds.items():
        wall, cpu = (statistics.median(each) for each in zip(*took, strict=True))
        print(
            f"| {name} | {wall:.2f} | {cpu:.2f} | {events / wall:,.0f} | {wall / floor:.1f} | {cpu / cpu_floor:.1f} |"
        )


def timed(into: list[tuple[float, float]], work: Callable[[], Any]) -> Any:
    """Wall and CPU seconds of this process; Postgres's own CPU is not in them."""
    started, cpu = time.perf_counter(), time.process_time()
    result = work()
    into.append((time.perf_counter() - started, time.process_time() - cpu))
    return result


if __name__ == "__main__":
    arguments = [int(a.replace("_", "")) for a in sys.argv[1:]]
    main(*(arguments + [200_000, 3][len(arguments) :]))

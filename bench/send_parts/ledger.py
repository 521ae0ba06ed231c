"""Claim and record, nothing sent: `python bench/send.py ledger [queued] [rounds] [batch]` (default 20,000, 3, 4,000).

Leadmill's ledger, whole: locks, limits, rotation, suppressions looked at again, leads read, claim, answers and quota,
with a queue of that length and one four times as long, one worker and four processes. Claims are as large as a fast
lane's, and their answers are written by as many as a lane's are. Peers of the same run on the same
server: the least that a row-by-row claim can be (`update … for update skip locked`, answers by unnest) and a batch
lease (one row a claim, answers by COPY), both without leads, limits, suppressions or any state but theirs. The peers'
rate is with one worker and the queue of the first length.
"""

from __future__ import annotations

import asyncio
import multiprocessing as mp
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import psycopg
from pydantic import SecretStr

from leadmill.adapters.event_loop import run
from leadmill.bootstrap import App
from leadmill.domain.access import SYSTEM
from leadmill.domain.dispatch import Outcome, SendResult
from leadmill.local.postgres import start_postgres
from leadmill.ports.dispatch import Claim, ClaimedSend
from leadmill.services.lane_run import CLAIM_AT_MOST, RECORD_AT_MOST
from leadmill.settings import Settings
from leadmill.sql.migrations import migrate

from .whole import FILL, HTML, KEY, NOW, SUBJECT, TEXT

MAILBOXES = 30
PEERS = """
create table send(id bigint primary key, campaign integer, mailbox integer, rcpt text, due integer,
  state integer default 0, owner text, lease integer, mid text, attempts integer default 0) with (fillfactor=70);
create index due on send(due, id) where state = 0;
insert into send(id, campaign, mailbox, rcpt, due)
select n, n % 7, n % 30, 'lead' || n || '@people.test', 1000 + n % 100 from generate_series(1, {rows}) n;
create table batch(id integer primary key, mailbox integer, state integer, owner text, attempts integer default 0);
insert into batch(id, mailbox, state) select b, b % 30, 0 from generate_series(0, ({rows} - 1) / {batch}) b;
create table plan(id bigint primary key, batch integer, rcpt text);
insert into plan select n, (n - 1) / {batch}, 'lead' || n || '@people.test' from generate_series(1, {rows}) n;
create table result(id bigint primary key, batch integer, state integer, mid text);
"""
CLAIM_ROWS = """
with d as (select id from send where state = 0 and due <= 2000 order by due, id limit %s for update skip locked)
update send s set state = 1, owner = %s, lease = 5, attempts = attempts + 1
from d where s.id = d.id returning s.id, s.rcpt
"""
ANSWER_ROWS = """
update send s set state = 2, mid = u.m from unnest(%s::bigint[], %s::text[]) u(i, m)
where s.id = u.i and s.owner = %s and s.state = 1
"""
LEASE_BATCH = """
update batch set state = 1, owner = %s, attempts = attempts + 1
where id = (select id from batch where state = 0 limit 1 for update skip locked) returning id
"""


class Server:
    """A PostgreSQL of the bench's own, with a template database for each length of queue."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = start_postgres(folder / "pg")
        self.made = 0

    def execute(self, text: str) -> None:
        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            connection.execute(text)

    def url(self, name: str) -> str:
        return self.server.get_uri().replace("/postgres?", f"/{name}?", 1)

    def template(self, name: str, rows: int, batch: int) -> None:
        self.execute(f"create database {name}")
        migrate(self.url(name))
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            before, after = FILL.format(mails=rows, now=NOW.isoformat()).split("insert into ledger.sends", 1)
            connection.execute(before)
            connection.execute(
                "insert into ledger.variants (campaign_id, step, label, subject, body_html, body_text)"
                " values (1, 1, 'A', %s, %s, %s)",
                (SUBJECT, HTML, TEXT),
            )
            connection.execute("insert into ledger.sends" + after)
            connection.execute(PEERS.format(rows=rows, batch=batch))
        app = open_app(self.url(name), self.folder)
        app.add_provider_account(
            SYSTEM, name="lane", provider="smtp", config={"host": "127.0.0.1", "port": 25, "tls": "none"}, as_of=NOW
        )
        app.add_sending_domain(SYSTEM, name="brand.test", as_of=NOW)
        for n in range(MAILBOXES):
            app.add_mailbox(
                SYSTEM, address=f"box{n}@brand.test", account="lane", pool="p", daily_limit=1_000_000, as_of=NOW
            )
        app.database.close()
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            connection.execute("vacuum analyze")

    def fresh(self, template: str) -> str:
        self.made += 1
        self.execute(f"create database round_{self.made} template {template}")
        self.execute("checkpoint")
        return self.url(f"round_{self.made}")

    def drop(self) -> None:
        self.execute(f"drop database round_{self.made} with (force)")


def open_app(url: str, folder: Path) -> App:
    return App(Settings(database_url=url, store=f"file://{folder}/store", secret_key=SecretStr(KEY)))


def leadmill(url: str, worker: str, batch: int, begin: Callable[[], object]) -> int:
    """As a lane does it: claims in one thread and answers in another, beside an event loop."""
    app = open_app(url, Path(tempfile.gettempdir()))
    ledger = app.send_ledger

    async def work(claims: Executor, records: Executor) -> int:
        loop, writing = asyncio.get_running_loop(), []
        await asyncio.gather(*(loop.run_in_executor(thread, connect) for thread in (claims, records)))
        begin()
        claiming = loop.run_in_executor(claims, claim)
        while sends := (await claiming).sends:
            claiming = loop.run_in_executor(claims, claim)
            writing.append(loop.run_in_executor(records, answer, sends))
        return sum(await asyncio.gather(*writing))

    def connect() -> Claim:
        return ledger.claim("lane", worker=worker, now=NOW, limit=1, dry_run=True)

    def claim() -> Claim:
        return ledger.claim("lane", worker=worker, now=NOW, limit=batch)

    def answer(sends: Sequence[ClaimedSend]) -> int:
        results = [SendResult(send.send_id, Outcome.ACCEPTED, provider_message_id="q") for send in sends]
        parts = (results[n : n + RECORD_AT_MOST] for n in range(0, len(results), RECORD_AT_MOST))
        return sum(len(ledger.record(worker, part, now=NOW)) for part in parts)

    with ThreadPoolExecutor(1) as claims, ThreadPoolExecutor(1) as records:
        done = run(work(claims, records))
    app.database.close()
    return done


def row_claims(url: str, worker: str, batch: int, begin: Callable[[], object]) -> int:
    done = 0
    with psycopg.connect(url) as connection:
        begin()
        while rows := connection.execute(CLAIM_ROWS, (batch, worker)).fetchall():
            connection.commit()
            ids = [row[0] for row in rows]
            connection.execute(ANSWER_ROWS, (ids, [f"m{i}" for i in ids], worker))
            connection.commit()
            done += len(rows)
    return done


def batch_leases(url: str, worker: str, batch: int, begin: Callable[[], object]) -> int:
    done = 0
    with psycopg.connect(url) as connection:
        begin()
        while leased := connection.execute(LEASE_BATCH, (worker,)).fetchall():
            connection.commit()
            number = leased[0][0]
            rows = connection.execute(
                "select id, rcpt from plan where id between %s and %s", (number * batch + 1, (number + 1) * batch)
            ).fetchall()
            with connection.cursor().copy("copy result from stdin") as copy:
                copy.write("".join(f"{i}\t{number}\t2\tm{i}\n" for i, _ in rows))
            connection.execute("update batch set state = 2 where id = %s and owner = %s", (number, worker))
            connection.commit()
            done += len(rows)
    return done


Work = Callable[[str, str, int, Callable[[], object]], int]


def timed(server: Server, template: str, work: Work, batch: int, workers: int) -> float:
    """Sends a second, all workers together, from when they are connected and may begin."""
    url = server.fresh(template)
    ready, done = mp.Barrier(workers + 1), mp.Queue()

    def run(name: str) -> None:
        try:
            done.put(work(url, name, batch, ready.wait))
        except BaseException:
            done.put(None)
            raise

    processes = [mp.Process(target=run, args=(f"w{n}",)) for n in range(workers)]
    for process in processes:
        process.start()
    ready.wait(60)
    began = time.perf_counter()
    found = [done.get(timeout=300) for _ in processes]
    seconds = time.perf_counter() - began
    for process in processes:
        process.join()
    server.drop()
    if None in found:
        sys.exit("A worker failed; see above.")
    return sum(found) / seconds


def main() -> None:
    rows, rounds, batch = (int(v) for v in (*sys.argv[1:4], *(20_000, 3, CLAIM_AT_MOST)[len(sys.argv) - 1 :]))
    folder = Path(tempfile.mkdtemp(prefix="leadmill-bench-"))
    server = Server(folder)
    try:
        for name, length in (("short", rows), ("long", 4 * rows)):
            server.template(name, length, batch)
        ways: dict[str, Callable[[], float]] = {
            "row claims, skip locked + unnest (peer)": lambda: timed(server, "short", row_claims, batch, 1),
            "batch lease + COPY (peer)": lambda: timed(server, "short", batch_leases, batch, 1),
            f"Leadmill, {rows:,} queued": lambda: timed(server, "short", leadmill, batch, 1),
            f"Leadmill, {4 * rows:,} queued": lambda: timed(server, "long", leadmill, batch, 1),
            f"Leadmill, {4 * rows:,} queued, 4 workers": lambda: timed(server, "long", leadmill, batch, 4),
        }
        rates: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                rates[name].append(way())
    finally:
        server.server.cleanup_mode = "delete"
        server.server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
    peer, short = rates[next(iter(ways))], rates[f"Leadmill, {rows:,} queued"]
    print(f"batches of {batch:,}, median of {rounds} rounds, load {os.getloadavg()[0]:.1f}")
    print(f"| {'way':45s} | sends/s | x row claims | x {rows:,} queued |\n| --- | ---: | ---: | ---: |")
    for name, found in rates.items():
        by_peer = statistics.median(mine / other for mine, other in zip(found, peer, strict=True))
        by_short = statistics.median(mine / other for mine, other in zip(found, short, strict=True))
        print(f"| {name:45s} | {statistics.median(found):,.0f} | {by_peer:.2f} | {by_short:.2f} |")


if __name__ == "__main__":
    main()

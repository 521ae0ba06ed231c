"""Dispatch end to end into a local sink: `python bench/send.py whole [mails] [rounds]` (default 1,500 and 3).

The product's whole path (claim on Postgres, render, send by SMTP, record) against peers that send into the same sink
in the same round: Postfix's `smtp-source` with ready mails (the limit), bare `smtplib` with one ready mail, and
nodemailer's pool building each mail. The ledger's part alone (claim and record, nothing sent) is a row of its own. A
first round, which loads our modules, is not counted.

POSTFIX is the folder into which `dpkg -x postfix_*.deb` unpacked Debian's package, NODE_PATH the folder that holds
nodemailer; without them those peers are left out, and the sink is aiosmtpd, which is slower than any client here.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import smtplib
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from pydantic import SecretStr

from leadmill.adapters.content.compiler import JinjaContentCompiler
from leadmill.adapters.content.mime import to_bytes
from leadmill.bootstrap import App
from leadmill.domain.access import SYSTEM
from leadmill.domain.dispatch import Outcome, SendResult
from leadmill.local.postgres import start_postgres
from leadmill.ports.content import Organisation, Recipient, Sender, VariantContent
from leadmill.settings import Settings
from leadmill.sql.migrations import migrate

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
KEY = "a-secret-of-the-benchmark-with-32-characters"
MAILBOXES = 10
LINE = "<p>We help teams like {{ company }} in {{ city }} to ship better products, week after week.</p>\n"
HTML = (
    "<h1>Hello {{ first_name }}</h1>\n"
    + 70 * LINE
    + '<p>{{ postal_address }} <a href="{{ unsubscribe_url }}">x</a></p>'
)
TEXT = "Hello {{ first_name }}\n{{ postal_address }} {{ unsubscribe_url }}\n"
SUBJECT = "{{ first_name }}, a question about {{ company }}"
FILL = """
insert into ledger.organisation values (true, 'Acme', 'Main Street 1', '', now());
insert into ledger.pools (name, accepts_legal_bases, created_at) values ('p', '{{consent}}', now());
insert into ledger.leads (email, email_hash, email_domain, first_name, company, city, source, legal_basis, created_at,
  updated_at)
select 'lead' || n || '@people.test', sha256(n::text::bytea), 'people.test', 'José', 'Müller GmbH', 'Pune', 'bench',
  'consent', now(), now() from generate_series(1, {mails}) n;
insert into ledger.campaigns (name, status, pool_id, track_clicks, created_by, created_at, updated_at)
values ('b', 'running', 1, false, 'b', now(), now());
insert into ledger.campaign_steps values (1, 1, 0);
insert into ledger.sends (campaign_id, step, lead_id, variant_id, due_at, state_changed_at)
select 1, 1, lead_id, 1, '{now}', now() from ledger.leads;
analyze;
"""


@contextlib.contextmanager
def sink(*options: str) -> Iterator[int]:
    """Postfix's smtp-sink with these options (`-p`: no PIPELINING), or aiosmtpd, which never has it; gives its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    if folder := os.environ.get("POSTFIX"):
        command = [f"{folder}/usr/sbin/smtp-sink", *options, "-u", "nobody", f"127.0.0.1:{port}", "1000"]
        process = subprocess.Popen(command, env=postfix_environment(), stderr=subprocess.DEVNULL)
        try:
            for _ in range(100):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()
            process.wait()
    else:
        from aiosmtpd.controller import Controller
        from aiosmtpd.handlers import Sink

        controller = Controller(Sink(), hostname="127.0.0.1", port=port)
        controller.start()
        try:
            yield port
        finally:
            controller.stop()


def postfix_environment() -> dict[str, str]:
    return os.environ | {"LD_LIBRARY_PATH": f"{os.environ['POSTFIX']}/usr/lib/postfix"}


class Ledger:
    """Fresh databases with a running campaign, copied from a template."""

    def __init__(self, folder: Path, port: int, mails: int) -> None:
        self.server = start_postgres(folder / "pg")
        self.folder, self.port, self.count = folder, port, 0
        self.execute("create database template_of_bench")
        self.fill(self.url("template_of_bench"), mails)

    def execute(self, text: str) -> None:
        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            connection.execute(text)

    def url(self, name: str) -> str:
        return self.server.get_uri().replace("/postgres?", f"/{name}?", 1)

    def app(self, url: str) -> App:
        store = f"file://{self.folder}/store-{url.partition('?')[0].rpartition('/')[2]}"  # one installation, one store
        settings = Settings(database_url=url, store=store, secret_key=SecretStr(KEY))
        return App(settings)

    def fill(self, url: str, mails: int) -> None:
        migrate(url)
        with psycopg.connect(url, autocommit=True) as connection:
            text = FILL.format(mails=mails, now=NOW.isoformat())
            before, after = text.split("insert into ledger.sends", 1)
            connection.execute(before)
            connection.execute(
                "insert into ledger.variants (campaign_id, step, label, subject, body_html, body_text)"
                " values (1, 1, 'A', %s, %s, %s)",
                (SUBJECT, HTML, TEXT),
            )
            connection.execute("insert into ledger.sends" + after)
        app = self.app(url)
        config = {"host": "127.0.0.1", "port": self.port, "tls": "none", "messages_per_connection": 10_000}
        app.add_provider_account(SYSTEM, name="lane", provider="smtp", config=config, as_of=NOW)
        app.add_sending_domain(SYSTEM, name="brand.test", as_of=NOW)
        for n in range(MAILBOXES):
            app.add_mailbox(
                SYSTEM, address=f"box{n}@brand.test", account="lane", pool="p", daily_limit=1_000_000, as_of=NOW
            )
        app.database.close()

    def fresh(self) -> App:
        self.count += 1
        name = f"round_{self.count}"
        self.execute(f"create database {name} template template_of_bench")
        return self.app(self.url(name))


def ready_mail() -> bytes:
    content = VariantContent(1, 1, 1, SUBJECT, HTML, TEXT, track_clicks=False)
    compiled = JinjaContentCompiler(edge_base_url="https://edge.test", key=KEY.encode()).compile(
        content, Organisation("Acme", "Main Street 1")
    )
    recipient = Recipient(1, "lead1@people.test", {"first_name": "José", "company": "Müller GmbH", "city": "Pune"})
    mail = compiled.render(send_id=1, recipient=recipient, sender=Sender("box0@brand.test", "Ann", "brand.test"))
    return to_bytes(mail, date=NOW)


def dispatch(ledger: Ledger, mails: int, port: int) -> Callable[[], tuple[float, Callable[[], None]]]:
    def run() -> tuple[float, Callable[[], None]]:
        app = ledger.fresh()
        with app.database.transaction() as connection:
            connection.execute(
                "update ledger.provider_accounts set config = config || jsonb_build_object('port', %s::int)", (port,)
            )
        began = time.perf_counter()
        counts = app.send_lane("lane", NOW, time_budget_seconds=300)
        seconds = time.perf_counter() - began
        assert counts["accepted"] == mails, counts
        return seconds, app.database.close

    return run


def ledger_only(ledger: Ledger, mails: int) -> Callable[[], tuple[float, Callable[[], None]]]:
    def run() -> tuple[float, Callable[[], None]]:
        app, done = ledger.fresh(), 0
        began = time.perf_counter()
        while claim := app.send_ledger.claim("lane", worker="w", now=NOW, limit=50).sends:
            results = [SendResult(send.send_id, Outcome.ACCEPTED, provider_message_id="q") for send in claim]
            done += len(app.send_ledger.record("w", results, now=NOW))
        seconds = time.perf_counter() - began
        assert done == mails, done
        return seconds, app.database.close

    return run


def smtplib_threads(port: int, mails: int, threads: int) -> Callable[[], tuple[float, Callable[[], None]]]:
    body = ready_mail()

    def work(count: int) -> None:
        with smtplib.SMTP("127.0.0.1", port) as session:
            for _ in range(count):
                session.sendmail("box0@brand.test", ["lead1@people.test"], body)

    def run() -> tuple[float, Callable[[], None]]:
        workers = [threading.Thread(target=work, args=(mails // threads,)) for _ in range(threads)]
        began = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return (time.perf_counter() - began) * mails / (mails // threads * threads), lambda: None

    return run


def smtp_source(port: int, mails: int, length: int) -> Callable[[], tuple[float, Callable[[], None]]]:
    program = f"{os.environ['POSTFIX']}/usr/sbin/smtp-source"
    options = ["-d", "-s", "5", "-l", str(length), "-m", str(mails), "-f", "a@brand.test", "-t", "b@people.test"]

    def run() -> tuple[float, Callable[[], None]]:
        began = time.perf_counter()
        subprocess.run([program, *options, f"127.0.0.1:{port}"], env=postfix_environment(), check=True)
        return time.perf_counter() - began, lambda: None

    return run


def nodemailer(port: int, mails: int, folder: Path) -> Callable[[], tuple[float, Callable[[], None]]]:
    template = folder / "template.json"
    template.write_text(json.dumps({"subject": SUBJECT, "html": HTML, "text": TEXT}))
    command = ["node", str(Path(__file__).with_name("send_node.js")), str(port), str(mails), "5", str(template)]

    def run() -> tuple[float, Callable[[], None]]:
        began = time.perf_counter()
        subprocess.run(command, check=True)
        return time.perf_counter() - began, lambda: None

    return run


def cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main() -> None:
    mails, rounds = (int(value) for value in (*sys.argv[1:3], *("1500", "3")[len(sys.argv) - 1 :]))
    folder = Path(tempfile.mkdtemp(prefix="leadmill-bench-"))
    with sink() as port, sink("-p") as plain_port:
        ledger = Ledger(folder, port, mails)
        try:
            variants: dict[str, Callable[[], tuple[float, Callable[[], None]]]] = {}
            if os.environ.get("POSTFIX"):
                variants["smtp-source -d -s 5, ready mails"] = smtp_source(port, mails, len(ready_mail()))
            variants["smtplib, 1 connection, ready mail"] = smtplib_threads(port, mails, 1)
            variants["smtplib, 5 threads, ready mail"] = smtplib_threads(port, mails, 5)
            if os.environ.get("NODE_PATH"):
                variants["nodemailer pool 5, builds MIME, no ledger"] = nodemailer(port, mails, folder)
            variants["Leadmill: claim, render, send, record"] = dispatch(ledger, mails, port)
            if os.environ.get("POSTFIX"):
                variants["Leadmill, server without PIPELINING"] = dispatch(ledger, mails, plain_port)
            variants["Leadmill: claim and record only"] = ledger_only(ledger, mails)
            report(variants, mails, rounds)
        finally:
            ledger.server.cleanup_mode = "delete"
            ledger.server.cleanup()
            shutil.rmtree(folder, ignore_errors=True)


def report(variants: dict[str, Callable[[], tuple[float, Callable[[], None]]]], mails: int, rounds: int) -> None:
    rates: dict[str, list[float]] = {name: [] for name in variants}
    cpu: dict[str, list[float]] = {name: [] for name in variants}
    for round_number in range(rounds + 1):
        for name, run in variants.items():
            before = cpu_seconds()
            seconds, close = run()
            if round_number:  # the first one loads our modules, as a worker does once
                cpu[name].append((cpu_seconds() - before) / mails * 1e6)
                rates[name].append(mails / seconds)
            close()
    first = next(iter(variants))
    size, load = len(ready_mail()), os.getloadavg()[0]
    print(f"{mails} mails of {size:,} bytes, median of {rounds} rounds, load {load:.1f}")
    print(f"| {'way':45s} | mails/s | ratio | CPU us/mail |\n| --- | ---: | ---: | ---: |")
    for name in variants:
        ratio = statistics.median(mine / limit for mine, limit in zip(rates[name], rates[first], strict=True))
        rate, used = statistics.median(rates[name]), statistics.median(cpu[name])
        print(f"| {name:45s} | {rate:,.0f} | {ratio:.3f} | {used:,.0f} |")


if __name__ == "__main__":
    main()

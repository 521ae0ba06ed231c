"""SMTP with rendering, ledger off: `python bench/send.py smtp [mails] [rounds]` (default 3,000 and 3).

The product's crew renders each mail and hands it over through the product's SMTP client, into Postfix's `smtp-sink`;
peers send into the same sink in the same round: `smtp-source` with ready mails, and nodemailer's pool building each
mail. Then the same against a sink that does not announce PIPELINING, where `smtp-source`'s rate is the first sink's.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from leadmill.adapters.content.compiler import JinjaContentCompiler
from leadmill.adapters.content.mime import to_bytes
from leadmill.adapters.esp.opening import OpenEsps
from leadmill.ports.content import Organisation, Recipient, Sender, VariantContent
from leadmill.ports.dispatch import ClaimedSend
from leadmill.ports.esp import Channel
from leadmill.services.hand_over import Answer, Crew, Job
from leadmill.services.pacing import Pacer
from send_parts.whole import HTML, KEY, NOW, SUBJECT, TEXT, nodemailer, ready_mail, report, sink, smtp_source

Timed = Callable[[], tuple[float, Callable[[], None]]]


def crew(port: int, mails: int, *, mailboxes: int, connections: int) -> Timed:
    """So many mailboxes with so many connections each, in one process."""
    variant = VariantContent(1, 1, 1, SUBJECT, HTML, TEXT, track_clicks=False)
    compiler = JinjaContentCompiler(edge_base_url="https://edge.test", key=KEY.encode())
    config = {"host": "127.0.0.1", "port": port, "tls": "none", "connections": connections}
    config |= {"messages_per_connection": 10_000}

    async def send() -> float:
        content = compiler.compile(variant, Organisation("Acme", "Main Street 1"))
        esps = OpenEsps(to_bytes)
        hands = Crew(lambda mailbox: esps.open(Channel(mailbox, "smtp", config), date=NOW), Pacer())
        began = time.perf_counter()
        jobs: dict[int, list[Job]] = {}
        for n in range(mails):
            fields = {"first_name": "José", "company": "Müller GmbH", "city": "Pune"}
            send = ClaimedSend(n, 1, 1, n % mailboxes, 1, Recipient(n, f"lead{n}@people.test", fields))
            sender = Sender(f"box{n % mailboxes}@brand.test", "Ann", "brand.test")
            jobs.setdefault(n % mailboxes, []).append(Job(send, content, sender, time.monotonic()))
        hands.submit(jobs)
        answered = 0
        while answered < mails:
            for each in await hands.reports(enough=500, within_seconds=0.2):
                assert isinstance(each, Answer), each
                assert each.receipt is not None, each.result
                answered += each.receipt.status == "accepted"
        seconds = time.perf_counter() - began
        await hands.dismiss()
        return seconds

    def run() -> tuple[float, Callable[[], None]]:
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(send()), lambda: None

    return run


def main() -> None:
    mails, rounds = (int(value) for value in (*sys.argv[1:3], *("3000", "3")[len(sys.argv) - 1 :]))
    folder = Path(tempfile.mkdtemp(prefix="leadmill-bench-"))
    with sink() as port, sink("-p") as plain:
        report(
            {
                "smtp-source -d -s 5, ready mails": smtp_source(port, mails, len(ready_mail())),
                "nodemailer pool 5, builds MIME": nodemailer(port, mails, folder),
                "Leadmill, 1 mailbox x 5 connections": crew(port, mails, mailboxes=1, connections=5),
                "Leadmill, 10 mailboxes x 1": crew(port, mails, mailboxes=10, connections=1),
                "Leadmill, 5 mailboxes x 2": crew(port, mails, mailboxes=5, connections=2),
                "Leadmill, no PIPELINING, 1 x 5": crew(plain, mails, mailboxes=1, connections=5),
                "Leadmill, no PIPELINING, 10 x 2": crew(plain, mails, mailboxes=10, connections=2),
            },
            mails,
            rounds,
        )


if __name__ == "__main__":
    main()

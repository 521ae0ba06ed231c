"""The API adapters against a loopback stub: `python bench/send.py providers [rounds]` (default 3).

Rates are recipients a second. The limit is a bare http.client that keeps its connection and posts the same ready body,
one recipient a call, from 5 threads. Everything else is the product's adapter with rendered messages of a 10 KB mail
with 5 slots, opened as a lane opens it. The stub is a bare asyncio server in a process of its own that answers at once.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import multiprocessing
import os
import queue
import resource
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

from leadmill.adapters.content.mime import to_bytes
from leadmill.adapters.esp.opening_apis import OpenApis
from leadmill.domain.messages import Frame, OutgoingMessage, ReceiptStatus
from leadmill.ports.esp import BlockingEsp, Channel

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
MAILS = 4000
PARAGRAPH = (
    '<tr><td style="font-family:Arial,Helvetica,sans-serif;font-size:15px;line-height:22px;color:#333333">We help '
    "teams like yours keep their pipeline full without burning their domain: verified contacts, careful warm-up and "
    "honest reporting. Customers saw 31&nbsp;% more replies in the first quarter — no tricks, only timing.</td></tr>\n"
)
FRAME = Frame(
    subject=(0, ", a question about ", 1),
    text=("Hi ", 0, ",\n\nI saw that ", 1, " is growing.\n", 8 * "We help teams like yours.\n", 3, "\n", 4, "\n"),
    html=(
        "<html><body><h1>Hi ",
        0,
        "</h1>I saw that ",
        2,
        " is growing.",
        24 * PARAGRAPH,
        '<a href="',
        3,
        '">x</a>',
        4,
    ),
)


def messages(count: int) -> list[OutgoingMessage]:
    """Rendered mails of one frame and sender."""
    return [
        OutgoingMessage(
            send_id=number,
            sender_address="alex@brand-news.test",
            sender_name="Alex Doe",
            recipient=f"lead{number}@example{number % 50}.test",
            frame=FRAME,
            values=(
                "José",
                "Müller & Söhne",
                "Müller &amp; Söhne",
                f"https://t.brand.test/c/{number:032x}",
                f"https://t.brand.test/u/{number:032x}",
            ),
            message_id=f"<lm.{number}.{number:032x}@brand-news.test>",
            headers=(
                ("List-Unsubscribe", f"<https://t.brand-news.test/u/{number:032x}>"),
                ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
                ("Feedback-ID", "c42:s1:v7:lm12345678"),
            ),
            tags={"campaign_id": "42"},
        )
        for number in range(count)
    ]


class Stub(asyncio.Protocol):
    """Answers each request as its provider would, without looking at its body."""

    SES_ONE = json.dumps({"MessageId": "0100018f-0000"}).encode()
    SES_BULK = json.dumps(
        {"BulkEmailEntryResults": [{"Status": "SUCCESS", "MessageId": f"m{n}"} for n in range(50)]}
    ).encode()
    MAILGUN = json.dumps({"id": "<m@brand.test>", "message": "Queued. Thank you."}).encode()
    POSTMARK = json.dumps([{"ErrorCode": 0, "MessageID": f"m{n}"} for n in range(500)]).encode()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.data = transport, bytearray()

    def data_received(self, data: bytes) -> None:
        self.data += data
        while (end := self.data.find(b"\r\n\r\n")) >= 0:
            head = bytes(self.data[:end]).lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r", 1)[0]) if at >= 0 else 0
            if b"expect: 100" in head and len(self.data) == end + 4:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")  # type: ignore[attr-defined]
            if len(self.data) < end + 4 + length:
                return
            del self.data[: end + 4 + length]
            self.transport.write(self.answer(head[:100]))  # type: ignore[attr-defined]

    def answer(self, head: bytes) -> bytes:
        if b"/v3/mail/send" in head:
            return b"HTTP/1.1 202 Accepted\r\nX-Message-Id: abc\r\nContent-Length: 0\r\n\r\n"
        bodies = {b"outbound-bulk": self.SES_BULK, b"/messages": self.MAILGUN, b"/email/batch": self.POSTMARK}
        body = next((body for mark, body in bodies.items() if mark in head), self.SES_ONE)
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def serve(ready: multiprocessing.Queue[int]) -> None:
    import uvloop

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", 0)
        ready.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(run())


def in_threads(count: int, threads: int, work: Callable[[int], None]) -> None:
    """Calls `work` with 0 … count-1 from so many threads."""
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(count):
        waiting.put(number)
    errors: list[Exception] = []

    def worker() -> None:
        try:
            while True:
                work(waiting.get_nowait())
        except queue.Empty:
            return
        except Exception as error:  # noqa: BLE001 - raised in the main thread, whatever it is
            errors.append(error)

    running = [threading.Thread(target=worker) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    if errors:
        raise errors[0]


def limit(port: int, count: int = 3000) -> int:
    """http.client with a ready body, one recipient a call."""
    mail = to_bytes(messages(1)[0], date=NOW)
    body = json.dumps({"Content": {"Raw": {"Data": base64.b64encode(mail).decode()}}}).encode()
    local = threading.local()

    def post(_: int) -> None:
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection("127.0.0.1", port)
            local.connection.connect()
            local.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        local.connection.request("POST", "/v2/email/outbound-emails", body, {"Content-Type": "application/json"})
        local.connection.getresponse().read()

    in_threads(count, 5, post)
    return count


def adapter(provider: str, port: int, threads: int, batch: int, calls: int, **config: object) -> int:
    """The product's adapter, `threads` mailboxes of one account beside each other."""
    host = {"ses": "endpoint"}.get(provider, "host")
    channel = Channel(1, provider, {host: f"http://127.0.0.1:{port}", **config}, secret_ref="env:BENCH_SECRET")
    apis = APIS
    open_ = getattr(apis, provider)
    local = threading.local()

    def send(number: int) -> None:
        if not hasattr(local, "esp"):
            local.esp = open_(channel, partial(to_bytes, date=NOW), NOW)
        esp: BlockingEsp = local.esp
        start = number * batch % (len(MESSAGES) - batch + 1)
        receipts = list(esp.send(MESSAGES[start : start + batch]))
        assert len(receipts) == batch
        assert receipts[-1].status is ReceiptStatus.ACCEPTED

    in_threads(calls, threads, send)
    return batch * calls


APIS = OpenApis()
MESSAGES = messages(MAILS)


def variants(port: int) -> Iterator[tuple[str, Callable[[], int]]]:
    yield "http.client x5, ready body (limit)", partial(limit, port)
    yield "ses raw, 5 threads", partial(adapter, "ses", port, 5, 50, 8, bulk=False)
    yield "ses bulk of 50, 1 thread", partial(adapter, "ses", port, 1, 50, 40)
    yield "ses bulk of 50, 5 threads", partial(adapter, "ses", port, 5, 50, 60)
    yield "sendgrid, 1,000 a call", partial(adapter, "sendgrid", port, 1, 1000, 20)
    yield "sendgrid, 1,000 a call, 5 threads", partial(adapter, "sendgrid", port, 5, 1000, 30)
    yield "mailgun, 1,000 a call", partial(adapter, "mailgun", port, 1, 1000, 10)
    yield "postmark, 500 a call", partial(adapter, "postmark", port, 1, 500, 8)


def used_cpu() -> float:
    found = resource.getrusage(resource.RUSAGE_SELF)
    return found.ru_utime + found.ru_stime


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    os.environ["BENCH_SECRET"] = "AKIABENCH:a-secret-of-the-benchmark"
    ready: multiprocessing.Queue[int] = multiprocessing.Queue()
    stub = multiprocessing.Process(target=serve, args=(ready,), daemon=True)
    stub.start()
    try:
        every = list(variants(ready.get(timeout=30)))
        rates: dict[str, list[tuple[float, float]]] = {name: [] for name, _ in every}
        for round_number in range(rounds + 1):
            for name, run in every:
                began, cpu = time.perf_counter(), used_cpu()
                count = run()
                if round_number:  # the first round warms up imports, connections and templates
                    rates[name].append((count / (time.perf_counter() - began), (used_cpu() - cpu) / count * 1e6))
        print(f"{'':38}{'recipients/s':>14}{'ratio':>8}{'CPU us':>10}   (median of {rounds})")
        base = [rate for rate, _ in rates[every[0][0]]]
        for name, found in rates.items():
            ratio = statistics.median(rate / limit_rate for (rate, _), limit_rate in zip(found, base, strict=True))
            rate, cpu = (statistics.median(values) for values in zip(*found, strict=True))
            print(f"{name:38}{rate:14,.0f}{ratio:8.2f}{cpu:10.1f}")
    finally:
        stub.terminate()
        stub.join()

"""Servers on loopback that tests send to: an SMTP server and an HTTP server that record, and answer as they are told."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

USER, PASSWORD = "box", "right-password"


@dataclass
class SmtpRecorder:
    """Counts every mail by recipient; the local part of an address says how it is answered.

    `unknown-…` 550 5.1.1, `grey-…` 451 at first, `later-…` always 450 4.7.0, `block-…` a spam block, `reject-…` 554 on the content, `auth-…` 5.7.26,
    `odd-…` a code that no table knows,
    `slow-…` 421, `mute-…` takes the mail and closes without an answer, `gone-…` closes at RCPT.
    """

    mails: list[bytes] = field(default_factory=list)
    copies: Counter[str] = field(default_factory=Counter)
    by_sender: Counter[str] = field(default_factory=Counter)
    message_ids: Counter[str] = field(default_factory=Counter)
    sessions: int = 0
    grey: set[str] = field(default_factory=set)
    delay_seconds: float = 0.0
    greet_with: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, hostname: str, responses: list) -> list:  # noqa: N802 - aiosmtpd's name
        session.host_name = hostname
        self.sessions += 1
        return responses

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list) -> str:  # noqa: N802, PLR0911 - aiosmtpd's name
        kind = address.partition("-")[0]
        if kind == "unknown":
            return "550 5.1.1 No such user here"
        if kind == "later" or (kind == "grey" and address not in self.grey):
            self.grey.add(address)
            return "451 4.7.1 Greylisted, come back" if kind == "grey" else "450 4.7.0 Greylisted, try again later"
        if kind == "gone":
            server.transport.abort()
            return "451 4.3.0 never seen"
        if kind == "slow":
            return "421 4.7.0 Too many connections, try again later"
        if kind == "odd":
            return f"550 5.9.9 Nobody has ever seen this before <{address}>"
        if kind == "block":
            return "554 5.7.1 Client host blocked using zen.example"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.delay_seconds:
            import asyncio

            await asyncio.sleep(self.delay_seconds)
        address = envelope.rcpt_tos[0]
        kind = address.partition("-")[0]
        if kind == "reject":
            return "554 5.6.0 The content is not wanted"
        if kind == "auth":
            return "550 5.7.26 Unauthenticated mail"
        with self.lock:
            self.mails.append(envelope.content)
            self.copies[address] += 1
            self.by_sender[envelope.mail_from] += 1
            self.message_ids[str(message_from_bytes(envelope.content)["Message-ID"])] += 1
        if kind == "mute":
            server.transport.abort()
        return f"250 2.0.0 Ok: queued as Q{len(self.mails)}"


class _Listener(Controller):
    def _trigger_server(self) -> None:  # the port is only known once the loop listens
        hostname, port = self.server.sockets[0].getsockname()[:2]
        self.port = port
        with contextlib.closing(socket.create_connection((hostname, port), 5)) as connection:
            connection.recv(64)


def _authenticator(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    good = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=good)


@contextlib.contextmanager
def smtp_server(recorder: SmtpRecorder, *, tls: ssl.SSLContext | None = None, auth: bool = False) -> Iterator[int]:
    """Runs an SMTP server over the recorder; gives its port."""
    options: dict[str, Any] = {"tls_context": tls, "require_starttls": False}
    if auth:
        options |= {"authenticator": _authenticator, "auth_required": True, "auth_require_tls": tls is not None}
    controller = _Listener(recorder, hostname="127.0.0.1", port=0, **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def self_signed(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server context for localhost, and the certificate to trust it by."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


@dataclass
class HttpRecorder:
    """Records each request; `answer(path, body)` says status, headers and body, or raises `Silence` to say nothing."""

    answer: Callable[[str, dict[str, Any]], tuple[int, dict[str, str], bytes]]
    requests: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)


class Silence(Exception):
    """The server takes the request and never answers."""


@contextlib.contextmanager
def http_server(recorder: HttpRecorder) -> Iterator[str]:
    """Runs an HTTP server over the recorder; gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            recorder.requests.append((self.path, dict(self.headers), body))
            try:
                status, headers, answer = recorder.answer(self.path, body)
            except Silence:
                time.sleep(1.5)
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

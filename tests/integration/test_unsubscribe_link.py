"""Pre-flight tries the unsubscribe link over HTTP, as a mailbox provider would."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from pydantic import SecretStr

from leadmill.adapters.unsubscribe_probe import HttpUnsubscribeProbe
from leadmill.bootstrap import App
from leadmill.ports.campaigns import Check
from leadmill.ports.unsubscribe_probe import ProbeOutcome
from leadmill.settings import Settings
from tests.campaign_world import (
    check,
    make_draft,
)
from tests.conftest import running_edge


def unsubscribe_check(app: App, edge_base_url: str) -> Check:
    other = App(app.settings.model_copy(update={"edge_base_url": edge_base_url}))
    try:
        found = check(other, make_draft(None), "unsubscribe")
    finally:
        other.database.close()
    assert found
    return found


def test_a_running_edge_passes_and_keeps_nothing(app: App, tmp_path: Path) -> None:
    settings = Settings(secret_key=app.settings.secret_key, store=f"file://{tmp_path}/edge")
    with running_edge(settings) as url:
        found = unsubscribe_check(app, url)
    assert found.result == "warning"  # it works, over http
    assert "not https" in found.message
    assert not [p for p in (tmp_path / "edge").rglob("*") if p.is_file()]


def test_an_edge_that_does_not_answer_forbids_approval(app: App) -> None:
    found = unsubscribe_check(app, "http://127.0.0.1:9")
    assert found.result == "error"
    assert "The unsubscribe link at http://127.0.0.1:9 does not answer." in found.message
    assert "LEADMILL_EDGE_BASE_URL" in found.advice


def test_among_containers_the_edge_is_tried_at_its_neighbour_s_name(app: App, tmp_path: Path) -> None:
    with running_edge(Settings(secret_key=app.settings.secret_key, store=f"file://{tmp_path}/e")) as url:
        tried = [
            HttpUnsubscribeProbe(base, app.settings.secret, neighbour_url=url, timeout_seconds=0.5).try_link().outcome
            for base in ("http://127.0.0.1:9", "http://edge.invalid:9")
        ]
    assert tried == [ProbeOutcome.WORKS, ProbeOutcome.UNREACHABLE]


def test_an_edge_with_another_key_is_found_out(app: App, tmp_path: Path) -> None:
    settings = Settings(
        secret_key=SecretStr("another-secret-key-of-32-characters-or-more"), store=f"file://{tmp_path}/e"
    )
    with running_edge(settings) as url:
        found = unsubscribe_check(app, url)
    assert found.result == "error"
    assert "404" in found.message


class _Answers(BaseHTTPRequestHandler):
    """Somebody else's server, with an answer for GET and one for POST."""

    get: tuple[int, dict[str, str]] = (200, {})
    post: tuple[int, dict[str, str]] = (200, {})

    def _answer(self, answer: tuple[int, dict[str, str]]) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(answer[0])
        for name, value in answer[1].items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self._answer(self.get)

    def do_POST(self) -> None:
        self._answer(self.post)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def somebody(get: tuple[int, dict[str, str]], post: tuple[int, dict[str, str]]) -> Iterator[str]:
    handler = type("Handler", (_Answers,), {"get": get, "post": post})
    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("get", "post", "words"),
    [
        ((200, {}), (200, {}), "not this Leadmill's edge"),
        ((200, {}), (200, {"X-Leadmill-Probe": "AAAAAAAAAAAAAAAA"}), "not this Leadmill's edge"),
        ((200, {}), (302, {"Location": "/login"}), "redirect"),
        ((302, {"Location": "/login"}), (200, {}), "redirect"),
        ((200, {}), (200, {"Set-Cookie": "a=b"}), "cookie"),
        ((200, {}), (405, {}), "a POST with 405"),
        ((500, {}), (200, {}), "a GET with 500"),
        ((200, {"X-Leadmill-Probe": "x"}), (200, {}), "acts on a GET"),
    ],
)
def test_a_link_that_mailbox_providers_could_not_use_is_found_out(get, post, words: str) -> None:
    with somebody(get, post) as url:
        result = HttpUnsubscribeProbe(url, b"k" * 32).try_link()
    assert result.outcome is ProbeOutcome.FAILS
    assert words in result.detail


def test_an_answer_that_cannot_be_read_is_somebody_elses() -> None:
    class Garbled(_Answers):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", "3")
            self.end_headers()
            self.wfile.write(b"abc")

    server = HTTPServer(("127.0.0.1", 0), Garbled)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    result = HttpUnsubscribeProbe(f"http://127.0.0.1:{server.server_port}", b"k" * 32).try_link()
    server.shutdown()
    server.server_close()
    assert result.outcome is ProbeOutcome.FAILS
    assert "not this Leadmill's edge" in result.detail

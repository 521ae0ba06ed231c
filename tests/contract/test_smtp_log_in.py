"""TLS and log-ins of SMTP: nothing secret in the clear, nothing believed that was said in the clear, tokens renewed."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from leadmill.domain.messages import ReceiptStatus
from leadmill.errors import (
    ConfigInvalid,
    CredentialsRejected,
    LeadmillError,
    ProviderThrottled,
    ProviderUnavailable,
)
from leadmill.ports.esp import Channel
from tests.blocking_sender import BlockingSender, open_sender
from tests.contract.providers_under_test import make_message, receipts_until_error
from tests.mail_servers import PASSWORD, USER, SmtpRecorder, _Listener, closed_port, self_signed, smtp_server
from tests.scripted_smtp import ScriptedSmtp, scripted

DATE = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
GRANT = {"refresh_token": "1//refresh-me", "client_id": "client-7", "client_secret": "hush-hush"}


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SMTP_SECRET", PASSWORD)
    monkeypatch.setenv("TEST_GRANT", json.dumps(GRANT))


def sender(port: int, *, secret_ref: str = "env:TEST_SMTP_SECRET", **config: object) -> BlockingSender:
    settings = {"host": "localhost", "port": port, "timeout_seconds": 3} | config
    return open_sender(Channel(3, "smtp", settings, user_name=USER, secret_ref=secret_ref), date=DATE)


# --- TLS


@contextlib.contextmanager
def implicit_tls_server(recorder: SmtpRecorder, context: ssl.SSLContext) -> Iterator[int]:
    """aiosmtpd behind TLS from the first octet on."""

    class Listener(_Listener):
        def _trigger_server(self) -> None:
            self.port = self.server.sockets[0].getsockname()[1]
            plain = ssl.create_default_context()
            plain.check_hostname, plain.verify_mode = False, ssl.CERT_NONE
            with socket.create_connection(("127.0.0.1", self.port), 5) as line, plain.wrap_socket(line) as secure:
                secure.recv(64)

    controller = Listener(
        recorder, hostname="127.0.0.1", port=0, ssl_context=context, authenticator=_password, auth_require_tls=False
    )
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def _password(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()), handled=False)


def test_implicit_tls_carries_many_mails_with_a_checked_certificate(tls: tuple[ssl.SSLContext, Path]) -> None:
    context, certificate = tls
    recorder = SmtpRecorder()
    with implicit_tls_server(recorder, context) as port:
        esp = sender(port, tls="implicit", ca_file=str(certificate))
        receipts = list(esp.send([make_message(n, f"lead-{n}@p.test") for n in range(60)]))
        esp.close()
    assert [r.status for r in receipts] == [ReceiptStatus.ACCEPTED] * 60
    assert set(recorder.copies.values()) == {1}


@pytest.mark.parametrize("way", ["implicit", "starttls"])
def test_a_certificate_of_another_name_sends_nothing(tls: tuple[ssl.SSLContext, Path], way: str) -> None:
    context, certificate = tls
    recorder = SmtpRecorder()
    serve = implicit_tls_server(recorder, context) if way == "implicit" else smtp_server(recorder, tls=context)
    with serve as port:
        esp = sender(port, tls=way, host="127.0.0.1", ca_file=str(certificate))  # the certificate is for localhost
        receipts, error = receipts_until_error(esp, [make_message(1)])
        esp.close()
    assert receipts == []
    assert isinstance(error, ConfigInvalid)
    assert not recorder.mails


@pytest.mark.parametrize("extra", [b"250 AUTH PLAIN\r\n", b"2"])
def test_what_is_said_behind_the_answer_to_starttls_in_the_clear_ends_the_connection(extra: bytes) -> None:
    heard = ScriptedSmtp(
        answer=lambda said: b"220 go\r\n" + extra if said.verb == "STAR" else None,
        extensions=(b"STARTTLS", b"AUTH PLAIN"),
    )
    with scripted(heard) as port:
        receipts, error = receipts_until_error(sender(port, tls="starttls"), [make_message(1)])
    assert receipts == []
    assert isinstance(error, ProviderUnavailable)
    assert heard.verbs() == ["EHLO", "STAR"], "no password, no mail"


def test_a_server_that_takes_starttls_and_then_talks_on_in_the_clear_gets_no_password() -> None:
    heard = ScriptedSmtp(
        answer=lambda said: b"220 go\r\n" if said.verb == "STAR" else None, extensions=(b"STARTTLS", b"AUTH PLAIN")
    )
    with scripted(heard) as port:
        receipts, error = receipts_until_error(sender(port, tls="starttls", timeout_seconds=1), [make_message(1)])
    assert receipts == []
    assert isinstance(error, LeadmillError)
    assert not any(said.line.upper().startswith(b"AUTH") for said in heard.heard)


def test_a_log_in_over_tls_that_is_only_taken_where_offered_is_refused_before_it_is_tried() -> None:
    with pytest.raises(ConfigInvalid, match="TLS"):
        open_sender(Channel(3, "smtp", {"host": "relay.test", "tls": "auto"}, user_name="u", secret_ref="X"), date=DATE)


# --- log-ins


def test_cram_md5_is_used_where_nothing_else_is_offered() -> None:
    import hmac

    challenge = b"<1896.697170952@relay.test>"

    def answer(said: Any) -> bytes | None:
        if said.line == b"AUTH CRAM-MD5":
            return b"334 " + base64.b64encode(challenge) + b"\r\n"
        if said.nth == 1 and said.verb not in {"EHLO", "MAIL", "RCPT", "DATA", "DOT", "QUIT", "AUTH"}:
            right = f"{USER} {hmac.new(PASSWORD.encode(), challenge, 'md5').hexdigest()}".encode()
            return b"235 ok\r\n" if base64.b64decode(said.line) == right else b"535 no\r\n"
        return None

    with scripted(ScriptedSmtp(answer=answer, extensions=(b"AUTH CRAM-MD5",))) as port:
        esp = sender(port, tls="none")
        (receipt,) = esp.send([make_message(1)])
        esp.close()
    assert receipt.status is ReceiptStatus.ACCEPTED


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(b"454 4.7.0 Temporary failure\r\n", ProviderThrottled), (b"535 5.7.8 No\r\n", CredentialsRejected)],
)
def test_a_refused_log_in_is_told_from_one_that_is_put_off(answer: bytes, kind: type[LeadmillError]) -> None:
    server = ScriptedSmtp(
        answer=lambda said: answer if said.verb == "AUTH" else None, extensions=(b"AUTH PLAIN LOGIN",)
    )
    with scripted(server) as port:
        receipts, error = receipts_until_error(sender(port, tls="none"), [make_message(1)])
    assert receipts == []
    assert isinstance(error, kind)
    assert PASSWORD not in str(error)


def test_a_mechanism_that_is_not_offered_is_a_matter_of_configuration() -> None:
    with scripted(ScriptedSmtp(extensions=(b"AUTH PLAIN",))) as port:
        _, error = receipts_until_error(sender(port, tls="none", auth="LOGIN"), [make_message(1)])
    assert isinstance(error, ConfigInvalid)


# --- XOAUTH2


@dataclass
class TokenServer:
    """Google's or Microsoft's token endpoint: each good refresh gives the next token."""

    answers: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    life: int = 3600
    given: int = 0

    def answer(self, form: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        self.asked.append(form)
        if self.answers:
            return self.answers.pop(0)
        self.given += 1
        return 200, {"access_token": f"token-{self.given}", "expires_in": self.life, "token_type": "Bearer"}


@contextlib.contextmanager
def token_endpoint(server: TokenServer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            status, body = server.answer(form)
            text = json.dumps(body).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "http://127.0.0.1:1/stolen")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.server_address[1]}/token"
    finally:
        listener.shutdown()
        listener.server_close()


class OAuthRecorder(SmtpRecorder):
    """Takes XOAUTH2 with any of the good tokens, and tells a failure as Google does: 334 first, then 535."""

    good: set[str]
    seen: list[str]

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802 - aiosmtpd's name
        said = base64.b64decode(args[1]).decode()
        user, bearer = said.rstrip("\x01").split("\x01")
        self.seen.append(bearer.removeprefix("auth=Bearer "))
        if user == f"user={USER}" and self.seen[-1] in self.good:
            return AuthResult(success=True)
        await server.push("334 " + base64.b64encode(b'{"status":"401","schemes":"bearer"}').decode())
        assert (await server._reader.readline()).strip() == b""
        return AuthResult(success=False, handled=False)


def oauth_recorder(*good: str) -> OAuthRecorder:
    recorder = OAuthRecorder()
    recorder.good, recorder.seen = set(good), []
    return recorder


@contextlib.contextmanager
def oauth_sender(
    recorder: OAuthRecorder, tokens: TokenServer, tls: tuple[ssl.SSLContext, Path], **config: object
) -> Iterator[BlockingSender]:
    context, certificate = tls
    with smtp_server(recorder, tls=context, auth=True) as port, token_endpoint(tokens) as url:
        esp = sender(
            port,
            secret_ref="env:TEST_GRANT",
            preset="gmail-oauth",
            ca_file=str(certificate),
            oauth_endpoint=url,
            **config,
        )
        yield esp
        esp.close()


def test_xoauth2_gets_a_token_by_the_refresh_token_and_keeps_it(tls: tuple[ssl.SSLContext, Path]) -> None:
    recorder, tokens = oauth_recorder("token-1"), TokenServer()
    with oauth_sender(recorder, tokens, tls, messages_per_connection=2) as esp:
        receipts = list(esp.send([make_message(n, f"lead-{n}@p.test") for n in range(6)]))
    assert [r.status for r in receipts] == [ReceiptStatus.ACCEPTED] * 6
    assert recorder.seen == ["token-1"] * 3, "three connections, one token"
    assert tokens.asked == [{name: [value] for name, value in (GRANT | {"grant_type": "refresh_token"}).items()}]


def test_a_token_that_ends_soon_is_renewed_before_it_is_used(tls: tuple[ssl.SSLContext, Path]) -> None:
    recorder, tokens = oauth_recorder("token-1", "token-2", "token-3"), TokenServer(life=60)
    with oauth_sender(recorder, tokens, tls, messages_per_connection=1) as esp:
        assert len(list(esp.send([make_message(n, f"lead-{n}@p.test") for n in range(3)]))) == 3
    assert recorder.seen == ["token-1", "token-2", "token-3"]


def test_a_token_refused_before_its_time_is_renewed_once(tls: tuple[ssl.SSLContext, Path]) -> None:
    recorder, tokens = oauth_recorder("token-2"), TokenServer()
    with oauth_sender(recorder, tokens, tls) as esp:
        (receipt,) = esp.send([make_message(1)])
    assert receipt.status is ReceiptStatus.ACCEPTED
    assert recorder.seen == ["token-1", "token-2"]


def test_tokens_that_are_refused_twice_are_rejected_credentials(tls: tuple[ssl.SSLContext, Path]) -> None:
    recorder, tokens = oauth_recorder(), TokenServer()
    with oauth_sender(recorder, tokens, tls) as esp:
        receipts, error = receipts_until_error(esp, [make_message(1)])
    assert receipts == []
    assert isinstance(error, CredentialsRejected)
    assert len(recorder.seen) == 2
    assert not any(word in str(error) for word in ("token-", "refresh-me", "hush", USER + "@"))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": "invalid_grant", "error_description": "1//refresh-me was revoked"}, CredentialsRejected),
        (401, {"error": "invalid_client"}, CredentialsRejected),
        (400, {"error": "invalid_request"}, ConfigInvalid),
        (200, {"no": "token"}, ConfigInvalid),
        (429, {}, ProviderThrottled),
        (503, {}, ProviderUnavailable),
        (302, {}, ConfigInvalid),
    ],
)
def test_what_the_token_endpoint_answers_decides_what_happens(
    tls: tuple[ssl.SSLContext, Path], status: int, body: dict, kind: type[LeadmillError]
) -> None:
    recorder, tokens = oauth_recorder("token-1"), TokenServer(answers=[(status, body)])
    with oauth_sender(recorder, tokens, tls) as esp:
        receipts, error = receipts_until_error(esp, [make_message(1)])
    assert receipts == []
    assert isinstance(error, kind)
    assert not recorder.seen
    assert not any(word in f"{error!r}{error.__cause__!r}" for word in ("refresh-me", "hush-hush"))


def test_a_plain_access_token_is_used_as_it_is_and_cannot_be_renewed(
    tls: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_GRANT", "ya29.as-it-is")
    for good, kind in (("ya29.as-it-is", type(None)), ("another", CredentialsRejected)):
        recorder, tokens = oauth_recorder(good), TokenServer()
        with oauth_sender(recorder, tokens, tls) as esp:
            _, error = receipts_until_error(esp, [make_message(1)])
        assert isinstance(error, kind)
        assert (recorder.seen, tokens.asked) == (["ya29.as-it-is"], [])


@pytest.mark.parametrize("secret", ["{}", '{"refresh_token": "x"}', "{not json", '["x"]x'])
def test_a_secret_that_is_no_token_says_what_it_should_be_and_not_what_it_is(
    tls: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("TEST_GRANT", secret)
    recorder, tokens = oauth_recorder(), TokenServer()
    with oauth_sender(recorder, tokens, tls) as esp:
        _, error = receipts_until_error(esp, [make_message(1)])
    assert isinstance(error, ConfigInvalid if secret.startswith("{") else CredentialsRejected)
    assert secret not in str(error)


def test_a_token_endpoint_without_tls_on_another_machine_is_never_asked(tls: tuple[ssl.SSLContext, Path]) -> None:
    context, certificate = tls
    with smtp_server(oauth_recorder(), tls=context, auth=True) as port:
        esp = sender(
            port, secret_ref="env:TEST_GRANT", preset="gmail-oauth", ca_file=str(certificate),
            oauth_endpoint="http://tokens.test/token",
        )  # fmt: skip
        _, error = receipts_until_error(esp, [make_message(1)])
        esp.close()
    assert isinstance(error, ConfigInvalid)


def test_a_token_endpoint_that_cannot_be_reached_costs_a_wait(tls: tuple[ssl.SSLContext, Path]) -> None:
    context, certificate = tls
    with smtp_server(oauth_recorder(), tls=context, auth=True) as port:
        esp = sender(
            port, secret_ref="env:TEST_GRANT", preset="gmail-oauth", ca_file=str(certificate),
            oauth_endpoint=f"http://127.0.0.1:{closed_port()}/token",
        )  # fmt: skip
        _, error = receipts_until_error(esp, [make_message(1)])
        esp.close()
    assert isinstance(error, ProviderUnavailable)

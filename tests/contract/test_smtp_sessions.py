"""SMTP beyond the common contract: TLS, log-in, one connection for many mails, presets, and where exactly doubt begins."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from leadmill.domain.messages import Frame, ReceiptStatus
from leadmill.errors import ConfigInvalid, ProviderThrottled, ProviderUnavailable
from leadmill.ports.esp import Channel
from tests.blocking_sender import BlockingSender, open_sender
from tests.contract.providers_under_test import make_message, receipts_until_error
from tests.mail_servers import PASSWORD, USER, SmtpRecorder, self_signed, smtp_server

DATE = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def open_esp(port: int, *, user_name: str = "", **config: object) -> BlockingSender:
    settings = {"host": "localhost", "port": port, "tls": "none", "timeout_seconds": 2} | config
    channel = Channel(3, "smtp", settings, user_name=user_name, secret_ref="env:TEST_SMTP_SECRET")
    return open_sender(channel, date=DATE)


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SMTP_SECRET", PASSWORD)


def test_one_connection_carries_many_mails_until_its_share_is_used_up() -> None:
    recorder = SmtpRecorder()
    with smtp_server(recorder) as port:
        esp = open_esp(port, messages_per_connection=4, connections=1)
        receipts = list(esp.send([make_message(n, f"lead-{n}@p.test") for n in range(10)]))
        esp.close()
    assert {r.status for r in receipts} == {ReceiptStatus.ACCEPTED}
    assert recorder.sessions == 3


def test_a_refused_recipient_costs_no_new_connection() -> None:
    recorder = SmtpRecorder()
    with smtp_server(recorder) as port:
        esp = open_esp(port)
        list(esp.send([make_message(1), make_message(2, "unknown-1@p.test"), make_message(3, "lead-3@p.test")]))
        esp.close()
    assert recorder.sessions == 1


@pytest.mark.parametrize("tls", ["starttls", "auto"])
def test_starttls_with_log_in_over_it(tmp_path: Path, tls: str) -> None:
    context, certificate = self_signed(tmp_path)
    recorder = SmtpRecorder()
    with smtp_server(recorder, tls=context, auth=True) as port:
        esp = open_esp(port, tls=tls, ca_file=str(certificate), user_name=USER)
        (receipt,) = esp.send([make_message(1)])
        esp.close()
    assert receipt.status is ReceiptStatus.ACCEPTED


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_each_log_in_mechanism_works(mechanism: str) -> None:
    with smtp_server(SmtpRecorder(), auth=True) as port:
        esp = open_esp(port, auth=mechanism, user_name=USER)
        (receipt,) = esp.send([make_message(1)])
        esp.close()
    assert receipt.status is ReceiptStatus.ACCEPTED


def test_required_tls_that_is_not_offered_sends_nothing() -> None:
    recorder = SmtpRecorder()
    with smtp_server(recorder) as port, pytest.raises(ConfigInvalid, match="STARTTLS"):
        list(open_esp(port, tls="starttls").send([make_message(1)]))
    assert not recorder.mails


def test_a_certificate_nobody_vouches_for_sends_nothing(tmp_path: Path) -> None:
    context, _ = self_signed(tmp_path)
    with smtp_server(SmtpRecorder(), tls=context) as port, pytest.raises(ConfigInvalid, match="certificate"):
        list(open_esp(port, tls="starttls").send([make_message(1)]))


def test_a_log_in_without_tls_to_another_machine_is_refused_before_it_is_tried() -> None:
    channel = Channel(3, "smtp", {"host": "192.0.2.1", "tls": "none"}, user_name="u", secret_ref="X")
    with pytest.raises(ConfigInvalid, match="TLS"):
        open_sender(channel, date=DATE)


def test_what_arrives_is_what_was_rendered_dots_and_umlauts_included() -> None:
    recorder = SmtpRecorder()
    message = make_message(1)
    with smtp_server(recorder) as port:
        esp = open_esp(port)
        list(esp.send([message]))
        esp.close()
    mail = message_from_bytes(recorder.mails[0], policy=policy.default)
    assert mail["Subject"] == message.subject
    assert mail.get_body(("plain",)).get_content().splitlines() == message.text.splitlines()
    assert "\n.\n..dots" in message.text


@pytest.mark.parametrize(
    ("preset", "header", "value"),
    [
        ("ses", "X-SES-MESSAGE-TAGS", "campaign_id=7, send_id=1-x"),
        ("sendgrid", "X-SMTPAPI", '{"unique_args": {"campaign_id": "7", "send_id": "1-x"}}'),
        ("mailgun", "X-Mailgun-Variables", '{"campaign_id": "7", "send_id": "1-x"}'),
        ("postmark", "X-PM-Metadata-send_id", "1-x"),
        ("plain", "X-SMTPAPI", None),
        ("gmail", "X-SMTPAPI", None),
    ],
)
def test_a_preset_carries_the_send_id_in_the_providers_own_header(preset: str, header: str, value: str | None) -> None:
    recorder = SmtpRecorder()
    with smtp_server(recorder) as port:
        esp = open_esp(port, preset=preset, auth="")
        list(esp.send([make_message(1)]))
        esp.close()
    assert message_from_bytes(recorder.mails[0])[header] == value


def test_an_address_that_smtp_cannot_say_is_refused_and_never_breaks_out_of_the_command() -> None:
    recorder = SmtpRecorder()
    with smtp_server(recorder) as port:
        esp = open_esp(port)
        odd = [
            make_message(1, "jörg@p.test"),
            make_message(2, "a@p.test>\r\nRCPT TO:<b@p.test"),
            make_message(3, "x@bücher.test"),
        ]
        receipts = list(esp.send(odd))
        esp.close()
    assert [r.status for r in receipts] == [ReceiptStatus.REFUSED, ReceiptStatus.REFUSED, ReceiptStatus.ACCEPTED]
    assert recorder.copies == {"x@xn--bcher-kva.test": 1}


@pytest.mark.parametrize("provider", ["smtp", "ses"])
def test_a_mail_that_cannot_be_written_down_is_refused_and_does_not_stop_the_channel(provider: str) -> None:
    config = {"host": "127.0.0.1", "port": 1, "endpoint": "http://127.0.0.1:1"}
    esp = open_sender(Channel(3, provider, config), date=DATE)
    (receipt,) = esp.send([make_message(1, headers=(("X-Odd", "a\r\nBcc: b@p.test"),))])
    assert (receipt.status, receipt.code) == (ReceiptStatus.REFUSED, "template")


@contextmanager
def scripted_server(script: list[tuple[bytes | None, bytes]]) -> Iterator[tuple[int, list[bytes]]]:
    """A server that greets, then for each line that starts with a prefix says the answer; an empty answer hangs up."""
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as lines:
                connection.sendall(b"220 here\r\n")
                for line in lines:
                    heard.append(line)
                    answer = next((a for prefix, a in script if prefix and line.upper().startswith(prefix)), None)
                    if answer == b"":
                        break
                    if answer is not None:
                        connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], heard
    finally:
        listener.close()


POLITE = [(b"EHLO", b"250 ok\r\n"), (b"MAIL", b"250 ok\r\n"), (b"RCPT", b"250 ok\r\n"), (b"RSET", b"250 ok\r\n")]


@pytest.mark.parametrize("prefix", [b"MAIL", b"RCPT", b"DATA", b"SUBJECT"])
def test_a_connection_lost_before_the_final_dot_is_no_doubt(prefix: bytes) -> None:
    script = [(prefix, b""), *POLITE, (b"DATA", b"354 go\r\n")]
    # The body is larger than the socket's buffers, so that writing it meets the closed connection.
    frame = Frame.of("Hello", ("x" * 70 + "\n") * 100_000, "<p>Hello</p>")
    with scripted_server(script) as (port, _):
        esp = open_esp(port, host="127.0.0.1")
        receipts, error = receipts_until_error(esp, [make_message(1, frame=frame, values=())])
    if prefix in {b"RCPT", b"DATA"}:
        assert [(r.status, r.code) for r in receipts] == [(ReceiptStatus.REFUSED, "broken-off")]
        assert error is None
    else:
        assert receipts == []
        assert isinstance(error, ProviderUnavailable)


@pytest.mark.parametrize("answer", [b"", b"what?\r\n"])
def test_a_connection_lost_after_the_final_dot_is_a_doubt(answer: bytes) -> None:
    script = [(b".\r\n", answer), *POLITE, (b"DATA", b"354 go\r\n")]
    with scripted_server(script) as (port, heard):
        receipts, error = receipts_until_error(open_esp(port, host="127.0.0.1"), [make_message(1)])
    assert [r.status for r in receipts] == [ReceiptStatus.AMBIGUOUS]
    assert isinstance(error, ProviderUnavailable)
    assert sum(line.startswith(b"DATA") for line in heard) == 1


@pytest.mark.parametrize(
    ("answer", "met_by"), [(b"454 Sending rate exceeded\r\n", 1), (b"454 Daily message quota exceeded\r\n", None)]
)
def test_throttling_names_the_send_that_met_it_and_a_used_up_quota_names_none(
    answer: bytes, met_by: int | None
) -> None:
    with scripted_server([(b"MAIL", answer), *POLITE]) as (port, _):
        receipts, error = receipts_until_error(open_esp(port, host="127.0.0.1"), [make_message(1)])
    assert receipts == []
    assert isinstance(error, ProviderThrottled)
    assert error.met_by == met_by


def test_an_idle_connection_that_the_server_closed_is_opened_anew() -> None:
    recorder = SmtpRecorder()
    with smtp_server(recorder) as port:
        esp = open_esp(port)
        list(esp.send([make_message(1)]))
        with socket.socket(fileno=os.dup(esp.esp._idle[0].transport.get_extra_info("socket").fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)
        (receipt,) = esp.send([make_message(2, "lead-2@p.test")])
        esp.close()
    assert receipt.status is ReceiptStatus.ACCEPTED
    assert recorder.sessions == 2

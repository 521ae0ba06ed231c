"""Laws of the API adapters' batches: a provider mails what the raw rendering would, and a rate window is kept."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leadmill.adapters.content.mime import to_bytes
from leadmill.adapters.esp import ses_client
from leadmill.adapters.esp.api_calls import Call, CallOutcome, by_frame, make_calls
from leadmill.adapters.esp.api_channel import ApiChannel
from leadmill.adapters.esp.http_answers import RateWindow, channel_error, wait_of
from leadmill.adapters.esp.https import HttpAnswer, HttpsClient, NoAnswer, NotHandedOver
from leadmill.adapters.esp.mailgun import MailgunEsp, MailgunOptions
from leadmill.adapters.esp.sendgrid import SendGridEsp, SendGridOptions
from leadmill.adapters.esp.ses import SesEsp, SesOptions
from leadmill.domain.messages import Frame, OutgoingMessage, ReceiptStatus
from leadmill.errors import ProviderUnavailable
from tests.provider_apis import MailgunApi, ProviderApi, Request, SendGridApi, SesApi, running

DATE = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SYNTAX = ["{", "}", "{{", "}}", "{{s0}}", "\\", "%", "%recipient", "%recipient.s0%", "-", "lm.", "<b>", "&", '"', "'"]
WORDS = st.one_of(st.sampled_from(SYNTAX), st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])))
TEXTS = st.lists(WORDS, max_size=4).map("".join)
PARTS = st.lists(st.one_of(TEXTS, st.integers(0, 3)), min_size=1, max_size=6).map(lambda pieces: ("x ", *pieces))
FRAMES = st.builds(Frame, subject=PARTS, text=PARTS, html=PARTS)
VALUES = st.tuples(TEXTS, TEXTS, TEXTS, TEXTS)


class InMemory:
    """A provider's API without a network: an `HttpsClient`, and boto3's client where that is asked for."""

    def __init__(self, api: ProviderApi) -> None:
        self.api = api

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> HttpAnswer:
        lower = {name.lower(): value for name, value in headers.items()}
        status, found, content = self.api.answer(Request("POST", path, lower, body))
        return HttpAnswer(status, {name.lower(): value for name, value in found.items()}, content)

    def send_bulk_email(self, **_: Any) -> Any:
        body = ses_client._ready_body.get()
        assert body is not None
        return self._json("/v2/email/outbound-bulk-emails", body)

    def send_email(self, **parameters: Any) -> Any:
        import base64
        import json

        raw = parameters["Content"]["Raw"]["Data"]
        body = parameters | {"Content": {"Raw": {"Data": base64.b64encode(raw).decode()}}}
        return self._json("/v2/email/outbound-emails", json.dumps(body).encode())

    def _json(self, path: str, body: bytes) -> Any:
        return Request("", "", {}, self.api.answer(Request("POST", path, {}, body))[2]).json


def senders() -> list[tuple[ProviderApi, Any]]:
    ses, sendgrid, mailgun = SesApi(), SendGridApi(), MailgunApi()
    raw = partial(to_bytes, date=DATE)

    def channel(api: ProviderApi) -> ApiChannel:
        return ApiChannel("X", InMemory(api), RateWindow(), lambda: "key", DATE.timestamp, "Mailbox 1")  # type: ignore[arg-type]

    return [
        (ses, SesEsp(lambda: InMemory(ses), SesOptions(), to_bytes=raw, lane_of="Mailbox 1")),  # type: ignore[arg-type, return-value]
        (sendgrid, SendGridEsp(channel(sendgrid), SendGridOptions())),
        (mailgun, MailgunEsp(channel(mailgun), MailgunOptions(), to_bytes=raw)),
    ]


def message(send_id: int, frame: Frame, values: tuple[str, ...]) -> OutgoingMessage:
    return OutgoingMessage(
        send_id=send_id,
        sender_address="ann@brand.test",
        sender_name="Ann",
        recipient=f"lead-{send_id}@people.test",
        frame=frame,
        values=values,
        message_id=f"<lm.{send_id}.x@brand.test>",
    )


def as_read(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


@settings(deadline=None, max_examples=60)
@given(FRAMES, st.lists(VALUES, min_size=2, max_size=4))
@example(Frame(("{", 0, "}"), (0, 1), ("%", 0, "%")), [("{", "{s1}}", "a", "b"), ("%recip", "ient.h0%", "c", "d")])
def test_every_batching_provider_mails_what_the_raw_rendering_would(frame: Frame, values: list[Any]) -> None:
    messages = [message(number, frame, mine) for number, mine in enumerate(values, 1)]
    for api, esp in senders():
        receipts = list(esp.send(messages))
        assert {receipt.status for receipt in receipts} == {ReceiptStatus.ACCEPTED}
        mailed = {int(mail.send_id): mail for mail in api.mailed}
        for wanted in messages:
            mail = mailed[wanted.send_id]
            assert " ".join(mail.subject.split()) == " ".join(wanted.subject.split())
            assert as_read(mail.text) == as_read(wanted.text)
            assert as_read(mail.html) == as_read(wanted.html)


FEW_FRAMES = (Frame(("a",), ("a",), ("a",)), Frame(("b",), ("b",), ("b",)))


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), max_size=30))
def test_grouping_loses_nobody_and_names_no_address_twice_in_a_group(choices: list[tuple[int, int]]) -> None:
    messages = [
        OutgoingMessage(number, "a@b.test", "A", f"P{who}@x.test" if number % 2 else f"p{who}@x.test", FEW_FRAMES[frame], (), "")
        for number, (frame, who) in enumerate(choices)
    ]  # fmt: skip
    groups = list(by_frame(messages))
    assert sorted(m.send_id for group in groups for m in group) == list(range(len(messages)))
    for group in groups:
        assert len({m.frame for m in group}) == 1
        assert len({m.recipient.lower() for m in group}) == len(group)
        assert [m.send_id for m in group] == sorted(m.send_id for m in group)


def test_a_batch_whose_time_is_up_makes_no_further_call(monkeypatch: pytest.MonkeyPatch) -> None:
    from leadmill.adapters.esp import api_calls

    monkeypatch.setattr(api_calls, "CALL_WITHIN_SECONDS", 0.01)
    made = []

    def slow(call: Call) -> CallOutcome:
        made.append(call)
        time.sleep(0.02)
        return CallOutcome()

    calls = [Call([message(n, FEW_FRAMES[0], ())]) for n in (1, 2)]
    with pytest.raises(ProviderUnavailable, match="too slow"):
        list(make_calls(calls, slow, lane_of="Mailbox 1"))
    assert len(made) == 1


# --- rate windows


def answer(**headers: str) -> HttpAnswer:
    return HttpAnswer(202, {name.replace("_", "-"): value for name, value in headers.items()}, b"")


def test_a_window_without_headers_never_closes() -> None:
    window = RateWindow()
    window.read(answer(), unix_now=1000)
    assert [window.seconds_to_wait() for _ in range(3)] == [0, 0, 0]


def test_calls_beside_each_other_share_what_a_window_has_left() -> None:
    window = RateWindow()
    window.read(answer(x_ratelimit_remaining="2", x_ratelimit_reset="1030"), unix_now=1000)
    assert [window.seconds_to_wait() for _ in range(2)] == [0, 0]
    assert 29 < window.seconds_to_wait() <= 30
    window.read(answer(x_ratelimit_remaining="2", x_ratelimit_reset="1030"), unix_now=1000)  # crossed those two calls
    assert window.seconds_to_wait() > 29
    window.read(answer(x_ratelimit_remaining="500", x_ratelimit_reset="1090"), unix_now=1030)
    assert window.seconds_to_wait() == 0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "12"}, 12),
        ({"x-ratelimit-reset": "1017"}, 17),
        ({"x-ratelimit-reset": "1017000000000"}, 30),  # too far away to be believed
        ({"x-ratelimit-reset": "rubbish"}, 30),
        ({"retry-after": "-5"}, 30),
        ({}, 30),
    ],
)
def test_the_wait_after_a_429_is_what_the_headers_say_within_reason(headers: dict[str, str], seconds: float) -> None:
    assert wait_of(headers, unix_now=1000) == seconds


def test_mailguns_milliseconds_are_read_as_such() -> None:
    assert wait_of({"x-ratelimit-reset": "1767225617000"}, unix_now=1767225600) == 17


def test_a_redirect_is_no_yes() -> None:
    error = channel_error(HttpAnswer(302, {}, b""), "X", "Mailbox 1", "send 1", unix_now=0)
    assert isinstance(error, ProviderUnavailable)


# --- the HTTPS client


def scripted_server(read_bytes: int, say: bytes) -> tuple[int, threading.Thread]:
    """Takes one connection, reads so many bytes, says something, and closes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, listener:
            got = 0
            while got < read_bytes:
                data = connection.recv(min(65536, read_bytes - got))
                if not data:
                    break
                got += len(data)
            connection.sendall(say)
            if not say and read_bytes < 10_000:  # a reset, so that what is still being written fails
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return listener.getsockname()[1], thread


def test_a_request_that_broke_half_way_was_not_handed_over() -> None:
    port, thread = scripted_server(1000, b"")
    client = HttpsClient(f"http://127.0.0.1:{port}", timeout_seconds=5)
    with pytest.raises(NotHandedOver):
        client.post("/x", b"x" * 30_000_000, {})
    client.close()
    thread.join()


def test_a_request_that_left_whole_and_met_silence_is_a_doubt() -> None:
    port, thread = scripted_server(100_000, b"")
    client = HttpsClient(f"http://127.0.0.1:{port}", timeout_seconds=5)
    with pytest.raises(NoAnswer):
        client.post("/x", b"x" * 100_000, {})
    client.close()
    thread.join()


def test_an_answer_that_breaks_off_is_a_doubt() -> None:
    port, thread = scripted_server(1000, b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf")
    client = HttpsClient(f"http://127.0.0.1:{port}", timeout_seconds=5)
    with pytest.raises(NoAnswer):
        client.post("/x", b"x" * 1000, {})
    client.close()
    thread.join()


def test_the_client_passes_the_crash_points_in_order() -> None:
    from leadmill.domain.crash_points import CrashPoint, observe

    class Yes(ProviderApi):
        def answer(self, request: Request) -> tuple[int, dict[str, str], bytes]:
            return 202, {}, b""

    passed: list[CrashPoint] = []
    with running(Yes()) as url:
        client = HttpsClient(url, timeout_seconds=5)
        observe(passed.append)
        try:
            assert client.post("/x", b"x" * 10, {}).status == 202
        finally:
            observe(None)
        client.close()
    assert passed == [
        CrashPoint.BEFORE_CONNECT, CrashPoint.BEFORE_HAND_OVER, CrashPoint.HANDED_OVER, CrashPoint.ANSWERED
    ]  # fmt: skip

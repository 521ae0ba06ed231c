"""Some hundred mails of any octets over several connections: each arrives once, and exactly as it was."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadmill.adapters.esp.opening import OpenEsps
from leadmill.domain.messages import Frame, OutgoingMessage, ReceiptStatus
from leadmill.ports.esp import Channel
from tests.blocking_sender import BlockingSender
from tests.scripted_smtp import ScriptedSmtp, scripted

DATE = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
FRAME = Frame.of("s", "t", "h")
LINES = st.lists(
    st.sampled_from(
        [b".", b"..", b"...a", b"", b"\r\n.\r\n", b"QUIT", b"MAIL FROM:<x@y.test>", b"\n.\r\n", b"\xc3\xa9" * 40]
    )
    | st.binary(max_size=200),
    max_size=30,
).map(b"\r\n".join)


@pytest.mark.parametrize("pipelining", [True, False])
@given(bodies=st.lists(LINES, min_size=120, max_size=150))
@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_octets_arrive_once_and_unchanged_but_for_line_ends(pipelining: bool, bodies: list[bytes]) -> None:
    def written(message: OutgoingMessage, *, date: datetime, signer: object = None) -> bytes:
        return b"X-Id: %d\r\n\r\n" % message.send_id + bodies[message.send_id]

    server = ScriptedSmtp(pipelining=pipelining)
    config = {"host": "127.0.0.1", "tls": "none", "timeout_seconds": 5, "connections": 8, "messages_per_connection": 20}
    messages = [
        OutgoingMessage(n, "a@b.test", "", f"{n}@p.test", FRAME, (), f"<{n}@b.test>") for n in range(len(bodies))
    ]
    with scripted(server) as port:
        esp = BlockingSender(OpenEsps(written).open(Channel(3, "smtp", config | {"port": port}), date=DATE))
        receipts = list(esp.send(messages))
        esp.close()
    assert {receipt.status for receipt in receipts} == {ReceiptStatus.ACCEPTED}
    assert server.copies == {message.recipient: 1 for message in messages}
    assert server.early == []
    arrived = {int(text.partition(b"\r\n")[0].removeprefix(b"X-Id: ")): text for text in server.texts}
    for number, body in enumerate(bodies):
        expected = b"X-Id: %d\r\n\r\n" % number + re.sub(rb"\r\n|\r|\n", b"\r\n", body)
        assert arrived[number] == (expected if expected.endswith(b"\r\n") else expected + b"\r\n")

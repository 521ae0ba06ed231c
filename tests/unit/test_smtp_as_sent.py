"""What goes over the wire behind DATA, for any octets: a server reads back exactly the mail, and ends it at our dot."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from leadmill.adapters.content.mime import to_bytes
from leadmill.adapters.esp.smtp import as_sent
from leadmill.adapters.wire_text import WireText
from leadmill.domain.messages import Frame, OutgoingMessage

OCTETS = st.lists(
    st.sampled_from(
        [b"\r", b"\n", b"\r\n", b".", b"..", b"\r\n.\r\n", b"\n.\n", b"\r.\r", b"a", b"", b" ", b"\xff", b"\0"]
    )
).map(b"".join) | st.binary(max_size=300)


def received(wire: bytes) -> bytes:
    """What a strict server takes (RFC 5321 §4.5.2)."""
    lines = wire.split(b"\r\n")
    assert lines.pop() == b""
    assert b"." not in lines, "the text would end here"
    return b"".join((line[1:] if line.startswith(b".") else line) + b"\r\n" for line in lines)


@given(OCTETS)
@example(b"")
@example(b".")
@example(b"\n")
@example(b"x\r")
@example(b"a\r\n.\nb")
@example(b"\r\n..\r\n")
def test_a_strict_server_reads_back_the_mail_with_crlf_line_ends(text: bytes) -> None:
    wire = as_sent(text)
    expected = re.sub(rb"\r\n|\r|\n", b"\r\n", text)
    assert received(wire) == (expected if expected.endswith(b"\r\n") else expected + b"\r\n")


@given(OCTETS)
def test_no_server_whatever_it_takes_for_a_line_end_sees_the_end_before_ours(text: bytes) -> None:
    wire = as_sent(text)
    assert not re.search(rb"(^|[\r\n])\.([\r\n]|$)", wire)
    assert wire.count(b"\r") == wire.count(b"\n") == wire.count(b"\r\n")


@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=60))
@example(".\n.\n", "\r.\r\n.", ".")
def test_what_our_own_writer_promises_to_be_fit_for_the_wire_is(text: str, value: str, subject: str) -> None:
    frame = Frame((subject, 0), (text, 0, ".", 0), (0, text))
    message = OutgoingMessage(1, "a@b.test", subject, "c@d.test", frame, (value,), "<1@b.test>")
    written = to_bytes(message, date=datetime(2026, 3, 2, tzinfo=UTC))
    assert isinstance(written, WireText)
    assert as_sent(bytes(written)) == as_sent(written) == written

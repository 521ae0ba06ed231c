"""A mail's bytes: the standard library reads back what was rendered, and no value breaks out of its line."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadmill.adapters.content.mime import to_bytes
from leadmill.domain.messages import Attachment, Frame, OutgoingMessage
from leadmill.errors import TemplateInvalid

DATE = datetime(2026, 3, 2, 8, tzinfo=UTC)
NASTY = st.one_of(
    st.text(max_size=60),
    st.text(st.sampled_from(".=F \t\r\n\x00\x0b\x85\u2028\ud800éß北🎉<>&\"'?_-"), max_size=60),
    st.sampled_from(
        [
            "",
            ".",
            "..",
            "\r",
            "\n",
            "\r\n",
            "From ",
            "From me",
            " ",
            "  ",
            "\t",
            "=",
            "=\n",
            "--=_lm-alternative",
            "x" * 74,
            "x" * 75,
            "x" * 76,
            "é" * 400,
            "." * 300,
            "a b  " * 60,
            "=3D=\r\n",
            "--=_lm-mixed--",
            "\n.\n",
        ]
    ),
)
PARTS = st.lists(st.one_of(NASTY, st.integers(0, 3)), max_size=8).map(tuple)
HEADERS = [
    "Date", "From", "To", "Subject", "Message-ID", "MIME-Version", "List-Unsubscribe", "Content-Type",
]  # fmt: skip


def message(**changes: object) -> OutgoingMessage:
    base: dict[str, object] = {
        "send_id": 42,
        "sender_address": "ann@mail.acme.test",
        "sender_name": "Ann of Acme",
        "recipient": "eva@people.test",
        "frame": Frame.of("Hi", "Hello", "<p>Hello</p>"),
        "values": (),
        "message_id": "<lm.42.x@mail.acme.test>",
        "headers": (("List-Unsubscribe", "<https://edge.acme.test/u/42.x>"),),
    }
    return OutgoingMessage(**(base | changes))  # type: ignore[arg-type]


def read(raw: bytes) -> EmailMessage:
    found = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    assert not found.defects
    return found


def body(found: EmailMessage, kind: str) -> str:
    part = found.get_body((kind,))
    assert part is not None
    assert not part.defects
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode("utf-8")


def as_sent(text: str) -> str:
    """How a text arrives: line ends are CRLF, lone surrogates question marks, and the last line is ended."""
    return re.sub(r"\r\n|\r|\n", "\r\n", text).encode("utf-8", "replace").decode()


def require_form(raw: bytes) -> None:
    """CRLF alone, ASCII alone, lines short enough, no dot and no "From " in front, no space at a line's end."""
    head, _, rest = raw.partition(b"\r\n\r\n")
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert max(map(len, head.split(b"\r\n"))) <= 998
    lines = rest.split(b"\r\n")
    assert max(map(len, lines)) <= 76
    for line in lines:
        assert not line.startswith((b".", b"From "))
        assert not line.endswith((b" ", b"\t"))


@given(text=PARTS, html=PARTS, values=st.tuples(NASTY, NASTY, NASTY, NASTY))
@settings(max_examples=200, deadline=None)
def test_a_body_reads_back_as_its_literals_and_values_joined(
    text: tuple[str | int, ...], html: tuple[str | int, ...], values: tuple[str, ...]
) -> None:
    mail = message(frame=Frame(("Hi",), text, html), values=values)
    raw = to_bytes(mail, date=DATE)
    require_form(raw)
    found = read(raw)
    assert found.keys() == HEADERS
    assert [part.get_content_type() for part in found.iter_parts()] == ["text/plain", "text/html"]
    assert body(found, "plain").rstrip("\r\n") == as_sent(mail.text).rstrip("\r\n")
    assert body(found, "html").rstrip("\r\n") == as_sent(mail.html).rstrip("\r\n")


@given(value=NASTY, times=st.integers(1, 3))
@settings(max_examples=150, deadline=None)
def test_the_standard_library_s_own_mail_says_the_same(value: str, times: int) -> None:
    mail = message(frame=Frame((0,), ("Dear ", *[0] * times), ("<p>", *[0] * times, "</p>")), values=(value,))
    oracle = EmailMessage(policy=email.policy.SMTP)
    oracle.set_content(as_sent(mail.text), cte="quoted-printable")
    oracle.add_alternative(as_sent(mail.html), subtype="html", cte="quoted-printable")
    written = read(oracle.as_bytes())
    found = read(to_bytes(mail, date=DATE))
    for kind in ("plain", "html"):
        assert body(found, kind).rstrip("\r\n") == body(written, kind).rstrip("\r\n")


def test_a_megabyte_of_value_is_folded_like_any_other() -> None:
    value = "Ünïcödé. " * 100_000
    raw = to_bytes(message(frame=Frame(("Hi",), ("a", 0, "b"), (0,)), values=(value,)), date=DATE)
    require_form(raw)
    assert body(read(raw), "plain").rstrip("\r\n") == f"a{value}b"


@given(subject=NASTY, name=NASTY)
@settings(max_examples=150, deadline=None)
def test_subject_and_sender_s_name_read_back_on_one_line(subject: str, name: str) -> None:
    raw = to_bytes(message(frame=Frame((0,), ("x",), ("y",)), values=(subject,), sender_name=name), date=DATE)
    require_form(raw)
    found = read(raw)
    assert found.keys() == HEADERS
    assert found["Subject"] == one_line(subject)
    (address,) = found["From"].addresses
    assert address.addr_spec == "ann@mail.acme.test"
    # The standard library reads a space between two encoded words of a display name.
    assert "".join(address.display_name.split()) == "".join(one_line(name).split())


def one_line(text: str) -> str:
    breaking = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
    return " ".join(breaking.sub(" ", text).split())


ADDRESSES = st.one_of(
    st.builds("{}@{}".format, NASTY, NASTY),
    st.builds("eva{}@people.test{}".format, NASTY, NASTY),
    st.sampled_from(
        [
            "a@b.test\r\nBcc: x@evil.test",
            "a@b.test, x@evil.test",
            "<x@evil.test>",
            "Eva <a@b.test>",
            "a@b@c.test",
            "a@",
            "a@b.test\n",
            "a\x00@b.test",
            "x" * 400 + "@b.test",
            "äb@c.test",
            "a@bücher.test",
            '"a b"@c.test',
            "a;b@c.test",
        ]
    ),
)


@given(address=ADDRESSES)
@settings(max_examples=150, deadline=None)
def test_an_address_is_one_address_or_is_refused(address: str) -> None:
    for field, header in (("recipient", "To"), ("sender_address", "From"), ("reply_to", "Reply-To")):
        if not address:
            continue
        try:
            raw = to_bytes(message(**{field: address}), date=DATE)
        except TemplateInvalid:
            continue
        require_form(raw)
        found = read(raw)
        assert sorted(found.keys()) == sorted({*HEADERS, header})
        (only,) = found[header].addresses
        local, _, domain = address.rpartition("@")
        assert only.addr_spec == f"{local}@{only.domain}"
        assert domain.isascii() is (only.domain == domain)


def test_a_domain_with_an_umlaut_is_written_as_dns_has_it() -> None:
    found = read(to_bytes(message(recipient="eva@bücher.test"), date=DATE))
    assert found["To"] == "eva@xn--bcher-kva.test"


@given(name=NASTY, value=NASTY)
@settings(max_examples=150, deadline=None)
def test_an_extra_header_is_one_header_or_is_refused(name: str, value: str) -> None:
    for header in ((name, "x"), ("X-Our", value), (name, value)):
        try:
            raw = to_bytes(message(headers=(header,)), date=DATE)
        except TemplateInvalid:
            continue
        found = read(raw)
        assert found.keys() == [*HEADERS[:6], header[0], "Content-Type"]
        assert str(found[header[0]]).split() == header[1].split()


@pytest.mark.parametrize(
    "name", ["Bcc", "bcc", "To", "Content-Type", "content-transfer-encoding", "Reply-To", "X Y", "X:", ""]
)
def test_a_header_of_ours_cannot_be_set_as_an_extra_one(name: str) -> None:
    with pytest.raises(TemplateInvalid):
        to_bytes(message(headers=((name, "x"),)), date=DATE)


def test_an_extra_header_cannot_stand_twice() -> None:
    with pytest.raises(TemplateInvalid, match="twice"):
        to_bytes(message(headers=(("X-A", "1"), ("x-a", "2"))), date=DATE)


@pytest.mark.parametrize(
    "message_id", ["", "lm.1@b.test", "<a b@c.test>", "<a@b.test>\r\nBcc: x@evil.test", "<a@b@c>", "<é@b.test>"]
)
def test_a_message_id_that_is_none_is_refused(message_id: str) -> None:
    with pytest.raises(TemplateInvalid):
        to_bytes(message(message_id=message_id), date=DATE)


@given(name=NASTY, content=st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_attachments_read_back_with_their_names(name: str, content: bytes) -> None:
    files = (Attachment(name, "application/pdf", content), Attachment("table.csv", "text/csv", b"a,b\r\n1,2\r\n"))
    raw = to_bytes(message(frame=Frame(("Hi",), ("Hello ", 0), (0,), files), values=("Eva",)), date=DATE)
    require_form(raw)
    found = read(raw)
    assert found.keys() == HEADERS
    assert [part.get_content_type() for part in found.walk()] == [
        "multipart/mixed", "multipart/alternative", "text/plain", "text/html", "application/pdf", "text/csv",
    ]  # fmt: skip
    assert body(found, "plain") == "Hello Eva\r\n"
    first, second = found.iter_attachments()
    assert first.get_payload(decode=True) == content
    assert second.get_payload(decode=True) == b"a,b\r\n1,2\r\n"
    assert second.get_filename() == "table.csv"
    assert (first.get_filename() or "").split() == re.sub(r'[/\\"<>:|?*]', "_", one_line(name)).split()


@pytest.mark.parametrize(
    "kind", ["", "pdf", "text/html\r\nBcc: x@evil.test", "multipart/mixed", "message/rfc822", "a/b; c=d"]
)
def test_an_attachment_s_content_type_is_one_or_is_refused(kind: str) -> None:
    frame = Frame(("Hi",), ("x",), ("y",), (Attachment("a.pdf", kind, b"x"),))
    with pytest.raises(TemplateInvalid):
        to_bytes(message(frame=frame), date=DATE)

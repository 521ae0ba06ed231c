"""DKIM: dkimpy verifies what we sign, whatever the mail holds, and no change on the way passes."""

from __future__ import annotations

import re
import stat
from datetime import UTC, datetime
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from leadmill.adapters.content.compiler import JinjaContentCompiler
from leadmill.adapters.content.dkim import DkimSigner, read_key
from leadmill.adapters.content.dkim_keys import DkimSigners, new_key
from leadmill.adapters.content.mime import to_bytes
from leadmill.adapters.esp.opening import OpenEsps
from leadmill.dkim_command import write_keys
from leadmill.domain.dkim import DkimKeyRef, default_selector, selector_problem
from leadmill.domain.messages import Attachment, Frame, OutgoingMessage
from leadmill.errors import ConfigInvalid, Conflict
from leadmill.ports.content import Organisation, Recipient, Sender, VariantContent
from leadmill.ports.esp import Channel

DATE = datetime(2026, 11, 2, 8, tzinfo=UTC)
DOMAIN = "mail.acme.test"
RSA, ED25519 = new_key(DOMAIN, "lm202611r", "rsa"), new_key(DOMAIN, "lm202611e", "ed25519")
DNS = {f"{key.name}.".encode(): key.record.encode() for key in (RSA, ED25519)}
SIGNERS = {
    "rsa": DkimSigner(DOMAIN, [read_key(RSA.selector, RSA.pem)]),
    "ed25519": DkimSigner(DOMAIN, [read_key(ED25519.selector, ED25519.pem)]),
    "both": DkimSigner(DOMAIN, [read_key(RSA.selector, RSA.pem), read_key(ED25519.selector, ED25519.pem)]),
}


def verified(raw: bytes) -> list[bool]:
    """Whether each of the mail's signatures is good."""
    count = len(re.findall(rb"^DKIM-Signature:", raw, re.MULTILINE))
    return [is_good(raw, number) for number in range(count)]


def is_good(raw: bytes, number: int) -> bool:
    try:
        return bool(dkim.DKIM(raw).verify(idx=number, dnsfunc=lambda name, **_: DNS.get(name)))
    except dkim.ValidationError:
        return False


def message(**changes: object) -> OutgoingMessage:
    base: dict[str, object] = {
        "send_id": 42,
        "sender_address": f"ann@{DOMAIN}",
        "sender_name": "Ann  of Acme",
        "recipient": "eva@people.test",
        "frame": Frame(("Hi ", 0), ("  Hello  ", 0, "\n\n  you \t\n"), ("<p>\n    <b>", 0, "</b>  x</p>\n\n")),
        "values": ("Eva",),
        "message_id": f"<lm.42.x@{DOMAIN}>",
        "headers": (
            ("List-Unsubscribe", "<https://edge.acme.test/u/42.x>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ("Feedback-ID", "c7:s1:v3:lm12345678"),
        ),
    }
    return OutgoingMessage(**(base | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(("keys", "expected"), [("rsa", [True]), ("ed25519", [True]), ("both", [True, True])])
def test_dkimpy_verifies_every_signature(keys: str, expected: list[bool]) -> None:
    raw = to_bytes(message(reply_to="ann@acme.test"), date=DATE, signer=SIGNERS[keys])
    assert verified(raw) == expected
    assert max(map(len, raw.split(b"\r\n"))) <= 120


def test_a_signature_covers_what_bulk_mail_has_to_have_covered() -> None:
    raw = to_bytes(message(), date=DATE, signer=SIGNERS["ed25519"])
    listed = re.search(rb"h=([^;]+);", raw)
    assert listed
    names = re.sub(rb"\s", b"", listed[1]).decode().split(":")
    assert names.count("from") == 2  # a second From, added on the way, breaks it
    assert {
        *("from", "to", "subject", "date", "message-id", "mime-version", "content-type"),
        *("list-unsubscribe", "list-unsubscribe-post", "feedback-id"),
    } == set(names)
    assert b"d=mail.acme.test" in raw
    assert f"t={int(DATE.timestamp())};".encode() in raw


VALUES = st.one_of(
    st.text(max_size=120),
    st.text(st.sampled_from(".=F \t\r\n\x00ß北🎉<>"), max_size=120),
    st.sampled_from(["", "  ", "a  b\t c", "x" * 200, " \r\n", "\r", "..", "Ünï  cödé " * 20]),
)


@given(value=VALUES, name=VALUES, literal=VALUES)
@settings(max_examples=150, deadline=None)
def test_whatever_a_mail_holds_its_signature_is_good(value: str, name: str, literal: str) -> None:
    frame = Frame(("Hi ", 0), (literal, 0, literal), (0, 0, literal))
    raw = to_bytes(message(frame=frame, values=(value,), sender_name=name), date=DATE, signer=SIGNERS["ed25519"])
    assert verified(raw) == [True]


def test_a_mail_with_attachments_is_signed_as_a_whole() -> None:
    files = (Attachment("offer.pdf", "application/pdf", bytes(range(256)) * 50),)
    raw = to_bytes(message(frame=Frame(("Hi",), ("a", 0), (0,), files)), date=DATE, signer=SIGNERS["both"])
    assert verified(raw) == [True, True]
    assert verified(raw.replace(b"AAEC", b"AAED", 1)) == [False, False]


def test_a_rendered_mail_of_a_campaign_is_signed_by_the_domain_it_is_from() -> None:
    html = '<p>Hi {{ first_name }}</p><p>{{ postal_address }} <a href="{{ unsubscribe_url }}">x</a></p>'
    content = JinjaContentCompiler(edge_base_url="https://edge.acme.test", key=b"k" * 32).compile(
        VariantContent(7, 1, 3, "Grüße, {{ first_name }}", html), Organisation("Acme", "Main Street 1")
    )
    for number, first_name in enumerate(("Ann", "Zoë  Ö", ".", "x" * 400), start=1):
        mail = content.render(
            send_id=number,
            recipient=Recipient(number, "eva@people.test", {"first_name": first_name}),
            sender=Sender(f"ann@{DOMAIN}", "Ann", DOMAIN),
        )
        assert verified(to_bytes(mail, date=DATE, signer=SIGNERS["both"])) == [True, True]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"Subject: Hi Eva", b"Subject: Hi Eve"),
        (b"List-Unsubscribe: <https://edge", b"List-Unsubscribe: <https://evil"),
        (b"List-Unsubscribe-Post: ", b"X-Was-Post: "),
        (b"Feedback-ID: c7", b"Feedback-ID: c8"),
        (b"To: eva@", b"To: eve@"),
        (b"From: ", b"From: x@evil.test\r\nFrom: "),
        (b"Message-ID: <lm.42", b"Message-ID: <lm.43"),
        (b"</b>", b"</i>"),
    ],
)
def test_a_change_on_the_way_breaks_both_signatures(before: bytes, after: bytes) -> None:
    raw = to_bytes(message(), date=DATE, signer=SIGNERS["both"])
    assert before in raw
    assert verified(raw.replace(before, after, 1)) == [False, False]


def test_what_relays_may_do_to_white_space_breaks_neither() -> None:
    raw = to_bytes(message(), date=DATE, signer=SIGNERS["both"])
    changed = (
        raw.replace(b"Subject: Hi", b"subject:\t Hi ", 1).replace(b"<p>\r\n    <b>", b"<p>\r\n  \t<b>") + b"\r\n\r\n"
    )
    assert verified(changed) == [True, True]


def test_a_key_may_stand_in_a_variable_on_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_DKIM", ED25519.pem.replace("\n", "\\n"))
    signer = DkimSigners().signer(DOMAIN, [DkimKeyRef(ED25519.selector, "env:ACME_DKIM")])
    assert verified(to_bytes(message(), date=DATE, signer=signer)) == [True]


def test_a_domain_without_keys_has_no_signer() -> None:
    assert DkimSigners().signer(DOMAIN, []) is None


def test_the_command_writes_keys_for_their_owner_alone_and_never_over_others(tmp_path: Path) -> None:
    said = write_keys([RSA, ED25519], DOMAIN, tmp_path / "keys")
    paths = sorted((tmp_path / "keys").iterdir())
    assert [path.name for path in paths] == [f"{DOMAIN}.lm202611e.pem", f"{DOMAIN}.lm202611r.pem"]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in paths)
    assert f"{ED25519.name}. TXT" in said
    published = "".join(re.findall(r'"([^"]*)"', said.split(f"{RSA.name}. TXT", 1)[1].splitlines()[0]))
    assert published == RSA.record
    refs = [DkimKeyRef(*found) for found in re.findall(r"selector: (\S+), secret_ref: '(\S+)'", said)]
    assert verified(to_bytes(message(), date=DATE, signer=DkimSigners().signer(DOMAIN, refs))) == [True, True]
    with pytest.raises(Conflict):
        write_keys([RSA], DOMAIN, tmp_path / "keys")


@pytest.mark.parametrize("secret_ref", ["file:/nowhere/key.pem", "env:NOT_SET_ANYWHERE", "file:/dev/null"])
def test_a_key_that_is_not_there_stops_the_channel_and_is_named(secret_ref: str) -> None:
    channel = Channel(
        3, "smtp", {"host": "127.0.0.1", "tls": "none"}, domain=DOMAIN, dkim_keys=(DkimKeyRef("s1", secret_ref),)
    )
    with pytest.raises(ConfigInvalid) as refused:
        OpenEsps(to_bytes).open(channel, date=DATE)
    assert "/nowhere" not in str(refused.value)


@pytest.mark.parametrize("preset", ["ses", "sendgrid", "gmail"])
def test_a_service_that_signs_itself_gets_no_signature_of_ours(preset: str) -> None:
    config = {"preset": preset, "host": "127.0.0.1", "tls": "starttls"}
    channel = Channel(3, "smtp", config, domain=DOMAIN, dkim_keys=(DkimKeyRef("s1", "env:NOT_SET_ANYWHERE"),))
    OpenEsps(to_bytes).open(channel, date=DATE)  # the key is not even read


def test_a_text_that_is_no_key_is_refused_without_repeating_it() -> None:
    curve = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for text in ("hunter2", "", curve, RSA.record):
        with pytest.raises(ConfigInvalid) as refused:
            read_key("s1", text)
        assert "hunter2" not in str(refused.value)


def test_selectors_name_their_month_and_kind() -> None:
    assert default_selector("rsa", as_of=DATE) == "lm202611r"
    assert not selector_problem("lm2026.eu")
    for wrong in ("", "A", "a_b", "a b", "-a", "a.", "x" * 64, "a\n"):
        assert selector_problem(wrong)

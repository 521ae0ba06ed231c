"""Inbound mails: complaint, delivery report, automatic answer, bounce in plain text, reply; matched by our Message-ID."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from leadmill.adapters.webhooks.inbound_mail import MailEvent, read_inbound_mail
from leadmill.domain.send_references import message_id

MAIL = Path(__file__).parents[1] / "data" / "mail"
KEY = b"k" * 32
RECEIVED = datetime(2026, 11, 20, tzinfo=UTC)
OURS = message_id(77, "brand.test", KEY)


def read(raw: bytes) -> list[MailEvent]:
    return read_inbound_mail(raw, key=KEY, received_at=RECEIVED)


@pytest.mark.parametrize(
    ("name", "word", "status"),
    [
        ("dsn/mailbox-full.eml", "dsn/failed", "5.2.2"),
        ("dsn/delayed-no-mx.eml", "dsn/delayed", "4.4.4"),
        ("dsn/gmail-no-such-user-plain-text.eml", "bounce text/unknown user", "5.1.0"),
        ("arf/yahoo-complaint.eml", "arf/abuse", ""),
        ("replies/gmail.eml", "reply", ""),
        ("replies/outlook.eml", "reply", ""),
        ("auto-reply/x-autoreply.eml", "auto reply", ""),
    ],
)
def test_a_recorded_mail_is_of_its_class(name: str, word: str, status: str) -> None:
    (event,) = read((MAIL / name).read_bytes())
    assert (event.words[0], event.status_code) == (word, status)
    assert event.send_id is None


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("dsn/mailbox-full.eml", "<4E326A95.3010907@example.com>"),
        ("dsn/delayed-no-mx.eml", "<19E44CA63F984902B7D654F8FF40F89D@bo>"),
        (
            "dsn/gmail-no-such-user-plain-text.eml",
            "<CAKsfaBUUGqVZiaMrmH3TRPfq1odQPtM7Ey5YW1SgyJJRHtAjgw@mail.gmail.com>",
        ),
        ("arf/yahoo-complaint.eml", "<20120711015015.4A8BE2E088E@www.example.com>"),
    ],
)
def test_the_returned_part_names_our_send(name: str, theirs: str) -> None:
    raw = (MAIL / name).read_bytes()
    assert theirs.encode() in raw
    assert read(raw.replace(theirs.encode(), OURS.encode()))[0].send_id == 77


@pytest.mark.parametrize("header", ["In-Reply-To", "References"])
def test_a_reply_names_our_send_in_its_headers(header: str) -> None:
    (event,) = read(
        f"From: Ann <ANN@x.test>\r\n{header}: <a@b> {OURS}\r\nDate: Thu, 19 Nov 2026 23:00:00 -0100\r\n\r\nhi".encode()
    )
    assert (event.words, event.send_id, event.sender) == (("reply",), 77, "ann@x.test")
    assert event.occurred_at == datetime(2026, 11, 20, tzinfo=UTC)


def test_a_forged_reference_names_nobody() -> None:
    forged = OURS.replace("lm.77.", "lm.78.")
    assert read(f"From: a@x.test\r\nIn-Reply-To: {forged}\r\n\r\nhi".encode())[0].send_id is None


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "Return-Path: <>",
        "Precedence: bulk",
        "X-Autorespond: yes",
        "X-Auto-Response-Suppress: All",
    ],
)
def test_an_automatic_answer_is_no_reply(header: str) -> None:
    (event,) = read(f"From: a@x.test\r\nIn-Reply-To: {OURS}\r\n{header}\r\n\r\naway".encode())
    assert event.words == ("auto reply",)


def test_auto_submitted_no_is_a_person() -> None:
    assert read(b"From: a@x.test\r\nAuto-Submitted: no\r\n\r\nhi")[0].words == ("reply",)


def test_a_report_on_two_recipients_is_two_events_of_which_one_bounced() -> None:
    raw = (MAIL / "dsn/delayed-no-mx.eml").read_text()
    second = "\nFinal-Recipient: rfc822; b@x.test\nAction: failed\nStatus: 5.1.1\n\n--CZz3eIzDbSJYu8fvbSlLFdH+/NwoCMV866Y+Iw==\nContent-Description: Undelivered"
    raw = raw.replace("\n--CZz3eIzDbSJYu8fvbSlLFdH+/NwoCMV866Y+Iw==\nContent-Description: Undelivered", second)
    found = read(raw.encode())
    assert [(e.words[0], e.status_code) for e in found] == [("dsn/delayed", "4.4.4"), ("dsn/failed", "5.1.1")]
    assert len({e.event_id for e in found}) == 2


def test_the_same_mail_twice_is_the_same_event_and_a_future_date_is_not_believed() -> None:
    one = read(b"Received: a\r\nMessage-ID: <1@x>\r\nDate: Fri, 20 Nov 2099 09:00:00 +0000\r\nFrom: a@x.test\r\n\r\nhi")
    two = read(b"Received: b\r\nMessage-ID: <1@x>\r\nFrom: a@x.test\r\n\r\nhi")
    assert one[0].event_id == two[0].event_id
    assert one[0].occurred_at == RECEIVED


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe\x00",
        b"Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\nContent-Type: message/delivery-status\r\n",
    ],
)
def test_rubbish_is_read_without_an_accident(raw: bytes) -> None:
    assert all(event.send_id is None for event in read(raw))


@pytest.mark.parametrize(
    "date",
    ["Fri, 31 Dec 9999 23:59:59 -0500", "Thu, 01 Jan 1970 00:00:00 +0000", "Fri, 20 Nov 2026 09:00:00 +9999999999999"],
)
def test_a_date_that_cannot_be_is_the_time_of_receipt(date: str) -> None:
    (event,) = read(f"From: a@x.test\r\nIn-Reply-To: {OURS}\r\nDate: {date}\r\n\r\nhi".encode())
    assert (event.send_id, event.occurred_at) == (77, RECEIVED)


def test_a_report_s_own_words_are_letters_and_a_sender_has_no_nul() -> None:
    report = (
        (MAIL / "arf/yahoo-complaint.eml")
        .read_bytes()
        .replace(b"Feedback-Type: abuse", b"Feedback-Type: a\0b@x.test 1")
    )
    assert read(report)[0].words == ("arf/abxtest",)
    assert "\0" not in read(b'From: "a\0b"@x.test\r\n\r\nhi')[0].sender


BEFORE = message_id(42, "brand.test", KEY)


@pytest.mark.parametrize(
    "raw",
    [
        f"From: eva@people.test\r\nReferences: {BEFORE} {OURS}\r\n\r\nThank you",
        (
            "From: MAILER-DAEMON@mx.test\r\nContent-Type: multipart/report; boundary=b\r\n\r\n--b\r\n"
            "Content-Type: text/rfc822-headers\r\n\r\n"
            f"In-Reply-To: {BEFORE}\r\nReferences: {BEFORE}\r\nMessage-ID: {OURS}\r\n--b--\r\n"
        ),
        (
            "From: MAILER-DAEMON@mx.test\r\nContent-Type: text/plain\r\n\r\nYour mail came back:\r\n"
            f"> References: {BEFORE}\r\n> Message-Id: {OURS}\r\n"
        ),
    ],
)
def test_what_answers_a_follow_up_is_no_answer_to_the_mail_before_it(raw: str) -> None:
    (event,) = read(raw.encode())
    assert event.send_id == 77

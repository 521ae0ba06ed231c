"""What providers and receivers say of placement test mails concerns no campaign, no lead and no mailbox's health."""

from __future__ import annotations

from collections import Counter

import pytest

from leadmill.adapters.esp.ses_bulk import tags_of as ses_tags_of
from leadmill.bootstrap import App
from leadmill.domain.messages import Frame
from leadmill.domain.send_references import send_id_of_message_id
from leadmill.domain.send_tags import tags_of
from leadmill.ports.content import Sender
from leadmill.ports.esp import Channel
from leadmill.ports.placement import PlannedTest
from leadmill.services.placement_tests import mail_of
from tests.event_world import NOON, land, make_sends, sendgrid_event, ses_record
from tests.sending_world import execute

TOKEN = "0123456789abcdef0123456789abcdef"  # as the ledger makes them
MAIL = mail_of(
    PlannedTest(1, 1, TOKEN, "seed@inbox.test", Sender("ann@brand.test", "Ann", "brand.test"), Channel(1, "ses", {}, "", "")),
    Frame.of("A question", "Hello", "<p>Hello</p>"),
)  # fmt: skip
RETURNED = f"Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: {MAIL.message_id}\r\n\r\n--b--\r\n"
DSN = (
    "From: MAILER-DAEMON@mx.inbox.test\r\nTo: ann@brand.test\r\nSubject: Failed\r\nMessage-ID: <dsn@mx.inbox.test>\r\n"
    'Date: Fri, 20 Nov 2026 12:00:00 +0000\r\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
    "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.inbox.test\r\n\r\n"
    f"Final-Recipient: rfc822; seed@inbox.test\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b\r\n{RETURNED}"
)
ARF = (
    "From: fbl@inbox.test\r\nTo: abuse@brand.test\r\nSubject: complaint\r\nMessage-ID: <arf@inbox.test>\r\n"
    'Date: Fri, 20 Nov 2026 12:00:00 +0000\r\nContent-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n'
    "--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nVersion: 1\r\n\r\n"
    f"--b\r\n{RETURNED}"
)
REPLY = (
    "From: seed@inbox.test\r\nTo: ann@brand.test\r\nSubject: Re: A question\r\nMessage-ID: <re@inbox.test>\r\n"
    f"Date: Fri, 20 Nov 2026 12:00:00 +0000\r\nIn-Reply-To: {MAIL.message_id}\r\n\r\nunsubscribe\r\n"
)


def test_a_test_mail_names_no_send(app: App) -> None:
    assert send_id_of_message_id(MAIL.message_id, app.settings.secret) is None
    for name, value in [*tags_of(MAIL).items(), *((tag["Name"], tag["Value"]) for tag in ses_tags_of(MAIL))]:
        assert value, name
        assert len(value) <= 256, name


@pytest.mark.parametrize("word", ["Delivery", "Bounce", "Complaint", "Open", "Subscription"])
def test_events_of_test_mails_move_suppress_and_count_nothing(lake_app: App, word: str) -> None:
    app = lake_app
    make_sends(app, 3, state="ambiguous")
    ses = ses_record(None, word, message="ses-placement")
    ses["mail"]["tags"] = {tag["Name"]: [tag["Value"]] for tag in ses_tags_of(MAIL)}
    sendgrid = sendgrid_event(None, {"Bounce": "bounce", "Complaint": "spamreport"}.get(word, "delivered"))
    sendgrid |= tags_of(MAIL)
    land(app, "ses", "placement.json", [ses])
    land(app, "sendgrid", "placement.json", [sendgrid], array=True)
    for name, mail in (("dsn", DSN), ("arf", ARF), ("reply", REPLY)):
        app.store.write(f"landing/inbound/2026/11/20/{name}.eml", mail.encode())
    app.collect_events(NOON)
    app.project_events(NOON)
    states = Counter(row["state"] for row in execute(app, "select state from ledger.sends"))
    assert states == {"ambiguous": 3}
    for table in ("suppressions", "complaints"):
        assert execute(app, f"select count(*) as n from ledger.{table}") == [{"n": 0}]
    assert execute(app, "select coalesce(sum(accepted + complained + hard_bounced), 0) as n from ledger.mailbox_health") == [
        {"n": 0}
    ]  # fmt: skip

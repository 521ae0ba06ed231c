"""Recipients who take no mail from outside: left out from now on, and no evidence against sender or content."""

from __future__ import annotations

import pytest

from leadmill.bootstrap import App
from leadmill.domain.send_references import message_id
from tests.event_world import NOON, land, ledger_rows, make_sends, sendgrid_event, ses_record

CLOSED = [
    "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required",
    "550 5.7.124 RESOLVER.RST.RestrictedToGroupPermission; not authorized",
    "550 5.7.129 RESOLVER.RST.RestrictedToRecipientsPermission; not authorized",
    "550 5.7.1 RESOLVER.RST.NotAuthorized; not authorized",
]


def report(app: App, send: int, answer: str) -> bytes:
    """A delivery report on one of our mails."""
    return (
        "From: postmaster@example.com\r\nTo: ann@brand.test\r\nSubject: Undeliverable: hello\r\n"
        f"Message-ID: <report-{send}@example.com>\r\nDate: Fri, 20 Nov 2026 11:00:00 +0000\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=B\r\n\r\n--B\r\n\r\nNot delivered.\r\n--B\r\n"
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com\r\n\r\n"
        f"Final-Recipient: rfc822; team@example.com\r\nAction: failed\r\nStatus: {answer.split()[1]}\r\n"
        f"Diagnostic-Code: smtp;{answer}\r\n\r\n--B\r\nContent-Type: message/rfc822\r\n\r\n"
        f"Message-ID: {message_id(send, 'brand.test', app.settings.secret)}\r\n\r\nx\r\n--B--\r\n"
    ).encode()


def collect(app: App) -> None:
    app.collect_events(NOON)
    app.project_events(NOON)
    app.apply_guardrails(NOON)


def test_closed_groups_stop_no_domain_and_are_left_out(lake_app: App) -> None:
    app = lake_app
    sends = make_sends(app, 50)
    for send, answer in zip(sends, CLOSED, strict=False):
        app.store.write(f"landing/inbound/2026/11/20/{send}.eml", report(app, send, answer))
    collect(app)
    assert [row["status"] for row in ledger_rows(app, "select status from ledger.sending_domains")] == ["active"]
    found = ledger_rows(app, "select reason from ledger.suppressions")
    assert [row["reason"] for row in found] == ["refuses_us"] * len(CLOSED)
    (health,) = ledger_rows(app, "select sum(hard_bounced + blocked + soft_bounced) as n from ledger.mailbox_health")
    assert health["n"] == 0
    assert not app.open_alerts()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("550 5.7.1 <x@example.com>: Recipient address rejected: User unknown in virtual mailbox table", "hard"),
        ("550 5.7.1 Unauthenticated email is not accepted due to domain's DMARC policy.", "blocked"),
        ("550 5.2.0 Message rejected due to DMARC.", "blocked"),
        ("552 5.1.1 Recipient over quota, mailbox full", "soft"),
        ("550 5.7.133 authentication required", "refuses_us"),
        ("550 5.7.1 Content refused", "blocked"),
        ("550 5.1.1 User unknown", "hard"),
    ],
)
def test_words_go_before_general_codes_in_every_report(lake_app: App, answer: str, kind: str) -> None:
    app = lake_app
    by_mail, by_sendgrid = make_sends(app, 2)
    app.store.write("landing/inbound/2026/11/20/1.eml", report(app, by_mail, answer))
    event = sendgrid_event(by_sendgrid, "bounce", reason=answer, status=answer.split()[1])
    land(app, "sendgrid", "1.json", [event], array=True)
    collect(app)
    found = ledger_rows(app, "select bounce_kind from ledger.sends where state = 'bounced'")
    assert [row["bounce_kind"] for row in found] == [kind, kind]


def test_a_provider_that_calls_a_bounce_passing_is_believed_before_words(lake_app: App) -> None:
    app = lake_app
    (send,) = make_sends(app, 1)
    who = {"emailAddress": "x@example.test", "status": "5.7.1", "diagnosticCode": "550 5.7.1 user unknown"}
    land(app, "ses", "1", [ses_record(send, "Bounce", bounceType="Transient", bouncedRecipients=[who])])
    collect(app)
    assert not ledger_rows(app, "select from ledger.suppressions")

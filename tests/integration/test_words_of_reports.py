"""Delivery reports whose words look like a dead address and are none: nobody is suppressed for them."""

from __future__ import annotations

import pytest

from leadmill.bootstrap import App
from leadmill.domain.send_references import message_id
from tests.event_world import NOON, events, land, ledger_rows, make_sends, sendgrid_event


def report(app: App, send: int, *, status: str, said: str) -> bytes:
    """A delivery report (RFC 3464) on one of our mails."""
    ours = message_id(send, "brand.test", app.settings.secret)
    return (
        f"From: MAILER-DAEMON@mx.test\r\nMessage-ID: <r{send}@mx.test>\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.test\r\n\r\n"
        f"Final-Recipient: rfc822; lead@x.test\r\nAction: failed\r\n{status}Diagnostic-Code: smtp; {said}\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {ours}\r\n\r\n--b--\r\n"
    ).encode()


def collected(app: App, mail: bytes) -> set[tuple[str, str | None]]:
    app.store.write("landing/inbound/2026/11/20/r.eml", mail)
    app.collect_events(NOON)
    app.project_events(NOON)
    return {(event["kind"], event["bounce_kind"]) for event in events(app)}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("5.0.0", "550-Verification failed for <ann@brand.test> 550-No Such User Here 550 Sender verify failed"),
        ("5.1.0", "550 5.1.0 <ann@brand.test> sender rejected: User unknown"),
        ("5.7.1", "550 5.7.1 Sender address does not exist"),
    ],
)
def test_a_report_that_our_own_address_is_dead_suppresses_no_lead(lake_app: App, status: str, said: str) -> None:
    (send,) = make_sends(lake_app, 1)
    mail = report(lake_app, send, status=f"Status: {status}\r\n", said=said)
    assert collected(lake_app, mail) == {("bounced", "blocked")}
    assert not ledger_rows(lake_app, "select 1 from ledger.suppressions")


def test_a_dead_member_of_a_group_suppresses_nobody(lake_app: App) -> None:
    (send,) = make_sends(lake_app, 1)
    status = "Original-Recipient: rfc822;info@x.test\r\nStatus: 5.1.1\r\n"
    mail = report(lake_app, send, status=status, said="550 5.1.1 User unknown")
    assert collected(lake_app, mail) == {("bounced", "soft")}
    assert not ledger_rows(lake_app, "select 1 from ledger.suppressions")


@pytest.mark.parametrize(
    ("written_to", "kind", "suppressed"),
    [("info@x.test", "soft", 0), ("lead@x.test", "hard", 1), ("Lead+news@mail.x.test", "hard", 1)],
)
def test_a_report_without_the_original_recipient_is_about_whom_the_returned_mail_was_written_to(
    lake_app: App, written_to: str, kind: str, suppressed: int
) -> None:
    (send,) = make_sends(lake_app, 1)
    mail = report(lake_app, send, status="Status: 5.1.1\r\n", said="550 5.1.1 User unknown")
    mail = mail.replace(b"text/rfc822-headers\r\n\r\n", f"text/rfc822-headers\r\n\r\nTo: {written_to}\r\n".encode())
    assert collected(lake_app, mail) == {("bounced", kind)}
    assert len(ledger_rows(lake_app, "select 1 from ledger.suppressions")) == suppressed


def test_a_report_that_a_server_gave_up_on_greylisting_is_soft(lake_app: App) -> None:
    (send,) = make_sends(lake_app, 1)
    mail = report(lake_app, send, status="Status: 5.7.1\r\n", said="550 5.7.1 Greylisted, try again in 5 minutes")
    assert collected(lake_app, mail) == {("bounced", "soft")}


def test_the_numbers_of_an_ip_address_in_a_report_are_no_code(lake_app: App) -> None:
    (send,) = make_sends(lake_app, 1)
    assert collected(lake_app, report(lake_app, send, status="", said="452 [5.1.1.20] is busy")) == {
        ("bounced", "soft")
    }
    assert not ledger_rows(lake_app, "select 1 from ledger.suppressions")


@pytest.mark.parametrize("address", ["[5.1.1.20]", "5.1.1.20.", "4.5.1.1"])
def test_the_numbers_of_an_ip_address_in_a_webhook_are_no_code(lake_app: App, address: str) -> None:
    (send,) = make_sends(lake_app, 1)
    event = sendgrid_event(
        send,
        "bounce",
        bounce_classification="Technical Failure",
        status="4.4.1",
        reason=f"unable to connect to {address}",
    )
    land(lake_app, "sendgrid", "a.json", [event], array=True)
    lake_app.collect_events(NOON)
    assert {(e["bounce_kind"], e["status_code"]) for e in events(lake_app)} == {("soft", "4.4.1")}

"""Every kind of evidence settles an ambiguous send, end to end: from the landed object through the lake to the ledger."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from leadmill.bootstrap import App
from leadmill.domain.dispatch import AMBIGUOUS_IS_LOST_AFTER, LEASE, Outcome, SendResult
from leadmill.domain.send_references import message_id
from tests.event_world import (
    NOON,
    edge_line,
    land,
    ledger_rows,
    make_sends,
    reply_mail,
    sendgrid_event,
    ses_record,
    tag_of,
)
from tests.sending_world import (
    NOW,
    execute,
    later,
    make_campaign,
    make_lane,
    make_mailboxes,
    make_pool,
    people,
    sends,
    states,
)

Evidence = Callable[[App, int], None]


def land_mail(app: App, name: str, mail: bytes) -> None:
    app.store.write(f"landing/inbound/2026/11/20/{name}.eml", mail)


def mail(subject: str, body: str, *, sender: str = "MAILER-DAEMON@mx.example.test", headers: str = "") -> bytes:
    return (
        f"From: {sender}\r\nTo: ann@brand.test\r\nSubject: {subject}\r\nDate: Fri, 20 Nov 2026 11:00:00 +0000\r\n"
        f"Message-ID: <{abs(hash(body))}@mx.example.test>\r\n{headers}\r\n{body}"
    ).encode()


def report(app: App, send_id: int, kind: str, part: str, *, returned: str = "text/rfc822-headers") -> bytes:
    ours = message_id(send_id, "brand.test", app.settings.secret)
    head = f'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type={kind}; boundary="b"\r\n'
    body = (
        f"--b\r\nContent-Type: text/plain\r\n\r\nA report.\r\n--b\r\n{part}\r\n"
        f"--b\r\nContent-Type: {returned}\r\n\r\nSubject: Hello\r\nMessage-ID: {ours}\r\n\r\n--b--\r\n"
    )
    return mail("Report", body, headers=head)


def dsn(action: str, status: str) -> str:
    return (
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.test\r\n\r\n"
        f"Final-Recipient: rfc822; lead@example.test\r\nAction: {action}\r\nStatus: {status}\r\n"
    )


ARF = "Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: x/1\r\nVersion: 1\r\n"


def mailgun_event(send_id: int) -> dict[str, Any]:
    data = {
        "event": "delivered", "timestamp": NOON.timestamp(), "id": f"mg-{send_id}", "recipient": "lead@example.test",
        "user-variables": {"send_id": tag_of(send_id)}, "message": {"headers": {"message-id": "x@mg"}},
    }  # fmt: skip
    return {"signature": {}, "event-data": data}


def postmark_event(send_id: int) -> dict[str, Any]:
    return {
        "RecordType": "Delivery", "MessageID": f"pm-{send_id}", "Recipient": "lead@example.test",
        "DeliveredAt": "2026-11-20T12:00:00Z", "Metadata": {"send_id": tag_of(send_id)},
    }  # fmt: skip


EVIDENCE: dict[str, tuple[Evidence, str]] = {
    "SES: a delivery with our tag": (
        lambda app, i: land(app, "ses", f"{i}.json", [ses_record(i, "Delivery")]), "delivered"),
    "SES: a bounce with our tag": (
        lambda app, i: land(app, "ses", f"{i}.json", [ses_record(i, "Bounce")]), "bounced"),
    "SES: only that it took the mail": (
        lambda app, i: land(app, "ses", f"{i}.json", [ses_record(i, "Send")]), "accepted"),
    "SendGrid: delivered with our argument": (
        lambda app, i: land(app, "sendgrid", f"{i}.json", [sendgrid_event(i, "delivered")], array=True), "delivered"),
    "SendGrid: a spam report": (
        lambda app, i: land(app, "sendgrid", f"{i}.json", [sendgrid_event(i, "spamreport")], array=True), "complained"),
    "Mailgun: delivered with our variable": (
        lambda app, i: land(app, "mailgun", f"{i}.json", [mailgun_event(i)]), "delivered"),
    "Postmark: a delivery with our metadata": (
        lambda app, i: land(app, "postmark", f"{i}.json", [postmark_event(i)]), "delivered"),
    "mail: a bounce with our headers returned": (
        lambda app, i: land_mail(app, str(i), report(app, i, "delivery-status", dsn("failed", "5.1.1"))), "bounced"),
    "mail: a bounce with our whole mail returned": (
        lambda app, i: land_mail(app, str(i), report(app, i, "delivery-status", dsn("failed", "5.1.1"), returned="message/rfc822")), "bounced"),
    "mail: a delivery report": (
        lambda app, i: land_mail(app, str(i), report(app, i, "delivery-status", dsn("delivered", "2.0.0"))), "delivered"),
    "mail: a delay": (
        lambda app, i: land_mail(app, str(i), report(app, i, "delivery-status", dsn("delayed", "4.4.1"))), "accepted"),
    "mail: a bounce that is only text and quotes our Message-ID": (
        lambda app, i: land_mail(app, str(i), mail(
            "Undeliverable", f"User unknown.\r\n> Message-ID: {message_id(i, 'brand.test', app.settings.secret)}\r\n")),
        "bounced"),
    "mail: a complaint report": (
        lambda app, i: land_mail(app, str(i), report(app, i, "feedback-report", ARF)), "complained"),
    "mail: a reply with our Message-ID": (
        lambda app, i: land_mail(app, str(i), reply_mail(app, i)), "delivered"),
    "mail: an automatic reply": (
        lambda app, i: land_mail(app, str(i), reply_mail(app, i, headers="Auto-Submitted: auto-replied\r\n")), "delivered"),
    "mail: a reply without any reference, from the lead's address": (
        lambda app, i: land_mail(app, str(i), mail(
            "Re: Hello", "Tell me more.", sender=ledger_rows(
                app, f"select email from ledger.leads join ledger.sends using (lead_id) where send_id = {i}")[0]["email"])),
        "delivered"),
    "edge: a click on our signed link": (
        lambda app, i: land(app, "edge", f"{i}.ndjson", [edge_line(i, "clicked", url="https://acme.test/")]), "delivered"),
    "edge: an unsubscription": (
        lambda app, i: land(app, "edge", f"{i}.ndjson", [edge_line(i, "unsubscribed")]), "delivered"),
}  # fmt: skip


def state_of(app: App, send_id: int) -> str:
    return ledger_rows(app, f"select state from ledger.sends where send_id = {send_id}")[0]["state"]


def hear(app: App) -> None:
    app.collect_events(NOON + timedelta(minutes=10))
    app.project_events(NOON + timedelta(minutes=10))


def test_every_kind_of_evidence_settles_an_ambiguous_send_and_no_other(lake_app: App) -> None:
    *send_ids, other, forged = make_sends(lake_app, len(EVIDENCE) + 2, state="ambiguous")
    for send_id, (evidence, _) in zip(send_ids, EVIDENCE.values(), strict=True):
        evidence(lake_app, send_id)
    somebody_elses = message_id(forged, "brand.test", b"somebody else's key, which is long enough")
    land_mail(lake_app, "forged", mail("Undeliverable", f"User unknown.\r\n> Message-ID: {somebody_elses}\r\n"))
    hear(lake_app)
    found = {name: state_of(lake_app, send_id) for name, send_id in zip(EVIDENCE, send_ids, strict=True)}
    assert found == {name: state for name, (_, state) in EVIDENCE.items()}
    assert [d.send_id for i in lake_app.open_incidents() for d in i.doubts] == [other, forged]


def test_a_lost_send_that_is_heard_of_after_all_counts_as_what_was_heard(lake_app: App) -> None:
    (send_id,) = make_sends(lake_app, 1, state="lost")
    land_mail(lake_app, "a", reply_mail(lake_app, send_id))
    hear(lake_app)
    assert state_of(lake_app, send_id) == "delivered"


def test_evidence_releases_the_follow_up_that_waited_for_it(lake_app: App) -> None:
    make_lane(lake_app, 1)
    pool = make_pool(lake_app)
    make_mailboxes(lake_app, 1)
    campaign = make_campaign(lake_app, pool, people(1), steps=2, planned_at=NOW)
    lake_app.send_ledger.claim("own smtp", worker="dies", now=NOW, limit=1)
    lake_app.recover_expired_leases(NOW + LEASE + timedelta(minutes=1))
    lake_app.plan_campaigns(later(hours=1))
    first, second = sends(lake_app, campaign)
    assert (first["state"], second["state"], second["due_at"]) == ("ambiguous", "planned", None)
    land(lake_app, "ses", "a.json", [ses_record(first["send_id"], "Delivery", at=later(minutes=1))])
    lake_app.collect_events(later(hours=2))
    lake_app.project_events(later(hours=2))
    first, second = sends(lake_app, campaign)
    assert first["state"] == "delivered"
    assert second["due_at"] == NOW + timedelta(days=3)


def test_without_any_evidence_a_doubt_is_lost_after_two_weeks_and_its_sequence_ends(lake_app: App) -> None:
    make_lane(lake_app, 1)
    pool = make_pool(lake_app)
    make_mailboxes(lake_app, 1)
    campaign = make_campaign(lake_app, pool, people(1), steps=2, planned_at=NOW)
    lake_app.send_ledger.claim("own smtp", worker="dies", now=NOW, limit=1)
    swept = NOW + LEASE + timedelta(minutes=1)
    lake_app.recover_expired_leases(swept)
    lake_app.recover_expired_leases(swept + AMBIGUOUS_IS_LOST_AFTER)
    assert states(lake_app, campaign)["ambiguous"] == 1
    lake_app.recover_expired_leases(swept + AMBIGUOUS_IS_LOST_AFTER + timedelta(seconds=1))
    assert states(lake_app, campaign) == {"lost": 1, "cancelled": 1}


def test_people_are_told_of_a_dead_workers_doubts_at_once_and_of_others_after_an_hour(app: App) -> None:
    make_lane(app, 1)
    pool = make_pool(app)
    make_mailboxes(app, 1)
    make_campaign(app, pool, people(1))
    (send,) = app.send_ledger.claim("own smtp", worker="w", now=NOW, limit=1).sends
    app.send_ledger.record("w", [SendResult(send.send_id, Outcome.AMBIGUOUS, code="no-answer")], now=NOW)
    app.recover_expired_leases(later(minutes=59))
    assert app.open_alerts() == []
    app.recover_expired_leases(later(minutes=60))
    (alert,) = app.open_alerts()
    assert alert.message.startswith("Some mails may or may not have gone out.")
    assert "Unclear mails" in alert.message
    execute(app, "update ledger.sends set state = 'delivered'")
    app.recover_expired_leases(later(minutes=61))
    assert app.open_alerts() == []

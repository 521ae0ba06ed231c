"""What a simulated population decides: the same at every look, at the rates that were asked for."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadmill.local.mail_world import letters
from leadmill.local.mail_world.edge_calls import APPLE_PRIVACY_AGENT, calls_for
from leadmill.local.mail_world.mails import Links, Mail, Relay, links_of, parse, read_headers
from leadmill.local.mail_world.plan import Deed, plan
from leadmill.local.mail_world.provider_events import sendgrid_event, ses_record
from leadmill.local.mail_world.temperament import Fate, Temperament, temperament
from leadmill.local.recipients import Rates, WorldOptions, options_from

OPTIONS = WorldOptions(folder=Path("nowhere"))
AT = 1_772_442_000.123
LINKS = Links(
    pixels=("/o/1.a.gif",), clicks=("/c/1.b?u=x", "/c/1.c?u=y"), unsubscribes=("/u/1.d",), one_click="/u/1.d", plain=()
)


def make_mail(number: int = 1, **changes: object) -> Mail:
    values = {
        "number": number,
        "received_at": AT,
        "sender": "ana@acme.example",
        "recipient": f"lead{number}@customer.example",
        "message_id": f"<lm.{number}.x@acme.example>",
        "subject": "Grüße",
        "relay": Relay.SMTP,
        "relay_id": "id",
        "tags": {"send_id": str(number)},
        "file": "x",
        "byte_size": 1,
    }
    return Mail(**values | changes)  # type: ignore[arg-type]


def look(number: int, **changes: object) -> Temperament:
    values = {"sender": "ana@acme.example", "message": f"<{number}>", "bad_sender": "bad@acme.example"} | changes
    return temperament(OPTIONS, recipient=f"lead{number}@customer.example", **values)  # type: ignore[arg-type]


def test_the_shares_of_a_population_are_those_asked_for() -> None:
    people = [look(number) for number in range(20_000)]

    def share(what: object) -> float:
        return sum(map(what, people)) / len(people)  # type: ignore[call-overload]

    rates = OPTIONS.rates
    assert share(lambda t: t.fate is Fate.UNKNOWN_USER) == pytest.approx(rates.unknown_user, abs=0.004)
    assert share(lambda t: t.fate is Fate.SOFT_BOUNCE) == pytest.approx(rates.soft_bounce, abs=0.003)
    assert share(lambda t: t.greylists) == pytest.approx(rates.greylisted, abs=0.005)
    assert share(lambda t: t.opens) == pytest.approx(0.30, abs=0.02)
    assert share(lambda t: t.machine_opens) == pytest.approx(0.20, abs=0.02)
    assert share(lambda t: t.clicks) == pytest.approx(0.04, abs=0.006)
    assert share(lambda t: t.replies) == pytest.approx(0.02, abs=0.005)
    assert share(lambda t: t.unsubscribes) == pytest.approx(0.01, abs=0.003)
    assert 0 < share(lambda t: t.fate is Fate.COMPLAINT) < 0.003


def test_the_bad_sender_meets_many_unknown_users() -> None:
    people = [look(number, sender="Bad@acme.example") for number in range(2_000)]
    unknown = sum(t.fate is Fate.UNKNOWN_USER for t in people) / len(people)
    assert unknown == pytest.approx(OPTIONS.rates.unknown_user_of_bad_sender, abs=0.03)


@given(st.emails(), st.text(max_size=30))
def test_a_recipient_decides_the_same_every_time(recipient: str, message: str) -> None:
    first, second = (
        temperament(OPTIONS, sender="a@b.example", recipient=name, message=message, bad_sender="")
        for name in (recipient, recipient.upper() if recipient.upper().lower() == recipient.lower() else recipient)
    )
    assert first == second
    assert not (first.clicks or first.replies or first.unsubscribes) or first.opens
    assert first.fate is Fate.ARRIVES or not first.opens


def test_whether_an_address_exists_does_not_depend_on_the_message() -> None:
    for number in range(500):
        fates = {look(number, message=message).fate is Fate.UNKNOWN_USER for message in ("", "<a>", "<b>")}
        assert len(fates) == 1


@given(st.integers(1, 10_000), st.sampled_from(Relay), st.floats(1, 100_000))
def test_no_person_reacts_faster_than_a_person_can(number: int, relay: Relay, speed: float) -> None:
    options = replace(OPTIONS, speed=speed)
    eager = Temperament(Fate.ARRIVES, False, True, True, True, True, True, True, True)
    actions = plan(make_mail(number, relay=relay), eager, options)
    due = {action.deed: action.at - AT for action in actions}
    assert due[Deed.OPEN] >= options.human_floor - 0.001
    assert all(due[deed] >= due[Deed.OPEN] + 2.9 for deed in (Deed.CLICK, Deed.REPLY, Deed.UNSUBSCRIBE))
    assert due[Deed.MACHINE_OPEN] <= 8
    assert len({action.name for action in actions}) == len(actions)
    assert (Deed.PROVIDER_DELIVERED in due) is (relay is not Relay.SMTP)
    assert actions == plan(make_mail(number, relay=relay), eager, options)


@pytest.mark.parametrize("fate", [Fate.UNKNOWN_USER, Fate.HARD_BOUNCE, Fate.SOFT_BOUNCE, Fate.BLOCKED])
def test_nobody_opens_a_mail_that_bounced(fate: Fate) -> None:
    deeds = {action.deed for action in plan(make_mail(relay=Relay.SES), Temperament(fate), OPTIONS)}
    assert Deed.PROVIDER_DELIVERED not in deeds
    assert len(deeds) == 2
    assert not deeds & {Deed.OPEN, Deed.CLICK, Deed.MACHINE_OPEN}


def test_a_scanner_follows_every_link_and_never_posts() -> None:
    calls = calls_for(Deed.SCAN, make_mail(), LINKS, seed=7)
    assert {call.path for call in calls if call.method == "HEAD"} == {*LINKS.clicks, *LINKS.unsubscribes}
    assert {call.method for call in calls} == {"HEAD", "GET"}


def test_machines_and_people_are_told_apart_by_agent_and_address() -> None:
    [machine] = calls_for(Deed.MACHINE_OPEN, make_mail(), LINKS, seed=7)
    [person] = calls_for(Deed.OPEN, make_mail(), LINKS, seed=7)
    [click] = calls_for(Deed.CLICK, make_mail(), LINKS, seed=7)
    [post] = calls_for(Deed.UNSUBSCRIBE, make_mail(), LINKS, seed=7)
    assert machine.user_agent == APPLE_PRIVACY_AGENT != person.user_agent
    assert person.ip.startswith(("198.18.", "198.19."))
    assert click.path in LINKS.clicks
    assert (post.method, post.path) == ("POST", LINKS.one_click)


ORIGINAL = (
    b"From: Ana <ana@acme.example>\r\nReply-To: desk@acme.example\r\nTo: lead1@customer.example\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <lm.1.x@acme.example>\r\n"
    b"List-Unsubscribe: <mailto:u@acme.example>, <https://go.acme.example/u/1.d>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"X-SES-MESSAGE-TAGS: send_id=1, campaign_id=2\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/alternative; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n--b\r\n'
    b'Content-Type: text/html\r\n\r\n<a href="https://go.acme.example/c/1.b?u=x&amp;y=1">a</a> <a href="https://x.example/">x</a>'
    b'<a href="https://go.acme.example/u/1.d">u</a><img src="https://go.acme.example/o/1.a.gif">\r\n--b--\r\n'
)


def test_links_and_tags_are_read_from_the_mail_itself() -> None:
    links = links_of(parse(ORIGINAL))
    assert links.clicks == ("/c/1.b?u=x&y=1",)
    assert (links.pixels, links.unsubscribes, links.one_click) == (("/o/1.a.gif",), ("/u/1.d",), "/u/1.d")
    assert links.plain == ("https://x.example/",)
    headers = read_headers(ORIGINAL)
    assert (headers.relay, headers.tags) == (Relay.SES, {"send_id": "1", "campaign_id": "2"})
    assert headers.subject == "Grüße"
    sendgrid = read_headers(b'X-SMTPAPI: {"unique_args": {"send_id": "9"}}\r\n\r\n')
    assert (sendgrid.relay, sendgrid.tags) == (Relay.SENDGRID, {"send_id": "9"})
    assert read_headers(b"X-SMTPAPI: nonsense\r\n\r\n").tags == {}


@pytest.mark.parametrize(
    ("deed", "status"), [(Deed.BOUNCE_HARD, "5.1.1"), (Deed.BOUNCE_SOFT, "4.2.2"), (Deed.BOUNCE_BLOCKED, "5.7.1")]
)
def test_a_delivery_status_notification_has_rfc_3464_form(deed: Deed, status: str) -> None:
    message = message_from_bytes(
        letters.delivery_status(make_mail(), ORIGINAL, deed, at=AT, seed=7), policy=policy.SMTP
    )
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    _, report, returned = message.iter_parts()
    _, recipient = report.get_payload()
    assert (recipient["Action"], recipient["Status"]) == ("failed", status)
    assert recipient["Final-Recipient"] == "rfc822; lead1@customer.example"
    assert "<lm.1.x@acme.example>" in returned.get_payload()
    assert not message.defects


def test_an_abuse_report_has_rfc_5965_form() -> None:
    message = message_from_bytes(letters.abuse_report(make_mail(), ORIGINAL, at=AT, seed=7), policy=policy.SMTP)
    assert message.get_param("report-type") == "feedback-report"
    _, report, returned = message.iter_parts()
    assert "Feedback-Type: abuse" in str(report)
    assert "<lm.1.x@acme.example>" in returned.get_payload()


def test_a_reply_answers_and_quotes_and_an_automatic_one_says_so() -> None:
    reply = parse(letters.reply(make_mail(), parse(ORIGINAL), at=AT, seed=7))
    assert (reply["In-Reply-To"], reply["To"]) == ("<lm.1.x@acme.example>", "desk@acme.example")
    assert reply["Subject"] == "Re: Grüße"
    assert "> Hello" in reply.get_content()
    assert reply["Auto-Submitted"] is None
    automatic = parse(letters.auto_reply(make_mail(), parse(ORIGINAL), at=AT, seed=7))
    assert automatic["Auto-Submitted"] == "auto-replied"


@pytest.mark.parametrize("relay", [Relay.SES, Relay.SENDGRID])
def test_provider_events_are_the_same_at_every_making_and_carry_our_send_id(relay: Relay) -> None:
    mail = make_mail(relay=relay)
    form = ses_record if relay is Relay.SES else sendgrid_event
    eager = Temperament(Fate.COMPLAINT, False, True, True, True, True, True, True, True)
    actions = plan(mail, eager, OPTIONS) + plan(mail, Temperament(Fate.HARD_BOUNCE), OPTIONS)
    records = [record for action in actions if (record := form(mail, action, seed=7))]
    again = [record for action in actions if (record := form(mail, action, seed=7))]
    assert records == again
    words = [record.get("eventType") or record["event"] for record in records]
    assert set(words) == (
        {"Send", "Delivery", "Complaint", "Bounce"}
        if relay is Relay.SES
        else {"processed", "delivered", "spamreport", "bounce"}
    )
    for record in records:
        assert (record["mail"]["tags"]["send_id"] if relay is Relay.SES else record["send_id"]) in ("1", ["1"])


def test_options_come_from_the_command_line_and_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADMILL_SMTP_PORT", "2600")
    monkeypatch.setenv("LEADMILL_EDGE_BASE_URL", "http://127.0.0.1:9")
    options = options_from(["--rate", "click=0.5", "--ses-domains", "A.example,b.example", "--speed", "60"])
    assert (options.smtp_port, options.edge_url, options.speed) == (2600, "http://127.0.0.1:9", 60.0)
    assert options.rates == replace(Rates(), click=0.5)
    assert options.ses_domains == {"a.example", "b.example"}
    with pytest.raises(SystemExit):
        options_from(["--rate", "no_such_rate=1"])

"""What answers do: opt-outs suppress, a colleague's answer to SES's own Message-ID stops the sequence."""

from __future__ import annotations

import pytest

from leadmill.bootstrap import App
from tests.event_world import NOON, events, ledger_rows, make_sends, reply_mail
from tests.sending_world import execute


def collect(app: App) -> None:
    app.collect_events(NOON)
    app.project_events(NOON)


def test_a_reply_that_only_opts_out_suppresses_and_is_no_success(lake_app: App) -> None:
    app = lake_app
    texts = [
        "STOP",
        "Unsubscribe",
        "Please remove me from your list.",
        "unsubscribe\r\n\r\n> On Monday Ann wrote:\r\n> Hello",
    ]
    sends = make_sends(app, len(texts), steps=2)
    for send, text in zip(sends, texts, strict=True):
        app.store.write(f"landing/inbound/2026/11/20/{send}.eml", reply_mail(app, send, text=text))
    collect(app)
    reasons = ledger_rows(app, "select reason from ledger.suppressions")
    assert [row["reason"] for row in reasons] == ["unsubscribed"] * len(texts)
    rows = ledger_rows(app, "select step, state, code, replied_at from ledger.sends order by step, send_id")
    assert {(row["step"], row["state"], row["code"]) for row in rows} == {
        (1, "delivered", None),
        (2, "cancelled", "unsubscribed"),
    }
    assert {row["replied_at"] for row in rows} == {None}
    assert {(event["kind"], event["provider_word"]) for event in events(app)} == {("unsubscribed", "opt-out")}
    assert not [event for event in events(app) if "remove" in str(event).lower()]


@pytest.mark.parametrize("text", ["Count me in, this has to stop!", "Tell me more."])
def test_other_replies_suppress_nobody(lake_app: App, text: str) -> None:
    (send,) = make_sends(lake_app, 1, steps=2)
    lake_app.store.write("landing/inbound/2026/11/20/a.eml", reply_mail(lake_app, send, text=text))
    collect(lake_app)
    assert not ledger_rows(lake_app, "select 1 from ledger.suppressions")


def test_an_opt_out_that_quotes_nothing_is_known_by_the_sender_and_a_strangers_by_nobody(lake_app: App) -> None:
    make_sends(lake_app, 1)
    (lead,) = ledger_rows(lake_app, "select email from ledger.leads")
    for name, sender in (("known", lead["email"]), ("stranger", "nobody@elsewhere.test")):
        mail = f"From: {sender}\r\nMessage-ID: <{name}@x>\r\n\r\nunsubscribe me\r\n"
        lake_app.store.write(f"landing/inbound/2026/11/20/{name}.eml", mail.encode())
    collect(lake_app)
    assert [row["email"] for row in ledger_rows(lake_app, "select email from ledger.suppressions")] == [lead["email"]]


@pytest.mark.parametrize("form", ["<{id}@eu-west-1.amazonses.com>", "<other@x.test> <{id}@mtasv.net>"])
def test_a_colleagues_reply_to_the_providers_own_message_id_stops_the_sequence(lake_app: App, form: str) -> None:
    app = lake_app
    make_sends(app, 1, steps=2)
    (row,) = ledger_rows(app, "select provider_message_id as id from ledger.sends where step = 1")
    reference = form.format(id=row["id"])
    app.store.write(
        "landing/inbound/2026/11/20/reply.eml",
        f"From: Boss <boss@example.com>\r\nTo: ann@brand.test\r\nSubject: Re: hello\r\nMessage-ID: <1@example.com>\r\n"
        f"Date: Fri, 20 Nov 2026 11:00:00 +0000\r\nIn-Reply-To: {reference}\r\nReferences: {reference}\r\n\r\n"
        "Yes, please call me.\r\n".encode(),
    )
    collect(app)
    app.plan_campaigns(NOON)
    (after,) = ledger_rows(app, "select state, code from ledger.sends where step = 2")
    assert (after["state"], after["code"]) == ("cancelled", "replied")
    assert [event["is_signed"] for event in events(app)] == [False]


def test_a_providers_id_that_several_mails_share_names_none_of_them(lake_app: App) -> None:
    make_sends(lake_app, 2)
    with lake_app.database.transaction() as ledger:
        ledger.execute("update ledger.sends set provider_message_id = 'shared'")
    mail = b"From: boss@example.com\r\nMessage-ID: <1@x>\r\nIn-Reply-To: <shared@x.test>\r\n\r\nYes.\r\n"
    lake_app.store.write("landing/inbound/2026/11/20/reply.eml", mail)
    assert lake_app.collect_events(NOON).unmatched_mails == 1


@pytest.mark.parametrize("text", ["Did you see my mail?", "unsubscribe"])
def test_our_own_follow_up_that_comes_back_by_a_copy_is_nobodys_answer(lake_app: App, text: str) -> None:
    (send,) = make_sends(lake_app, 1, steps=2)
    ours = reply_mail(lake_app, send, text=text).replace(b"Lead <lead@example.test>", b"Ann <Ann@Brand.test>")
    lake_app.store.write("landing/inbound/2026/11/20/copy.eml", ours)
    collect(lake_app)
    assert not events(lake_app)
    rows = ledger_rows(lake_app, "select state, replied_at from ledger.sends order by step")
    assert [(row["state"], row["replied_at"]) for row in rows] == [("accepted", None), ("planned", None)]
    assert not ledger_rows(lake_app, "select 1 from ledger.suppressions")


def test_a_mailbox_of_ours_that_was_itself_the_lead_may_answer(lake_app: App) -> None:
    (send,) = make_sends(lake_app, 1)
    with lake_app.database.transaction() as ledger:
        ledger.execute("update ledger.leads set email = 'ann@brand.test'")
    mail = reply_mail(lake_app, send).replace(b"lead@example.test>", b"ann@brand.test>", 1)
    lake_app.store.write("landing/inbound/2026/11/20/trial.eml", mail)
    collect(lake_app)
    assert [event["kind"] for event in events(lake_app)] == ["replied"]


@pytest.mark.parametrize("given", ["<>", "<responder@example.test>"])
def test_answers_of_two_people_under_one_message_id_both_count(lake_app: App, given: str) -> None:
    """Responders and web forms give all their mails the same id, or an empty one."""
    for send in make_sends(lake_app, 2):
        mail = reply_mail(lake_app, send, text="Please unsubscribe me")
        own = f"<reply-{send}@example.test>".encode()
        assert own in mail
        lake_app.store.write(f"landing/inbound/2026/11/20/{send}.eml", mail.replace(own, given.encode()))
    lake_app.collect_events(NOON)
    lake_app.project_events(NOON)
    assert ledger_rows(lake_app, "select count(*) as people from ledger.suppressions") == [{"people": 2}]


def opt_out_from(app: App, sender: str) -> None:
    mail = f"From: Jo <{sender}>\r\nMessage-ID: <stop@people.test>\r\n\r\nunsubscribe me\r\n"
    app.store.write("landing/inbound/2026/11/20/stop.eml", mail.encode())
    collect(app)


@pytest.mark.parametrize(
    ("lead", "sender"),
    [
        ("jo+news@people.test", "jo@people.test"),
        ("jo@people.test", "jo+news@people.test"),
        ("jo.smith@gmail.com", "JoSmith@gmail.com"),
        ("josmith@googlemail.com", "josmith@gmail.com"),
        ("jo@xn--mller-kva.test", "jo@müller.test"),
    ],
)
def test_an_opt_out_that_quotes_nothing_counts_from_every_spelling_of_the_inbox(
    lake_app: App, lead: str, sender: str
) -> None:
    make_sends(lake_app, 1)
    execute(lake_app, "update ledger.leads set email = %s", lead)
    opt_out_from(lake_app, sender)
    assert ledger_rows(lake_app, "select email, reason from ledger.suppressions") == [
        {"email": lead, "reason": "unsubscribed"}
    ]


@pytest.mark.parametrize("state", ["lost", "bounced", "dropped", "ambiguous"])
def test_an_opt_out_that_quotes_nothing_counts_whatever_became_of_the_mail(lake_app: App, state: str) -> None:
    make_sends(lake_app, 1)
    kind = "soft" if state == "bounced" else None
    execute(lake_app, "update ledger.sends set state = %s, bounce_kind = %s", state, kind)
    (lead,) = ledger_rows(lake_app, "select email from ledger.leads")
    opt_out_from(lake_app, lead["email"])
    assert ledger_rows(lake_app, "select reason from ledger.suppressions") == [{"reason": "unsubscribed"}]

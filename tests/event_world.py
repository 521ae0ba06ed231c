"""A ledger with sends to tell events about, and short ways to write what providers would."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from leadmill.bootstrap import App
from leadmill.domain.identity import email_hash
from leadmill.domain.send_references import message_id
from tests.conftest import TEST_SECRET

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SENT_AT = NOON - timedelta(hours=3)


def make_sends(app: App, count: int, *, state: str = "accepted", steps: int = 1) -> list[int]:
    """Send ids of one campaign to `count` leads, from two mailboxes; later steps wait, planned."""
    with app.database.transaction() as ledger:
        _make_mailboxes(ledger)
        campaign = ledger.execute(
            "insert into ledger.campaigns (name, status, created_by, created_at, updated_at) "
            "values ('c', 'running', 'test', %s, %s) returning campaign_id",
            (SENT_AT, SENT_AT),
        ).fetchone()["campaign_id"]
        variants = {}
        for step in range(1, steps + 1):
            ledger.execute("insert into ledger.campaign_steps values (%s, %s, %s)", (campaign, step, 3 * (step - 1)))
            variants[step] = ledger.execute(
                "insert into ledger.variants (campaign_id, step, label, subject, body_html) "
                "values (%s, %s, 'A', 's', 'b') returning variant_id",
                (campaign, step),
            ).fetchone()["variant_id"]
        mailboxes = [r["mailbox_id"] for r in ledger.execute("select mailbox_id from ledger.mailboxes order by 1")]
        sends = []
        for number in range(count):
            lead = _make_lead(ledger, f"lead{campaign}-{number}@example.test", app.settings.secret)
            sends.append(
                ledger.execute(
                    "insert into ledger.sends (campaign_id, step, lead_id, variant_id, state, due_at, mailbox_id, claimed_at, "
                    "accepted_at, provider_message_id, state_changed_at) "
                    "values (%(c)s, 1, %(l)s, %(v)s, %(s)s, %(t)s, %(m)s, %(t)s, %(a)s, %(p)s, %(t)s) returning send_id",
                    {
                        "c": campaign,
                        "l": lead,
                        "v": variants[1],
                        "s": state,
                        "m": mailboxes[number % 2],
                        "t": SENT_AT,
                        "a": SENT_AT if state == "accepted" else None,
                        "p": f"provider-{campaign}-{number}",
                    },
                ).fetchone()["send_id"]
            )
            for step in range(2, steps + 1):
                ledger.execute(
                    "insert into ledger.sends (campaign_id, step, lead_id, variant_id, state_changed_at) "
                    "values (%s, %s, %s, %s, %s)",
                    (campaign, step, lead, variants[step], SENT_AT),
                )
    return sends


def _make_lead(ledger: psycopg.Connection[Any], email: str, key: bytes) -> int:
    return ledger.execute(
        "insert into ledger.leads (email, email_hash, email_domain, source, legal_basis, created_at, updated_at) "
        "values (%s, %s, 'example.test', 'test', 'consent', %s, %s) returning lead_id",
        (email, email_hash(email, key), SENT_AT, SENT_AT),
    ).fetchone()["lead_id"]


def _make_mailboxes(ledger: psycopg.Connection[Any]) -> None:
    if ledger.execute("select 1 from ledger.mailboxes limit 1").fetchone():
        return
    ledger.execute(
        "insert into ledger.provider_accounts (name, provider, created_at) values ('a', 'smtp', %s)", (SENT_AT,)
    )
    ledger.execute(
        "insert into ledger.pools (name, accepts_legal_bases, created_at) values ('p', '{consent}', %s)", (SENT_AT,)
    )
    ledger.execute("insert into ledger.sending_domains (name, created_at) values ('brand.test', %s)", (SENT_AT,))
    for name in ("ann", "bob"):
        ledger.execute(
            "insert into ledger.mailboxes (domain_id, account_id, pool_id, address, created_at) "
            "select domain_id, account_id, pool_id, %s, %s "
            "from ledger.sending_domains, ledger.provider_accounts, ledger.pools",
            (f"{name}@brand.test", SENT_AT),
        )


def edge_line(send_id: int, kind: str, *, at: datetime = NOON, event_id: str = "", **more: str) -> dict[str, Any]:
    """One line as our edge writes it."""
    base = {"event_id": event_id or f"{kind}-{send_id}-{at.timestamp()}", "kind": kind, "send_id": send_id}
    browser = {
        "occurred_at": iso(at),
        "user_agent": "Mozilla/5.0 (X11) Firefox/140.0",
        "ip": f"198.51.100.{send_id % 250}",
    }
    return base | browser | {"url": "", "method": "GET"} | more


def tag_of(send_id: int, key: bytes = TEST_SECRET.encode()) -> str:
    """The send id as our mails' tags carry it."""
    return message_id(send_id, "", key).removeprefix("<lm.").removesuffix("@>").replace(".", "-", 1)


def ses_record(
    send_id: int | None, word: str, *, at: datetime = NOON, message: str = "", **detail: Any
) -> dict[str, Any]:
    """One SES event publishing record for one recipient."""
    recipient = f"lead{send_id}@example.test"
    mail = {"timestamp": iso(SENT_AT), "messageId": message or f"ses-{send_id}", "destination": [recipient]}
    if send_id is not None:
        mail["tags"] = {"send_id": [tag_of(send_id)]}
    body: dict[str, Any] = {"timestamp": iso(at)}
    if word == "Bounce":
        body |= {"bounceType": "Permanent", "bounceSubType": "General", "feedbackId": f"b{send_id}{at.timestamp()}"}
        body["bouncedRecipients"] = [{"emailAddress": recipient, "status": detail.pop("status", "5.1.1")}]
    elif word == "Complaint":
        body |= {"feedbackId": f"c{send_id}{at.timestamp()}", "complaintFeedbackType": "abuse"}
        body["complainedRecipients"] = [{"emailAddress": recipient}]
    elif word == "Delivery":
        body["recipients"] = [recipient]
    elif word in {"Open", "Click"}:
        body |= {"userAgent": "Mozilla/5.0 (X11) Firefox/140.0", "ipAddress": "198.51.100.7"}
    name = {"DeliveryDelay": "deliveryDelay"}.get(word, word.lower())
    return {"eventType": word, "mail": mail, name: body | detail}


def sendgrid_event(send_id: int | None, word: str, *, at: datetime = NOON, **more: Any) -> dict[str, Any]:
    """One element of SendGrid's array."""
    return {
        "event": word,
        "timestamp": int(at.timestamp()),
        "sg_event_id": f"{word}-{send_id}-{at.timestamp()}",
        "sg_message_id": f"sg-{send_id}.filter0001.1",
        "send_id": None if send_id is None else tag_of(send_id),
        "email": f"lead{send_id}@example.test",
    } | more


def reply_mail(app: App, send_id: int, *, headers: str = "", text: str = "Tell me more.") -> bytes:
    """A person's answer, with our Message-ID in its References."""
    ours = message_id(send_id, "brand.test", app.settings.secret)
    return (
        f"From: Lead <lead@example.test>\r\nTo: ann@brand.test\r\nSubject: Re: hello\r\nDate: Fri, 20 Nov 2026 11:00:00 +0000\r\n"
        f"Message-ID: <reply-{send_id}@example.test>\r\nIn-Reply-To: {ours}\r\n{headers}\r\n{text}\r\n"
    ).encode()


def iso(at: datetime) -> str:
    """As providers write times."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def land(app: App, provider: str, name: str, records: list[Any] | bytes, *, array: bool = False) -> str:
    """Put an object into the landing zone; lists become NDJSON or an array."""
    key = f"landing/events/{provider}/2026/11/20/{name}"
    if isinstance(records, list):
        text = json.dumps(records) if array else "".join(json.dumps(r) + "\n" for r in records)
        records = text.encode()
    app.store.write(key, records)
    return key


def events(app: App) -> list[dict[str, Any]]:
    """Every event in the lake, by event id."""
    with app.lake.connect(read_only=True) as duck:
        return duck.execute("select * from lake.events order by event_id").fetch_arrow_table().to_pylist()


def forget_signatures(app: App) -> None:
    """Let the lake's events be as those of before signatures were kept: named by ids that anybody could have written."""
    with app.lake.connect() as duck:
        duck.execute("update lake.events set is_signed = null")


def ledger_rows(app: App, statement: str) -> list[dict[str, Any]]:
    """What the ledger answers."""
    with app.database.transaction() as ledger:
        return ledger.execute(statement).fetchall()

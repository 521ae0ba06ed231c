"""Webhook objects for benchmarks, alike for one seed: `python bench/gen_events.py EVENTS FOLDER [SENDS] [SEED]`.

Half SES as Firehose writes it (NDJSON), a quarter SES inside SNS envelopes, a quarter SendGrid arrays; gzip, about
25,000 events an object; 2 % of the events come twice, and one in 60,000 is followed by a line cut in half.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from leadmill.domain.send_references import message_id

KEY = b"bench" * 8
START = datetime(2026, 11, 16, 8, tzinfo=UTC)
WORDS = {"Delivery": 50, "Send": 20, "Open": 17, "Click": 5, "Bounce": 5, "DeliveryDelay": 2, "Complaint": 1}
SENDGRID = {
    "Delivery": "delivered",
    "Send": "processed",
    "Open": "open",
    "Click": "click",
    "Bounce": "bounce",
    "DeliveryDelay": "deferred",
    "Complaint": "spamreport",
}
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36",
    "Mozilla/5.0 (via ggpht.com GoogleImageProxy)",
    "Mozilla/5.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15",
)
OBJECT_EVENTS = 25_000
REPEATED = 0.02
CUT_EVERY = 60_000


def tag(send_id: int) -> str:
    """The send id as mails carry it, signed with the key that `collect.py` collects with."""
    return message_id(send_id, "", KEY).removeprefix("<lm.").removesuffix("@>").replace(".", "-", 1)


def identity(*parts: object) -> str:
    return hashlib.blake2b(repr(parts).encode(), digest_size=15).hexdigest()


def ses(dice: random.Random, number: int, send_id: int, word: str, at: str) -> dict[str, object]:
    recipient = f"lead{send_id}@people{send_id % 4000}.example"
    mail = {
        "timestamp": at,
        "source": f"box{send_id % 30}@brand{send_id % 10}.example",
        "messageId": identity("mail", send_id),
        "destination": [recipient],
        "headersTruncated": False,
        "headers": [{"name": n, "value": v} for n, v in (("From", "Ann"), ("To", recipient), ("Subject", "Hello"))],
        "commonHeaders": {"from": ["Ann"], "to": [recipient], "subject": "Hello"},
        "tags": {"ses:configuration-set": ["main"], "send_id": [tag(send_id)]},
    }
    touch = {"timestamp": at, "userAgent": dice.choice(AGENTS), "ipAddress": f"198.18.{number % 250}.{number % 199}"}
    failed = {"emailAddress": recipient, "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}
    detail: dict[str, dict[str, object]] = {
        "Delivery": {"timestamp": at, "processingTimeMillis": 800, "recipients": [recipient], "smtpResponse": "250 OK"},
        "Send": {},
        "Open": touch,
        "Click": touch | {"link": f"https://www.brand.example/offer/{number % 7}"},
        "Bounce": {
            "bounceType": "Permanent" if number % 3 else "Transient",
            "bounceSubType": "General",
            "feedbackId": identity("feedback", number),
            "timestamp": at,
            "bouncedRecipients": [failed],
        },
        "DeliveryDelay": {
            "timestamp": at,
            "delayType": "MailboxFull",
            "delayedRecipients": [failed | {"status": "4.2.2"}],
        },
        "Complaint": {
            "timestamp": at,
            "feedbackId": identity("feedback", number),
            "complaintFeedbackType": "abuse",
            "complainedRecipients": [{"emailAddress": recipient}],
        },
    }
    return {"eventType": word, "mail": mail, word[0].lower() + word[1:]: detail[word]}


def sendgrid(dice: random.Random, number: int, send_id: int, word: str, at: datetime) -> dict[str, object]:
    event: dict[str, object] = {
        "email": f"lead{send_id}@people{send_id % 4000}.example",
        "timestamp": int(at.timestamp()),
        "event": SENDGRID[word],
        "sg_event_id": identity("event", number),
        "sg_message_id": f"{identity('mail', send_id)}.recvd-{number % 97}",
        "send_id": tag(send_id),
        "category": ["bench"],
    }
    if word in {"Open", "Click"}:
        event |= {"useragent": dice.choice(AGENTS), "ip": f"198.18.{number % 250}.{number % 199}"}
    if word == "Click":
        event["url"] = f"https://www.brand.example/offer/{number % 7}"
    if word == "Bounce":
        event |= {"type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 user unknown"}
    return event


def write_object(folder: Path, index: int, first: int, count: int, sends: int, dice: random.Random) -> None:
    form = ("ses", "ses", "sns", "sendgrid")[index % 4]
    lines = []
    for number in range(first, first + count):
        send_id, word = 1 + number % sends, dice.choices(list(WORDS), list(WORDS.values()))[0]
        at = START + timedelta(seconds=number // 20, milliseconds=number % 1000)
        stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        record = (
            sendgrid(dice, number, send_id, word, at) if form == "sendgrid" else ses(dice, number, send_id, word, stamp)
        )
        line = json.dumps(record, separators=(",", ":"))
        if form == "sns":
            line = json.dumps({"Type": "Notification", "MessageId": identity("sns", number), "Message": line})
        lines += [line, line] if dice.random() < REPEATED else [line]
        if form != "sendgrid" and number % CUT_EVERY == CUT_EVERY - 1:
            lines.append(line[: len(line) // 2])
    body = "[" + ",\r\n".join(lines) + "]\r\n" if form == "sendgrid" else "\n".join(lines) + "\n"
    provider, suffix = ("sendgrid", "json") if form == "sendgrid" else ("ses", "ndjson")
    path = folder / "landing" / "events" / provider / "2026/11/16" / f"{index:06d}-{form}.{suffix}.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(body.encode(), 1, mtime=0))


def write_events(events: int, folder: Path, sends: int = 200_000, seed: int = 11) -> None:
    """Write the objects under `folder/landing/events/`; `sends` send ids take turns."""
    dice = random.Random(seed)
    for index, first in enumerate(range(0, events, OBJECT_EVENTS)):
        write_object(folder, index, first, min(OBJECT_EVENTS, events - first), sends, dice)


if __name__ == "__main__":
    write_events(int(sys.argv[1]), Path(sys.argv[2]), *(int(a) for a in sys.argv[3:5]))

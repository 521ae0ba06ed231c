"""Collecting: landed objects become events in the lake, once, whatever is broken beside them."""

from __future__ import annotations

import base64
import gzip
import json
import threading
from datetime import timedelta
from typing import Any

from leadmill.bootstrap import App
from tests.event_world import (
    NOON,
    edge_line,
    events,
    land,
    ledger_rows,
    make_sends,
    reply_mail,
    sendgrid_event,
    ses_record,
    tag_of,
)


def test_events_of_every_transport_arrive_with_what_the_ledger_knows(lake_app: App) -> None:
    app = lake_app
    sends = make_sends(app, 8)
    land(app, "ses", "bare.json", [ses_record(sends[0], "Delivery")])
    sns = {"Type": "Notification", "MessageId": "1", "Message": json.dumps(ses_record(sends[1], "Delivery"))}
    land(app, "ses", "sns.json", json.dumps(sns, indent=2).encode())
    bridge = {"source": "aws.ses", "detail-type": "Email Delivered", "detail": ses_record(sends[2], "Delivery")}
    land(app, "ses", "bridge.json", json.dumps(bridge).encode())
    joined = "".join(json.dumps(ses_record(s, "Delivery")) for s in sends[3:5])
    land(app, "ses", "firehose-joined.gz", gzip.compress(joined.encode()))
    record = base64.b64encode(json.dumps(ses_record(sends[5], "Delivery")).encode()).decode()
    land(
        app, "ses", "http.json", json.dumps({"requestId": "r", "timestamp": 1, "records": [{"data": record}]}).encode()
    )
    land(app, "sendgrid", "array.json", [sendgrid_event(sends[6], "delivered")], array=True)
    land(app, "edge", "lines.ndjson", [edge_line(sends[7], "opened")])
    counts = app.collect_events(NOON)
    assert (counts.objects, counts.events, counts.broken, counts.duplicates) == (7, 8, 0, 0)
    found = events(app)
    assert {e["send_id"] for e in found} == set(sends)
    assert all(
        e["campaign_id"] and e["lead_id"] and e["variant_id"] and e["mailbox_id"] and e["step"] == 1 for e in found
    )
    assert {e["kind"] for e in found} == {"delivered", "opened"}


def test_a_broken_line_goes_to_quarantine_and_stops_nothing(lake_app: App) -> None:
    app = lake_app
    sends = make_sends(app, 3)
    good = [json.dumps(ses_record(s, "Delivery")) for s in sends]
    key = land(
        app,
        "ses",
        "mixed.json",
        "\n".join([good[0], good[1][:50], good[1], '{"foo": 1}', "\xff\xfe", good[2]]).encode("latin-1"),
    )
    land(app, "sendgrid", "cut.json", b'[{"event": "delivered", "sg_event_id"')
    land(app, "ses", "cut.gz", gzip.compress(b"x" * 5000)[:20])
    land(app, "nobody", "x.json", b"{}")
    counts = app.collect_events(NOON)
    assert counts.events == 3
    assert counts.broken == 6
    quarantined = [
        json.loads(line)
        for item in app.store.list("quarantine/events/")
        for line in app.store.read(item.key).decode().splitlines()
    ]
    assert {(q["object_key"], q["reason"]) for q in quarantined if q["object_key"] == key} == {
        (key, "not a JSON object"),
        (key, "no event type"),
    }
    assert {q["reason"] for q in quarantined} == {
        "not a JSON object", "no event type", "cannot be unzipped", "no such provider",
    }  # fmt: skip
    assert app.waiting_event_objects() == 0
    assert app.collect_events(NOON).objects == 0


def test_a_large_object_with_a_broken_line_loses_only_that_line(lake_app: App) -> None:
    app = lake_app
    fine, broken, cut_at_end = (
        [json.dumps(ses_record(None, "Delivery", message=f"{letter}{i}")) for i in range(400)] for letter in "xyz"
    )
    broken[200] = broken[200][:80]
    cut_at_end[-1] = cut_at_end[-1][:70]
    assert len("\n".join(fine)) > 64_000
    for name, body in (("fine", fine), ("broken", broken), ("cut", cut_at_end)):
        land(app, "ses", f"{name}.json", ("\n".join(body) + "\n").encode())
    array = [sendgrid_event(i, "delivered", url="x" * 100) for i in range(400)]
    land(app, "sendgrid", "large.json", array, array=True)
    counts = app.collect_events(NOON)
    assert (counts.events, counts.broken) == (400 + 399 + 399 + 400, 2)


def test_the_same_event_counts_once_in_a_batch_across_batches_and_late(lake_app: App) -> None:
    app = lake_app
    (send,) = make_sends(app, 1)
    old = NOON - timedelta(days=40)
    records = [ses_record(send, "Delivery"), ses_record(send, "Delivery"), ses_record(send, "Bounce", at=old)]
    land(app, "ses", "a.json", records)
    assert app.collect_events(NOON).events == 2
    land(app, "ses", "b.json", records)
    land(app, "ses", "c.json", records)
    counts = app.collect_events(NOON + timedelta(days=2))
    assert (counts.events, counts.duplicates) == (0, 6)
    assert len(events(app)) == 2


def test_an_object_that_changed_size_is_read_again_and_a_known_one_is_not(lake_app: App) -> None:
    app = lake_app
    sends = make_sends(app, 2)
    land(app, "edge", "a.ndjson", [edge_line(sends[0], "opened")])
    assert app.collect_events(NOON).objects == 1
    assert app.collect_events(NOON).objects == 0
    land(app, "edge", "a.ndjson", [edge_line(s, "opened") for s in sends])
    assert app.collect_events(NOON).events == 1


def test_two_collectors_at_once_come_to_the_same_as_one(lake_app: App) -> None:
    app = lake_app
    sends = make_sends(app, 20)
    for s in sends:
        land(app, "edge", f"{s}.ndjson", [edge_line(s, "opened")])
    counts = []
    threads = [threading.Thread(target=lambda: counts.append(app.collect_events(NOON))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(c.events for c in counts) == 20
    assert sum(c.duplicates for c in counts) == 0
    assert len(events(app)) == 20


def test_a_provider_message_id_finds_the_send_where_no_tag_came_back(lake_app: App) -> None:
    app = lake_app
    (send,) = make_sends(app, 1)
    message = ledger_rows(app, "select provider_message_id as p from ledger.sends")[0]["p"]
    land(app, "ses", "a.json", [ses_record(None, "Delivery", message=message)])
    land(
        app, "sendgrid", "b.json", [sendgrid_event(None, "delivered", sg_message_id=f"{message}.filter1.x")], array=True
    )
    app.collect_events(NOON)
    assert [e["send_id"] for e in events(app)] == [send, send]


def test_an_unknown_word_is_kept_and_counted(lake_app: App) -> None:
    app = lake_app
    (send,) = make_sends(app, 1)
    land(app, "sendgrid", "a.json", [sendgrid_event(send, "teleported")], array=True)
    counts = app.collect_events(NOON)
    assert counts.unknown_words == {"sendgrid: teleported": 1}
    assert events(app)[0]["kind"] == "unknown"


def test_no_address_reaches_the_lake(lake_app: App) -> None:
    app = lake_app
    (send,) = make_sends(app, 1)
    land(
        app, "ses", "a.json", [ses_record(send, "Bounce"), ses_record(send, "Click", link="https://x.test/?e=a@b.test")]
    )
    land(app, "sendgrid", "b.json", [sendgrid_event(send, "dropped", reason="odd for a@b.test")], array=True)
    app.collect_events(NOON)
    assert "@" not in json.dumps(events(app), default=str)


MACHINES = [
    ({"method": "HEAD"}, "HEAD request"),
    ({"user_agent": "Mozilla/5.0"}, "Apple Mail privacy proxy"),
    ({"user_agent": "Mozilla/5.0 (via ggpht.com GoogleImageProxy)"}, None),
    ({"user_agent": "YahooMailProxy; https://help.yahoo.com"}, "Yahoo mail proxy"),
    ({"user_agent": "Mozilla/5.0 BingPreview/1.0b"}, "Bing preview"),
    ({"user_agent": "Barracuda Sentinel"}, "scanner by its name"),
    ({}, None),
]


def test_a_machine_is_labelled_with_the_reason(lake_app: App) -> None:
    app = lake_app
    sends = make_sends(app, len(MACHINES))
    land(app, "edge", "a.ndjson", [edge_line(s, "opened", **m) for s, (m, _) in zip(sends, MACHINES, strict=True)])
    app.collect_events(NOON)
    labels = {e["send_id"]: (e["machine"], e["machine_reason"]) for e in events(app)}
    assert [labels[s] for s in sends] == [(reason is not None, reason) for _, reason in MACHINES]


def test_speed_bursts_and_crowds_give_machines_away(lake_app: App) -> None:
    app = lake_app
    sends = make_sends(app, 24)
    fast, burst, slow, *crowd = sends
    land(app, "ses", "d.json", [ses_record(fast, "Delivery", at=NOON)])
    app.collect_events(NOON)
    lines = [
        edge_line(fast, "opened", at=NOON + timedelta(seconds=2)),
        edge_line(burst, "clicked", url="https://x.test/1"),
        edge_line(burst, "clicked", url="https://x.test/2", at=NOON + timedelta(seconds=1)),
        edge_line(slow, "clicked", url="https://x.test/1"),
        edge_line(slow, "clicked", url="https://x.test/2", at=NOON + timedelta(seconds=30)),
        *(edge_line(s, "opened", ip="203.0.113.9") for s in crowd),
    ]
    land(app, "edge", "a.ndjson", lines)
    app.collect_events(NOON)
    reasons = {(e["send_id"], e["machine_reason"]) for e in events(app) if e["kind"] != "delivered"}
    assert {r for s, r in reasons if s == fast} == {"faster than a person after delivery"}
    assert {r for s, r in reasons if s == burst} == {"several links at once"}
    assert {r for s, r in reasons if s == slow} == {None}
    assert {r for s, r in reasons if s in crowd} == {"one address for many recipients"}


def test_inbound_mails_are_matched_by_reference_else_by_the_sender(lake_app: App) -> None:
    app = lake_app
    sends = make_sends(app, 3)
    email = ledger_rows(
        app, f"select email from ledger.leads join ledger.sends using (lead_id) where send_id = {sends[1]}"
    )
    mails = {
        "reply": reply_mail(app, sends[0]),
        "by-address": f"From: {email[0]['email'].upper()}\r\nSubject: hi\r\nMessage-ID: <2@x>\r\n\r\nhello".encode(),
        "away": reply_mail(app, sends[2], headers="Auto-Submitted: auto-replied\r\n"),
        "stranger": b"From: x@elsewhere.test\r\nSubject: spam\r\n\r\nbuy",
    }
    for name, body in mails.items():
        app.store.write(f"landing/inbound/2026/11/20/{name}.eml", body)
    counts = app.collect_events(NOON)
    assert (counts.events, counts.unmatched_mails) == (3, 1)
    assert {(e["send_id"], e["kind"]) for e in events(app)} == {
        (sends[0], "replied"), (sends[1], "replied"), (sends[2], "auto_replied"),
    }  # fmt: skip


def test_a_hostile_mail_goes_to_quarantine_and_stops_nothing(lake_app: App) -> None:
    app = lake_app
    sends = make_sends(app, 3)
    nested = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (level, level) for level in range(1000)
    )
    mails = {
        "a": reply_mail(app, sends[0]),
        "b-nested": b"From: x@elsewhere.test\r\n" + nested,
        "c-forwarded": b"From: x@elsewhere.test\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 1000,
        "d-nul": b'From: "x\0y"@elsewhere.test\r\n\r\nhi',
        "e-late": reply_mail(app, sends[1]).replace(
            b"Fri, 20 Nov 2026 11:00:00 +0000", b"Fri, 31 Dec 9999 23:59:59 -0500"
        ),
        "f-zone": reply_mail(app, sends[2]).replace(b"+0000", b"+9999999999999"),
    }
    for name, body in mails.items():
        app.store.write(f"landing/inbound/2026/11/20/{name}.eml", body)
    counts = app.collect_events(NOON)
    assert (counts.events, counts.broken) == (3, 2)
    assert {e["send_id"] for e in events(app)} == set(sends)
    (quarantine,) = [app.store.read(o.key).decode() for o in app.store.list("quarantine/events/")]
    assert [json.loads(line)["reason"] for line in quarantine.splitlines()] == ["not a mail: RecursionError"] * 2
    assert app.collect_events(NOON).objects == 0


def test_a_time_that_cannot_be_breaks_its_line_and_not_the_batch(lake_app: App) -> None:
    app = lake_app
    send, other = make_sends(app, 2)
    times = [1e18, "NaN", "inf", NOON.timestamp() * 1000, -1e11]
    odd = [sendgrid_event(send, "delivered", timestamp=t, sg_event_id=f"odd{t}") for t in times]
    land(app, "sendgrid", "a.json", [*odd, sendgrid_event(send, "delivered")], array=True)
    mailgun = [
        {
            "event-data": {
                "id": f"m{t}",
                "event": "delivered",
                "timestamp": t,
                "user-variables": {"send_id": tag_of(other)},
            }
        }
        for t in (1e18, float("nan"), NOON.timestamp())
    ]
    for number, body in enumerate(mailgun):
        land(app, "mailgun", f"{number}.json", json.dumps(body).encode())
    counts = app.collect_events(NOON)
    assert (counts.events, counts.broken) == (2, 5 + 2)
    assert {(e["send_id"], e["occurred_at"]) for e in events(app)} == {(send, NOON), (other, NOON)}
    assert app.project_events(NOON).sends_moved == 2


def test_the_lake_is_rebuilt_from_the_landing_zone(lake_app: App) -> None:
    app = lake_app
    sends = make_sends(app, 3)
    for number, word in enumerate(("Delivery", "Bounce", "Open")):
        land(app, "ses", f"{number}.json", [ses_record(sends[number], word)])
    app.collect_events(NOON)
    app.project_events(NOON)
    before = events(app)
    app.store.delete("landing/events/ses/2026/11/20/0.json")
    app.rebuild_events(NOON)
    assert events(app) == before


# --- who may name a send of ours


def test_another_system_on_the_same_provider_account_names_no_send_of_ours(lake_app: App) -> None:
    app = lake_app
    with app.database.transaction() as ledger:  # such that the provider's own id could decide
        (taken,) = make_sends(app, 1)
        (doubtful,) = make_sends(app, 1, state="ambiguous")
        ledger.execute("update ledger.provider_accounts set provider = 'ses'")
    records = []
    for number in (taken, doubtful):
        for tag in (str(number), tag_of(number, b"another installation's key"), f"{number}-{'A' * 16}"):
            record = ses_record(number, "Bounce", message="theirs", at=NOON + timedelta(minutes=len(records)))
            record["mail"]["tags"]["send_id"] = [tag]
            records.append(record)
    land(app, "ses", "theirs.json", records)
    assert app.collect_events(NOON).events == 6
    assert {e["send_id"] for e in events(app)} == {None}
    assert app.project_events(NOON).sends_moved == 0
    assert ledger_rows(app, "select count(*) as n from ledger.suppressions") == [{"n": 0}]


def test_events_of_mails_sent_before_tags_were_signed_count_where_the_ledger_bears_them_out(lake_app: App) -> None:
    app = lake_app
    by_api, by_smtp, in_doubt = make_sends(app, 2) + make_sends(app, 1, state="ambiguous")
    (call_id,) = ledger_rows(
        app,
        "with a as (insert into ledger.provider_accounts (name, provider, created_at) values ('s', 'sendgrid', now()) "
        "returning account_id), m as (insert into ledger.mailboxes (domain_id, account_id, pool_id, address, created_at) "
        "select domain_id, (select account_id from a), pool_id, 'sg@brand.test', now() from ledger.mailboxes limit 1 "
        "returning mailbox_id) select mailbox_id from m",
    )
    with app.database.transaction() as ledger:  # one call gave many mails this id
        ledger.execute(
            "update ledger.sends set mailbox_id = %s, provider_message_id = 'call' where send_id = any(%s)",
            (call_id["mailbox_id"], [by_api, in_doubt]),
        )

    def plain(send_id: int, word: str, message: str) -> dict[str, Any]:
        return sendgrid_event(send_id, word, sg_message_id=message) | {"send_id": str(send_id)}

    records = [
        plain(by_api, "delivered", "call.filter1"),
        plain(by_api, "bounce", "theirs.filter1"),
        plain(by_smtp, "delivered", "x.filter1"),
        plain(in_doubt, "delivered", "y.filter1"),
    ]
    land(app, "sendgrid", "before.json", records, array=True)
    app.collect_events(NOON)
    assert sorted((str(e["send_id"]), e["kind"]) for e in events(app)) == sorted(
        [(str(by_api), "delivered"), ("None", "bounced"), (str(by_smtp), "delivered"), ("None", "delivered")]
    )

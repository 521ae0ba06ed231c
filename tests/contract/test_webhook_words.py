"""Contract of every provider: its recorded bodies become the right kind of event, with the right bounce kind and id."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from leadmill.bootstrap import App
from tests.event_world import NOON, events, land, ses_record

DATA = Path(__file__).parents[1] / "data"
RECORDED = {
    "ses/firehose-object.ndjson": {
        "Bounce/Permanent": ("bounced", "hard"),
        "Complaint": ("complained", None),
        "Delivery": ("delivered", None),
        "Send": ("accepted", None),
        "Reject": ("rejected", None),
        "Open": ("opened", None),
        "Click": ("clicked", None),
        "Rendering Failure": ("rejected", None),
        "DeliveryDelay": ("deferred", None),
        "Subscription/unsubscribed": ("unsubscribed", None),
    },
    "ses/legacy-notification/1-bounce.json": {"Bounce/Permanent": ("bounced", "hard")},
    "ses/legacy-notification/3-complaint.json": {"Complaint": ("complained", None)},
    "ses/legacy-notification/5-delivery.json": {"Delivery": ("delivered", None)},
    "sendgrid/delivery-and-engagement-with-ids.json": {
        "processed": ("accepted", None),
        "dropped/Bounced Address": ("rejected", "hard"),
        "delivered": ("delivered", None),
        "deferred": ("deferred", None),
        "bounce": ("bounced", "hard"),
        "bounce/blocked": ("bounced", "blocked"),
        "open": ("opened", None),
        "click": ("clicked", None),
        "spamreport": ("complained", None),
        "unsubscribe": ("unsubscribed", None),
        "group_unsubscribe": ("unsubscribed", None),
        "group_resubscribe": ("noted", None),
    },
    "mailgun/delivered_messages.json": {"delivered": ("delivered", None)},
    "mailgun/permanent_failure.json": {"failed/permanent": ("bounced", "hard")},
    "mailgun/temporary_failure.json": {"failed/temporary": ("deferred", "soft")},
    "postmark/bounce.json": {"Bounce/HardBounce": ("bounced", "hard")},
    "postmark/spam_complaint.json": {"SpamComplaint": ("complained", None)},
    "postmark/subscription_change.json": {"SubscriptionChange/HardBounce": ("bounced", "hard")},
}


def test_recorded_bodies_of_every_provider_are_understood(lake_app: App) -> None:
    app = lake_app
    keys = {}
    for name in RECORDED:
        provider, _, file = name.replace("legacy-notification/", "").partition("/")
        body = (DATA / "webhooks" / name).read_bytes()
        if provider == "sendgrid":  # the documentation gives both bounces one id, which would make them one event
            head, _, tail = body.rpartition(b'"6g4ZI7SA-')
            body = head + b'"another-id-' + tail
        keys[land(app, provider, file, body)] = name
    counts = app.collect_events(NOON)
    assert counts.broken == 0
    assert counts.unknown_words == {}
    found: dict[str, dict[str, Any]] = {name: {} for name in RECORDED}
    for event in events(app):
        found[keys[event["raw_object"]]][event["provider_word"]] = (event["kind"], event["bounce_kind"])
    assert found == RECORDED


def test_words_without_a_recorded_body_mean_what_their_documents_say(lake_app: App) -> None:
    app = lake_app
    mailgun = [
        {"event-data": {"id": f"m{i}", "event": e, "timestamp": 1.79e9, **more}}
        for i, (e, more) in enumerate(
            [
                ("opened", {"client-info": {"bot": "apple"}}),
                ("clicked", {"url": "https://x.test"}),
                ("complained", {}),
                ("failed", {"severity": "permanent", "reason": "suppress-unsubscribe"}),
            ]
        )
    ]
    at = {"MessageID": "m", "ReceivedAt": "2026-11-20T12:00:00Z"}
    postmark = [{"RecordType": "Open", **at}, {"RecordType": "Click", "OriginalLink": "https://x.test", **at}]
    postmark += [{"RecordType": "Delivery", "MessageID": "m", "DeliveredAt": "2026-11-20T12:00:00Z"}]
    blocked = {"bounceType": "Permanent", "bounceSubType": "OnAccountSuppressionList"}
    land(app, "mailgun", "a.json", mailgun)
    land(app, "postmark", "b.json", postmark)
    land(app, "ses", "c.json", [ses_record(1, "Bounce", **blocked)])
    land(
        app,
        "sendgrid",
        "d.json",
        [{"event": "open", "timestamp": 1790000000, "sg_event_id": "o", "sg_machine_open": True}],
        array=True,
    )
    app.collect_events(NOON)
    found = {(e["provider"], e["kind"], e["bounce_kind"], e["machine"]) for e in events(app)}
    assert found == {
        ("mailgun", "opened", None, True),
        ("mailgun", "clicked", None, False),
        ("mailgun", "complained", None, False),
        ("mailgun", "rejected", None, False),
        ("mailgun", "opted_out_before", None, False),
        ("postmark", "opened", None, False),
        ("postmark", "clicked", None, False),
        ("postmark", "delivered", None, False),
        ("ses", "rejected", "hard", False),
        ("sendgrid", "opened", None, True),
    }


def test_a_record_for_several_recipients_is_an_event_each(lake_app: App) -> None:
    app = lake_app
    people = [{"emailAddress": "Ann <a@x.test>", "status": "5.1.1"}, {"emailAddress": "b@x.test", "status": "5.7.1"}]
    record = ses_record(None, "Bounce", message="m")
    record["bounce"]["bouncedRecipients"] = people
    land(app, "ses", "a.json", [record])
    record["bounce"]["bouncedRecipients"] = [{"emailAddress": "A@x.test", "status": "5.1.1"}]
    land(app, "ses", "b.json", json.dumps(record).encode())
    counts = app.collect_events(NOON)
    assert (counts.events, counts.duplicates) == (2, 1)
    assert sorted(e["bounce_kind"] for e in events(app)) == ["blocked", "hard"]


def test_the_greeting_of_a_new_topic_is_no_event(lake_app: App) -> None:
    app = lake_app
    greeting = {"Type": "Notification", "Message": "Successfully validated SNS topic for Amazon SES event publishing."}
    land(app, "ses", "a.json", json.dumps(greeting).encode())
    counts = app.collect_events(NOON)
    assert (counts.events, counts.broken) == (0, 0)

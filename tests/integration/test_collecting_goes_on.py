"""No landed object stops collecting: what cannot be held is set aside alone, and what people said comes first."""

from __future__ import annotations

import gzip
import json
from typing import Any

import duckdb
import pytest

from leadmill.adapters.lake.event_staging import EventStaging
from leadmill.bootstrap import App
from leadmill.errors import DatabaseUnavailable
from tests.event_world import NOON, edge_line, events, land, make_sends, reply_mail, sendgrid_event, ses_record

DEEP = b"[" * 9_000_000
BOMB = gzip.compress(b"0" * (300 << 20), 1)


def aside(app: App) -> dict[str, str]:
    """Reason by the object's name."""
    return {
        json.loads(line)["object_key"].rpartition("/")[2]: json.loads(line)["reason"]
        for item in app.store.list("quarantine/events/")
        for line in app.store.read(item.key).decode().splitlines()
    }


def test_objects_that_cannot_be_held_are_set_aside_alone(lake_app: App) -> None:
    app = lake_app
    sends = make_sends(app, 6)
    land(app, "ses", "deep.json", DEEP)
    land(app, "sendgrid", "bomb.gz", BOMB)
    for number, send in enumerate(sends[:4]):
        land(app, "ses", f"{number}.json", [ses_record(send, "Delivery")])
    land(app, "sendgrid", "fine.json", [sendgrid_event(sends[4], "delivered")], array=True)
    land(app, "edge", "z.ndjson", [edge_line(sends[5], "unsubscribed")])
    app.collect_events(NOON)
    assert {event["send_id"] for event in events(app)} == set(sends)
    assert set(aside(app)) == {"deep.json", "bomb.gz"}
    assert app.waiting_event_objects() == 0
    app.project_events(NOON)
    assert app.collect_events(NOON).objects == 0


def test_what_duckdb_gives_up_at_is_halved_until_it_stands_alone(
    lake_app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = lake_app
    sends = make_sends(app, 9)
    for number, send in enumerate(sends):
        land(app, "ses", f"{number}.json", [ses_record(send, "Delivery")])
    stage, tried = EventStaging.stage_webhooks, []

    def fails(self: EventStaging, objects: Any) -> None:
        tried.append(len(objects))
        if any(item.key.endswith("/5.json") for item in objects):
            raise duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate")
        stage(self, objects)

    monkeypatch.setattr(EventStaging, "stage_webhooks", fails)
    counts = app.collect_events(NOON)
    assert (counts.objects, counts.events, counts.broken) == (9, 8, 1)
    assert aside(app) == {"5.json": "cannot be held: OutOfMemoryException"}
    assert len(tried) < 10
    assert app.collect_events(NOON).objects == 0


def test_a_defect_of_ours_sets_nothing_aside(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    app = lake_app
    (send,) = make_sends(app, 1)
    land(app, "ses", "a.json", [ses_record(send, "Delivery")])

    def broken(self: EventStaging, objects: Any) -> None:
        raise duckdb.BinderException("Binder Error: no such column")

    with monkeypatch.context() as patched:
        patched.setattr(EventStaging, "stage_webhooks", broken)
        with pytest.raises(duckdb.BinderException):
            app.collect_events(NOON)
    assert aside(app) == {}
    assert app.collect_events(NOON).events == 1


def test_an_outage_sets_nothing_aside(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    app = lake_app
    (send,) = make_sends(app, 1)
    land(app, "ses", "a.json", [ses_record(send, "Delivery")])

    def away(self: EventStaging, objects: Any) -> None:
        raise duckdb.IOException("IO Error: Could not establish connection")

    with monkeypatch.context() as patched:
        patched.setattr(EventStaging, "stage_webhooks", away)
        with pytest.raises(DatabaseUnavailable, match="did not answer"):
            app.collect_events(NOON)
    assert aside(app) == {}
    assert app.collect_events(NOON).events == 1


def test_an_object_rewritten_with_the_same_size_is_read_again(lake_app: App) -> None:
    app = lake_app
    first, second = make_sends(app, 2)
    land(app, "ses", "a.json", [ses_record(first, "Delivery")])
    assert app.collect_events(NOON).events == 1
    land(app, "ses", "a.json", [ses_record(second, "Delivery")])
    assert app.collect_events(NOON).events == 1
    assert {event["send_id"] for event in events(app)} == {first, second}
    assert app.collect_events(NOON).objects == 0


def test_what_people_said_is_read_before_what_providers_say(lake_app: App) -> None:
    app = lake_app
    (send,) = make_sends(app, 1)
    for provider in ("ses", "edge", "sendgrid", "mailgun"):
        land(app, provider, "a.json", b"{}")
    app.store.write("landing/inbound/2026/11/20/a.eml", reply_mail(app, send))
    with app._collector.look() as collection:
        order = [item.key.split("/")[1:3] for item in collection.waiting()]
    assert order[:2] == [["events", "edge"], ["inbound", "2026"]]
    assert len(order) == 5

"""What the simulated recipients do is what `collect_events` understands: the whole way round, in every relay's words."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from leadmill.bootstrap import App
from leadmill.local.recipients import RunningWorld, WorldOptions
from tests.event_world import tag_of
from tests.integration.test_mail_world import KEY, NOBODY, edge, make_mail, send

RELAYS = {
    "smtp": ("ana@acme.example", {}),
    "ses": ("AKIAEXAMPLE", {"X_SES_MESSAGE_TAGS": "send_id={send_id}"}),
    "sendgrid": ("apikey", {"X_SMTPAPI": json.dumps({"unique_args": {"send_id": "{send_id}"}})}),
}


def send_by_every_relay(world: RunningWorld, first: int) -> None:
    for number, (login, headers) in enumerate(RELAYS.values(), start=first):
        filled = {name: value.replace("{send_id}", tag_of(number, KEY)) for name, value in headers.items()}
        assert send(world, make_mail(number, f"lead{number}@customer.example", **filled), login=login) == [""]


@pytest.mark.slow
def test_every_deed_of_a_recipient_ends_as_the_right_event(lake_app: App, tmp_path: Path) -> None:
    store = lake_app.store
    options = WorldOptions(folder=tmp_path, rates=NOBODY, speed=1e6, human_floor=0.2, requests_per_second=500)
    moods = {
        10: replace(NOBODY, human_open=1.0, click=1.0, reply=1.0, unsubscribe=1.0, auto_reply=1.0),
        20: replace(NOBODY, machine_open=1.0, scanner=1.0),
        30: replace(NOBODY, hard_bounce_later=1.0),
        40: replace(NOBODY, soft_bounce=1.0),
        50: replace(NOBODY, complaint=1.0),
    }
    with edge(store, options) as url:
        for first, rates in moods.items():
            with RunningWorld(replace(options, rates=rates, edge_url=url), store) as world:
                send_by_every_relay(world, first)
                world.wait_until_quiet()
    counts = lake_app.collect_events(datetime.now(UTC))
    with lake_app.lake.connect(read_only=True) as duck:
        rows = duck.execute(
            "select send_id, kind, coalesce(bounce_kind, ''), machine from lake.events group by all order by all"
        ).fetchall()
    found = {send_id: {row[1:] for row in rows if row[0] == send_id} for send_id in {row[0] for row in rows}}
    assert None not in found, counts
    people = {("opened", "", False), ("clicked", "", False), ("replied", "", False), ("auto_replied", "", False)}
    assert people <= found[10]
    carried = {("accepted", "", False), ("delivered", "", False)}
    for number in (11, 12):
        assert carried <= found[number]
    for number in (10, 11, 12):
        assert {("unsubscribed", "", False), ("replied", "", False)} <= found[number]
    for number in (20, 21, 22):
        assert {row[0] for row in found[number] if row[2]} == {"opened", "clicked"}
        assert not {row for row in found[number] if row[0] in ("opened", "clicked", "unsubscribed") and not row[2]}
    for number in (30, 31, 32):
        assert ("bounced", "hard", False) in found[number]
    for number in (40, 41):
        assert ("bounced", "soft", False) in found[number]
    # SendGrid's own word for a full mailbox is "blocked": soft or blocked, but never a dead address.
    assert {kind for word, kind, _ in found[42] if word == "bounced"} <= {"soft", "blocked"}
    for number in (50, 51, 52):
        assert ("complained", "", False) in found[number]
    assert list(store.list("quarantine/")) == []

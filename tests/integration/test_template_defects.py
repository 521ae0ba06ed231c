"""A template's defect stops its campaign and keeps its leads; one lead with an odd value is refused alone."""

from __future__ import annotations

import time

import pytest

from leadmill.bootstrap import App
from tests.recall_world import Relay, assert_books_balance
from tests.scripted_smtp import scripted
from tests.sending_world import (
    ANALYST,
    HTML,
    NOW,
    execute,
    later,
    make_campaign,
    make_lane,
    make_mailboxes,
    make_pool,
    people,
    states,
)
from tests.unit.test_time_budget import FILTERS, LOOPS

BROKEN = {
    "does not compile": "{% if %}" + HTML,
    "loops for minutes": LOOPS + HTML,
    "filters for minutes": FILTERS + HTML,
    "lacks a field that nobody has": "{{ shoe_size }}" + HTML,
    "fails for everybody": "{{ first_name * 2 }}" + HTML,
}


def _broken(app: App, html: str, count: int = 12) -> tuple[int, int]:
    """A campaign whose mails cannot be written, and one whose mails can, from the same mailbox."""
    pool = make_pool(app)
    make_mailboxes(app, 1)
    broken = make_campaign(app, pool, people(count), planned_at=NOW, audience_count=count)
    execute(app, "update ledger.variants set body_html = %s where campaign_id = %s", html, broken)
    return broken, make_campaign(app, pool, people(5, "other"), steps=2)


@pytest.mark.parametrize("defect", BROKEN)
def test_a_templates_defect_stops_its_campaign_and_burns_nobody(app: App, defect: str) -> None:
    relay = Relay()
    with scripted(relay.server) as port:
        lane = make_lane(app, port)
        broken, other = _broken(app, BROKEN[defect])
        began = time.thread_time()
        app.send_lane(lane, NOW, time_budget_seconds=20)
        assert time.thread_time() - began < 10
    assert states(app, broken) == {"planned": 12}
    assert states(app, other)["accepted"] == 5
    campaign = execute(app, "select status, status_reason from ledger.campaigns where campaign_id = %s", broken)[0]
    assert campaign["status"] == "paused"
    assert campaign["status_reason"].startswith("its mails cannot be written: Step 1, variant A: ")
    assert [alert.kind for alert in app.open_alerts()] == ["template_broke"]
    assert_books_balance(app)


def test_a_mended_template_goes_on_where_it_stood(app: App) -> None:
    relay = Relay()
    with scripted(relay.server) as port:
        lane = make_lane(app, port)
        broken, _ = _broken(app, BROKEN["lacks a field that nobody has"])
        app.send_lane(lane, NOW, time_budget_seconds=5)
        execute(app, """update ledger.leads set attributes = '{"shoe_size": "41"}'""")
        app.resume_campaign(ANALYST, broken, later(minutes=1), "sizes are there now")
        app.send_lane(lane, later(minutes=2), time_budget_seconds=5)
    assert states(app, broken) == {"accepted": 12}


def test_a_few_odd_leads_are_refused_alone(app: App) -> None:
    relay = Relay()
    with scripted(relay.server) as port:
        lane = make_lane(app, port)
        campaign, _ = _broken(app, HTML, count=30)
        execute(app, "update ledger.leads set first_name = '' where email like 'lead-%%5@people.test'")
        app.send_lane(lane, NOW, time_budget_seconds=5)
    assert states(app, campaign) == {"accepted": 27, "refused": 3}

"""A bounce that may pass delays the next mail; only one that is for good ends the sequence, unless the campaign says so."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from leadmill.bootstrap import App
from leadmill.domain.evidence import SOFT_BOUNCE_DELAY
from tests.event_world import NOON, SENT_AT, land, ledger_rows, make_sends, ses_record

FULL = {"status": "5.2.2"}
BLOCKED = {"status": "5.7.26"}


def _project(app: App, name: str, *records: Any) -> None:
    land(app, "ses", f"{name}.json", list(records))
    app.collect_events(NOON)
    app.project_events(NOON)
    app.plan_campaigns(NOON)


def _follow_up(app: App) -> dict[str, Any]:
    return ledger_rows(app, "select state, code, due_at from ledger.sends where step = 2")[0]


def _release(app: App, send: int) -> None:
    """What the acceptance does to the follow-up."""
    with app.database.transaction() as ledger:
        ledger.execute(
            "update ledger.sends set due_at = %s where step = 2 and state = 'planned'", (SENT_AT + timedelta(days=3),)
        )


@pytest.mark.parametrize("bounce", [FULL, BLOCKED], ids=["full", "blocked"])
def test_a_soft_bounce_delays_the_follow_up_by_a_week_once(lake_app: App, bounce: dict[str, Any]) -> None:
    (send,) = make_sends(lake_app, 1, steps=2)
    _release(lake_app, send)
    for name in ("a", "b"):
        at = NOON + timedelta(minutes=ord(name))
        _project(lake_app, name, ses_record(send, "Bounce", at=at, **bounce))
        found = _follow_up(lake_app)
        assert (found["state"], found["due_at"]) == ("planned", SENT_AT + timedelta(days=3) + SOFT_BOUNCE_DELAY)


def test_the_week_later_is_no_holiday_and_has_the_hour_of_the_leads_clock(lake_app: App) -> None:
    (send,) = make_sends(lake_app, 1, steps=2)
    friday = datetime(2026, 12, 18, 9, tzinfo=ZoneInfo("America/New_York"))  # a week later is Christmas
    with lake_app.database.transaction() as ledger:
        ledger.execute("update ledger.leads set country = 'US', time_zone = 'America/New_York'")
        ledger.execute("update ledger.campaigns set skips_holidays = true, weekdays = '{1,2,3,4,5}'")
        ledger.execute(
            "update ledger.sends set due_at = %s, window_ends_at = %s where step = 2",
            (friday, friday + timedelta(hours=4)),
        )
    lake_app.plan_campaigns(NOON)  # which learns the holidays
    _project(lake_app, "a", ses_record(send, "Bounce", **FULL))
    monday = friday + timedelta(days=10)
    found = ledger_rows(lake_app, "select due_at, window_ends_at from ledger.sends where step = 2")[0]
    assert (found["due_at"], found["window_ends_at"]) == (monday, monday + timedelta(hours=4))


def test_a_soft_bounce_that_comes_before_the_acceptance_releases_the_follow_up_late(lake_app: App) -> None:
    (send,) = make_sends(lake_app, 1, steps=2, state="claimed")
    with lake_app.database.transaction() as ledger:
        ledger.execute("update ledger.campaigns set timing = 'as_soon_as_possible'")
    _project(lake_app, "a", ses_record(send, "Bounce", **FULL))
    assert _follow_up(lake_app)["due_at"] == SENT_AT + timedelta(days=3) + SOFT_BOUNCE_DELAY


def test_a_hard_bounce_ends_the_sequence_also_when_a_soft_one_came_first(lake_app: App) -> None:
    (send,) = make_sends(lake_app, 1, steps=2)
    _release(lake_app, send)
    _project(lake_app, "a", ses_record(send, "Bounce", **FULL))
    assert _follow_up(lake_app)["state"] == "planned"
    _project(lake_app, "b", ses_record(send, "Bounce", at=NOON + timedelta(hours=1)))
    assert (_follow_up(lake_app)["state"], _follow_up(lake_app)["code"]) == ("cancelled", "bounced")


def test_a_campaign_that_ends_on_any_bounce_does(lake_app: App) -> None:
    (send,) = make_sends(lake_app, 1, steps=2)
    _release(lake_app, send)
    with lake_app.database.transaction() as ledger:
        ledger.execute("update ledger.campaigns set ends_on_any_bounce = true")
    _project(lake_app, "a", ses_record(send, "Bounce", **FULL))
    assert (_follow_up(lake_app)["state"], _follow_up(lake_app)["code"]) == ("cancelled", "bounced")

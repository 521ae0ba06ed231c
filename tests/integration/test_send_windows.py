"""Send-time windows on a real ledger and lake."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from leadmill.bootstrap import App
from leadmill.domain.send_time import DEFAULT_HOURS
from tests.scoring_history import NOW, add_events, add_leads, event


def windows(app: App) -> dict[int, dict]:
    with app.database.transaction() as ledger:
        rows = ledger.execute("select * from ledger.lead_windows order by lead_id").fetchall()
    return {row["lead_id"]: row for row in rows}


ZONES = [
    ({"time_zone": "Asia/Tokyo", "country": "DE"}, "Asia/Tokyo", "file", 0.98),
    ({"time_zone": "Mars/Olympus", "country": "DE"}, "Europe/Berlin", "country", 0.85),
    ({"country": "IN"}, "Asia/Kolkata", "country", 0.95),
    ({"country": "US"}, "America/New_York", "country", 0.5),
    ({"country": "US", "phone": "+1 (213) 555-0100"}, "America/Los_Angeles", "phone", 0.75),
    ({"country": "", "phone": "+91 22 5555 0100"}, "Asia/Kolkata", "phone", 0.75),
    ({"country": "", "phone": "+1 800 555 0100"}, "UTC", "default", 0.05),
    ({"country": "", "email_domain": "acme.fr"}, "Europe/Paris", "email_domain", 0.665),
    ({"country": "", "email_domain": "acme.co.uk"}, "Europe/London", "email_domain", 0.665),
    ({"country": "", "email_domain": "acme.io"}, "UTC", "default", 0.05),
]


def test_a_zone_comes_from_the_most_trustworthy_sign(lake_app: App) -> None:
    ids = [add_leads(lake_app, 1, first=n, **lead)[0] for n, (lead, *_) in enumerate(ZONES)]
    lake_app.plan_send_windows(as_of=NOW)
    found = windows(lake_app)
    for lead_id, (lead, zone, source, confidence) in zip(ids, ZONES, strict=True):
        row = found[lead_id]
        assert (row["time_zone"], row["zone_source"]) == (zone, source), lead
        assert row["zone_confidence"] == pytest.approx(confidence), lead


def test_with_nothing_known_the_default_hours_hold(lake_app: App) -> None:
    (lead_id,) = add_leads(lake_app, 1)
    counts = lake_app.plan_send_windows(as_of=NOW)
    row = windows(lake_app)[lead_id]
    assert (row["basis"], row["local_hours"]) == ("default", list(DEFAULT_HOURS))
    assert counts.by_basis == {"default": 1}
    assert counts.by_zone_source == {"country": 1}


def history(
    leads: list[int], hour: int, *, every: int = 1, kind: str = "clicked", machine: bool = False, sends_from: int = 0
) -> list[dict]:
    """Each lead delivered on four Mondays at `hour` UTC; every n-th acts on each of them."""
    mondays = [datetime(2026, 5, day, hour, 10, tzinfo=UTC) for day in (4, 11, 18, 25)]
    rows = []
    for number, at in enumerate(mondays):
        for lead in leads:
            send = {"send_id": lead * 10 + sends_from + number}
            rows += [event(lead, "delivered", at, **send)]
            if lead % every == 0:
                rows += [event(lead, kind, at + timedelta(minutes=20), machine=machine, **send)]
    return rows


def test_the_pool_learns_the_hour_and_a_lead_without_history_profits(lake_app: App) -> None:
    known = add_leads(lake_app, 100)
    (fresh,) = add_leads(lake_app, 1, first=500)
    add_events(lake_app, history(known, hour=8, every=10) + history(known, hour=17, every=2, sends_from=5))
    lake_app.plan_send_windows(as_of=NOW)
    row = windows(lake_app)[fresh]
    assert row["basis"] == "pooled_history"
    assert row["local_hours"][0] == 19  # Monday 17:00 UTC is 19:00 in Berlin's summer
    assert 10 not in row["local_hours"]  # Monday morning was tried, and did worse than the mean


def test_a_leads_own_history_goes_before_the_pools(lake_app: App) -> None:
    many = add_leads(lake_app, 100)
    (owl,) = add_leads(lake_app, 1, first=500)
    add_events(lake_app, history(many, hour=8, every=5) + history([owl], hour=20, kind="replied"))
    counts = lake_app.plan_send_windows(as_of=NOW)
    row = windows(lake_app)[owl]
    assert (row["basis"], row["local_hours"][0]) == ("own_history", 22)
    assert counts.by_basis == {"own_history": 21, "pooled_history": 80}


def test_machine_opens_teach_no_hour(lake_app: App) -> None:
    leads = add_leads(lake_app, 100)
    add_events(lake_app, history(leads, hour=3, kind="opened", machine=True))
    assert lake_app.plan_send_windows(as_of=NOW).by_basis == {"default": 100}


def test_what_happened_after_as_of_moves_no_window(lake_app: App) -> None:
    leads = add_leads(lake_app, 100)
    add_events(lake_app, history(leads, hour=17))
    assert lake_app.plan_send_windows(as_of=datetime(2026, 5, 1, tzinfo=UTC)).by_basis == {"default": 100}


def test_planning_the_same_as_of_again_changes_nothing(lake_app: App) -> None:
    leads = add_leads(lake_app, 100)
    add_events(lake_app, history(leads, hour=17))
    first = lake_app.plan_send_windows(as_of=NOW)
    before = windows(lake_app)
    again = lake_app.plan_send_windows(as_of=NOW)
    assert (first.changed, again.changed, again.planned) == (100, 0, 100)
    assert windows(lake_app) == before
    with lake_app.lake.connect(read_only=True) as duck:
        assert duck.execute("select count(*) from lake.lead_windows").fetchone() == (100,)

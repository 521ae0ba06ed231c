"""Scores on a real ledger and lake: what was known at `as_of`, and the base rate until history is enough."""

from __future__ import annotations

import math
import threading
from datetime import datetime, timedelta

import pytest

from leadmill.adapters.lake.scoring import FeatureTables
from leadmill.bootstrap import App
from leadmill.domain.lead_score import BASE_RATE_MODEL, NOT_ENOUGH_HISTORY
from tests.scoring_history import NOW, add_events, add_leads, delivered_and_answered, event

LONG_AGO = NOW - timedelta(days=20)


def scores(app: App) -> dict[int, dict]:
    with app.database.transaction() as ledger:
        rows = ledger.execute("select * from ledger.lead_scores order by lead_id").fetchall()
    return {row["lead_id"]: row for row in rows}


def lake_rows(app: App) -> int:
    with app.lake.connect(read_only=True) as duck:
        return duck.execute("select count(*) from lake.lead_scores").fetchone()[0]


def features_at(app: App, as_of: datetime) -> list[dict[str, float]]:
    """Features per lead, NaN as None, since NaN never equals itself."""
    with app.lake.connect() as duck:
        list(FeatureTables(duck, as_of=as_of).vectors(("employees",)))
        rows = duck.execute("select * from feature_rows order by lead_id").to_arrow_table().to_pylist()
    return [{name: None if math.isnan(value) else value for name, value in row.items()} for row in rows]


@pytest.fixture
def seasoned(lake_app: App) -> tuple[App, list[int]]:
    """600 leads that were mailed, 60 of which clicked, and 5 that were never mailed."""
    mailed = add_leads(lake_app, 600)
    fresh = add_leads(lake_app, 5, first=1001, employee_count=None, job_title="", email_domain="gmail.com")
    add_events(lake_app, delivered_and_answered(mailed, answered=60, at=LONG_AGO))
    return lake_app, mailed + fresh


def test_without_history_every_lead_gets_the_base_rate_and_is_told_so(lake_app: App) -> None:
    leads = add_leads(lake_app, 3)
    counts = lake_app.score_leads(as_of=NOW)
    assert (counts.model, counts.is_base_rate, counts.scored) == (BASE_RATE_MODEL, True, 3)
    found = scores(lake_app)
    assert set(found) == set(leads)
    rates = [row["probability"] for row in found.values()]
    assert rates == pytest.approx([lake_app.lead_model.base_rate] * 3, abs=0.001)
    assert all(row["is_base_rate"] and row["reasons"][0]["label"] == NOT_ENOUGH_HISTORY for row in found.values())


def test_the_base_rate_moves_towards_what_was_observed(lake_app: App) -> None:
    leads = add_leads(lake_app, 200)
    add_events(lake_app, delivered_and_answered(leads, answered=100, at=LONG_AGO))
    counts = lake_app.score_leads(as_of=NOW)
    assert counts.is_base_rate
    assert lake_app.lead_model.base_rate < counts.mean_probability < 0.5


def test_with_history_those_who_answered_rank_first_and_the_level_is_the_observed_one(
    seasoned: tuple[App, list[int]],
) -> None:
    app, leads = seasoned
    counts = app.score_leads(as_of=NOW)
    assert (counts.model, counts.is_base_rate, counts.delivered_leads) == (app.lead_model.name, False, 600)
    found = scores(app)
    assert len(found) == len(leads)
    answered, silent = found[leads[0]], found[leads[100]]
    assert answered["probability"] > 1.5 * silent["probability"]
    assert answered["reasons"][0]["effect"] > 0
    labels = {reason["label"] for reason in answered["reasons"]}
    assert any("Clicked by a person" in label or "Answered in the last" in label for label in labels)


def test_a_lead_without_events_gets_its_firmographic_score(seasoned: tuple[App, list[int]]) -> None:
    app, leads = seasoned
    app.score_leads(as_of=NOW)
    fresh = scores(app)[leads[-1]]
    assert not fresh["is_base_rate"]
    assert fresh["reasons"]


def test_what_happened_after_as_of_is_not_seen(seasoned: tuple[App, list[int]]) -> None:
    app, leads = seasoned
    before = features_at(app, NOW)
    later = NOW + timedelta(minutes=1)
    add_events(app, [event(leads[300], "clicked", later), event(leads[300], "replied", later)])
    # It had happened, but nobody knew yet: the provider told us a day later.
    add_events(app, [event(leads[301], "clicked", LONG_AGO, collected_at=NOW + timedelta(days=1))])
    assert features_at(app, NOW) == before
    after = features_at(app, NOW + timedelta(days=2))
    assert [row["clicked_365d"] for row in after][300:302] == [1.0, 1.0]


def test_a_lead_that_came_after_as_of_gets_no_score(lake_app: App) -> None:
    add_leads(lake_app, 1, created_at=NOW + timedelta(seconds=1))
    assert lake_app.score_leads(as_of=NOW).scored == 0


def test_machines_never_count_as_an_answer(lake_app: App) -> None:
    leads = add_leads(lake_app, 600)
    rows = [event(lead, "delivered", LONG_AGO) for lead in leads]
    rows += [event(lead, kind, LONG_AGO, machine=True) for lead in leads for kind in ("opened", "clicked")]
    add_events(lake_app, rows)
    counts = lake_app.score_leads(as_of=NOW)
    assert (counts.delivered_leads, counts.responded_leads, counts.is_base_rate) == (600, 0, True)


def test_the_same_as_of_again_changes_nothing(seasoned: tuple[App, list[int]]) -> None:
    app, _ = seasoned
    first = app.score_leads(as_of=NOW)
    before, kept = scores(app), lake_rows(app)
    again = app.score_leads(as_of=NOW)
    assert first.changed == first.scored == kept
    assert (again.changed, again.scored) == (0, first.scored)
    assert (scores(app), lake_rows(app)) == (before, kept)


def test_two_runs_at_once_write_each_score_once(seasoned: tuple[App, list[int]]) -> None:
    app, leads = seasoned
    threads = [threading.Thread(target=app.score_leads, kwargs={"as_of": NOW}) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lake_rows(app) == len(leads) == len(scores(app))


def test_an_older_run_never_overwrites_a_newer_one(seasoned: tuple[App, list[int]]) -> None:
    app, _ = seasoned
    app.score_leads(as_of=NOW)
    before = scores(app)
    late = app.score_leads(as_of=NOW - timedelta(days=30))
    assert late.is_stale
    assert scores(app) == before


def test_an_erased_lead_is_not_scored(lake_app: App) -> None:
    leads = add_leads(lake_app, 2)
    with lake_app.database.transaction() as ledger:
        ledger.execute("update ledger.leads set erased_at = %s where lead_id = %s", (NOW, leads[0]))
    lake_app.score_leads(as_of=NOW)
    assert set(scores(lake_app)) == {leads[1]}


def test_scoring_is_due_for_new_leads_at_once_and_else_after_a_while(lake_app: App) -> None:
    add_leads(lake_app, 1)
    assert lake_app.scores_are_due(as_of=NOW, at_most_every_minutes=60)
    lake_app.score_leads(as_of=NOW)
    assert not lake_app.scores_are_due(as_of=NOW + timedelta(minutes=59), at_most_every_minutes=60)
    assert lake_app.scores_are_due(as_of=NOW + timedelta(minutes=60), at_most_every_minutes=60)
    add_leads(lake_app, 1, first=2)
    assert lake_app.scores_are_due(as_of=NOW + timedelta(minutes=1), at_most_every_minutes=60)

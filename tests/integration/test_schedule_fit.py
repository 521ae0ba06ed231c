"""Pre-flight says whether a campaign fits into its pool's days, beside the others and before its end."""

from __future__ import annotations

from datetime import timedelta

from leadmill.bootstrap import App
from leadmill.domain.contact_rules import ContactRules
from leadmill.ports.campaigns import Check
from tests.campaign_world import ANALYST, NOW, execute, make_draft, make_leads, make_pool, set_organisation
from tests.sending_world import make_campaign


def capacity(app: App, pool: int, **changes: object) -> Check:
    campaign = app.create_campaign(ANALYST, make_draft(pool, **changes), NOW)
    return next(each for each in app.preflight(campaign, NOW) if each.name == "capacity")


def test_a_campaign_alone_is_told_when_it_is_done_with_its_waits(app: App) -> None:
    make_leads(app, 101)
    set_organisation(app)
    pool = make_pool(app)
    check = capacity(app, pool)
    assert check.result == "ok"
    assert "202 mails take about 3 days if nothing else is sent, done about " in check.message
    assert "fits" not in check.message


def test_a_campaign_that_does_not_fit_is_told_how_many_mails_would_be_left_and_what_to_do(app: App) -> None:
    make_leads(app, 101)
    set_organisation(app)
    pool = make_pool(app)
    check = capacity(app, pool, ends_at=NOW + timedelta(days=2))
    assert check.result == "warning"
    assert "does not fit: about 101 of 202 mails would be left" in check.message
    assert "end later, add mailboxes." in check.advice
    check = capacity(app, pool, ends_at=NOW + timedelta(days=20))
    assert (check.result, "It fits before its end" in check.message) == ("ok", True)


def test_the_others_that_run_in_the_pool_count_by_what_they_have_left_and_their_weight(app: App) -> None:
    make_leads(app, 80)
    set_organisation(app)
    pool = make_pool(app)
    execute(app, "update ledger.mailboxes set daily_limit = 10")
    end = {"ends_at": NOW + timedelta(days=14), "contacts": ContactRules(leave_out_in_sequence=False)}
    assert capacity(app, pool, **end).result == "ok"
    everybody = [f"lead{number}@people{number % 7}.test" for number in range(80)]
    make_campaign(app, pool, everybody, steps=3, weight=4.0)
    beside = capacity(app, pool, **end)
    assert beside.result == "warning"
    assert "beside 1 running campaign with 240 mails to come its share is 20% at first" in beside.message
    assert "give it a larger share" in beside.advice
    execute(app, "update ledger.campaigns set status = 'paused' where status = 'running'")
    beside = capacity(app, pool, **end)
    assert (
        "beside 1 paused campaign (as if resumed now) with 240 mails to come its share is 20% at first"
        in beside.message
    )
    end["ends_at"] = NOW + timedelta(days=60)
    assert capacity(app, pool, weight=4.0, **end).result == "ok"


def test_a_campaign_that_was_approved_and_is_not_planned_yet_is_told_of(app: App) -> None:
    make_leads(app, 20)
    set_organisation(app)
    pool = make_pool(app)
    other = app.create_campaign(ANALYST, make_draft(pool), NOW)
    assert "approved a moment ago" not in capacity(app, pool).message
    execute(app, "update ledger.campaigns set status = 'approved' where campaign_id = %s", other)
    assert "1 campaign was approved a moment ago and not counted yet" in capacity(app, pool).message

"""Pre-flight says whether a campaign fits into its pool's days, beside the others and before its end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from leadmill.bootstrap import App
from leadmill.domain.campaigns import Timing
from leadmill.domain.contact_rules import ContactRules
from leadmill.domain.send_days import SendDays
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


SUNDAYS = SendDays(weekdays=(7,))


def test_a_campaign_of_sundays_with_a_follow_up_needs_two_of_them(app: App) -> None:
    make_leads(app, 10)
    set_organisation(app)
    pool = make_pool(app)
    check = capacity(app, pool, send_days=SUNDAYS, ends_at=NOW + timedelta(days=9))
    assert check.result == "warning", check
    assert "20 mails take about 1 of its sending days if nothing else is sent, done about 15 Mar 2026" in check.message
    assert "about 10 of 20 mails would be left" in check.message, "their second Sunday lies past the end"
    check = capacity(app, pool, send_days=SUNDAYS, ends_at=NOW + timedelta(days=15))
    assert (check.result, "It fits before its end" in check.message) == ("ok", True)


def test_what_a_sunday_cannot_take_waits_for_the_next_and_others_use_the_days_between(app: App) -> None:
    leads = make_leads(app, 120)
    set_organisation(app)
    pool = make_pool(app)  # 80 mails a day
    draft = {"contacts": ContactRules(leave_out_in_sequence=False)}
    make_campaign(app, pool, [f"lead{number}@people{number % 7}.test" for number in range(len(leads))], steps=1)
    execute(app, "update ledger.campaigns set weekdays = '{7}'")
    both = capacity(app, pool, **draft)
    assert "beside 1 running campaign with 120 mails to come" in both.message
    assert "done about 6 Mar 2026" in both.message, "the other rests until Sunday"
    execute(app, "update ledger.campaigns set weekdays = '{1,2,3,4,5,6,7}'")
    assert "done about 7 Mar 2026" in capacity(app, pool, **draft).message


def test_holidays_of_the_leads_country_put_the_end_off(app: App) -> None:
    make_leads(app, 10)
    set_organisation(app)
    pool = make_pool(app)
    week = {
        "send_days": SendDays(weekdays=None, skips_holidays=True),
        "starts_at": datetime(2026, 3, 31, 8, tzinfo=UTC),
    }
    assert "done about 7 Apr 2026" in capacity(app, pool, **week).message, "three days later is Good Friday"
    execute(app, "update ledger.leads set country = 'FR' where lead_id %% 10 <> 0")
    assert "done about 3 Apr 2026" in capacity(app, pool, **week).message, "nine in ten work on that day"


def test_follow_ups_of_best_times_come_as_late_as_first_mails_do(app: App) -> None:
    leads = make_leads(app, 20)
    set_organisation(app)
    pool = make_pool(app)
    for number, lead_id in enumerate(leads):
        execute(
            app,
            "insert into ledger.lead_windows (lead_id, time_zone, zone_source, zone_confidence, local_hours, confidence,"
            " basis, as_of) values (%s, 'UTC', 'file', 1, %s, 1, 'own_history', %s)",
            lead_id,
            [33 if number % 2 else 57],  # Tuesday or Wednesday, at 9
            NOW,
        )
    check = capacity(app, pool, timing=Timing.BEST_TIME, send_days=SendDays(weekdays=(2, 3)))
    assert "done about 11 Mar 2026" in check.message, "Wednesday's people get their second mail on a Wednesday"

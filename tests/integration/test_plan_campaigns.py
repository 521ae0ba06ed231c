"""Planning on a real ledger: who gets a row, when it is due, and that it happens once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from leadmill.bootstrap import App
from leadmill.domain.campaigns import CampaignStatus, Step, Timing, Variant
from leadmill.domain.segments import Segment
from leadmill.domain.sends import SendState
from leadmill.errors import NotFound
from leadmill.sql import query
from tests.campaign_world import (
    ADMIN,
    ANALYST,
    HTML,
    NOW,
    approved_campaign,
    execute,
    make_draft,
    make_lead,
    make_leads,
    make_pool,
    sends,
    set_organisation,
    suppress,
)


def test_a_plan_has_one_row_per_step_and_lead(app: App) -> None:
    leads = make_leads(app, 5)
    campaign_id = approved_campaign(app)
    counts = app.plan_campaigns(NOW)
    rows = sends(app, campaign_id)
    assert (counts["campaigns"], counts["rows"]) == (1, 10)
    assert [(row["step"], row["lead_id"]) for row in rows] == [(step, lead) for step in (1, 2) for lead in leads]
    assert all(row["due_at"] == NOW for row in rows if row["step"] == 1)
    assert all(row["due_at"] is None for row in rows if row["step"] == 2)
    assert app.campaign(campaign_id).status is CampaignStatus.RUNNING


def test_planning_twice_plans_once(app: App) -> None:
    make_leads(app, 4)
    campaign_id = approved_campaign(app)
    app.plan_campaigns(NOW, campaign_id=campaign_id)
    again = app.plan_campaigns(NOW, campaign_id=campaign_id)
    assert (again["campaigns"], again["rows"]) == (0, 0)
    assert len(sends(app, campaign_id)) == 8


def test_planning_at_once_plans_once(app: App) -> None:
    make_leads(app, 50)
    campaign_id = approved_campaign(app)
    with ThreadPoolExecutor(4) as pool:
        rounds = list(pool.map(lambda _: app.plan_campaigns(NOW), range(4)))
    assert sum(counts["rows"] for counts in rounds) == 100
    assert sum(counts["campaigns"] for counts in rounds) == 1
    assert len(sends(app, campaign_id)) == 100


def test_who_is_left_out_is_counted_by_reason_and_gets_no_row(app: App) -> None:
    kept = make_lead(app, "kept@a.test")
    make_lead(app, "out@a.test")
    suppress(app, "out@a.test")
    make_lead(app, "cold@a.test", legal_basis="legitimate_interest")
    make_lead(app, "gone@a.test", erased_at=NOW)
    twin = make_lead(app, "twin+news@a.test")
    make_lead(app, "twin@a.test")
    set_organisation(app)
    pool_id = make_pool(app, "ses", provider="ses")
    campaign_id = app.create_campaign(ANALYST, make_draft(pool_id), NOW)
    preview = app.audience_preview(Segment(), pool_id)
    app.approve_campaign(ANALYST, campaign_id, NOW)
    app.plan_campaigns(NOW)
    expected = {"suppressed": 1, "policy": 1, "erased": 1, "duplicate": 1}
    assert (preview.matched, preview.will_be_mailed, preview.left_out) == (6, 2, expected)
    detail = app.campaign(campaign_id)
    assert (detail.audience_count, detail.left_out) == (6, expected)
    assert {row["lead_id"] for row in sends(app, campaign_id)} == {kept, twin}
    assert app.conservation(campaign_id).holds


def test_who_unsubscribed_gets_nothing_under_an_alias_of_the_same_inbox_but_a_bounce_bars_one_address(app: App) -> None:
    make_lead(app, "john.doe@gmail.com")
    make_lead(app, "johndoe+x@gmail.com")
    make_lead(app, "dead+old@a.test")
    alive = make_lead(app, "dead@a.test")
    suppress(app, "john.doe@gmail.com")
    suppress(app, "dead+old@a.test", "hard_bounced")
    campaign_id = approved_campaign(app)
    app.plan_campaigns(NOW)
    assert {row["lead_id"] for row in sends(app, campaign_id)} == {alive}
    assert app.campaign(campaign_id).left_out == {"suppressed": 3}


@pytest.mark.parametrize("reason", ["unsubscribed", "complained", "manual", "imported"])
def test_planned_sends_to_an_alias_are_withdrawn_when_the_person_opts_out(app: App, reason: str) -> None:
    make_lead(app, "johndoe+x@gmail.com")
    campaign_id = approved_campaign(app)
    app.plan_campaigns(NOW)
    suppress(app, "john.doe@gmail.com", reason)
    app.plan_campaigns(NOW)
    assert {(row["state"], row["code"]) for row in sends(app, campaign_id)} == {(SendState.SUPPRESSED, reason)}


def test_own_smtp_pools_may_mail_legitimate_interest(app: App) -> None:
    make_lead(app, "cold@a.test", legal_basis="legitimate_interest", country="US")
    assert app.audience_preview(Segment(), make_pool(app)).will_be_mailed == 1


def test_variants_follow_their_weights_and_stay_the_same(app: App) -> None:
    make_leads(app, 400)
    step = Step((Variant("A", "Hello", HTML, weight=3), Variant("B", "Good news", HTML, weight=1)))
    campaign_id = approved_campaign(app, steps=(step,))
    app.plan_campaigns(NOW)
    variants = app.campaign(campaign_id).variant_ids
    first = sum(row["variant_id"] == variants[1, "A"] for row in sends(app, campaign_id))
    assert 260 <= first <= 340
    assigned = {row["lead_id"]: row["variant_id"] for row in sends(app, campaign_id)}
    execute(app, "delete from ledger.sends")
    execute(app, "update ledger.campaigns set status = 'approved', planned_at = null")
    app.plan_campaigns(NOW)
    assert {row["lead_id"]: row["variant_id"] for row in sends(app, campaign_id)} == assigned


def test_the_best_score_goes_first(app: App) -> None:
    low, high = make_leads(app, 2)
    for lead, probability in ((low, 0.1), (high, 0.7)):
        execute(
            app,
            "insert into ledger.lead_scores (lead_id, probability, model, as_of) values (%s, %s, 'm', %s)",
            lead,
            probability,
            NOW,
        )
    campaign_id = approved_campaign(app)
    app.plan_campaigns(NOW)
    priorities = {row["lead_id"]: row["priority"] for row in sends(app, campaign_id)}
    assert priorities[high] == pytest.approx(0.7)
    assert priorities[low] == pytest.approx(0.1)


def set_window(app: App, lead_id: int, zone: str, hours: list[int]) -> None:
    execute(
        app,
        "insert into ledger.lead_windows (lead_id, time_zone, zone_source, zone_confidence, local_hours, confidence,"
        " basis, as_of) values (%s, %s, 'country', 0.9, %s, 0.5, 'pooled_history', %s)",
        lead_id,
        zone,
        hours,
        NOW,
    )


def due_by_lead(app: App, campaign_id: int) -> dict[int, tuple[datetime, datetime | None]]:
    return {row["lead_id"]: (row["due_at"], row["window_ends_at"]) for row in sends(app, campaign_id, "step = 1")}


def test_best_time_is_the_next_best_hour_where_the_lead_lives(app: App) -> None:
    tokyo, berlin, open_now = make_leads(app, 3)
    set_window(app, tokyo, "Asia/Tokyo", [24 + 9])  # Tuesday 9:00 = Tuesday 0:00 UTC
    set_window(app, berlin, "Europe/Berlin", [10, 11, 5 * 24 + 3])  # Monday 10:00 = Monday 9:00 UTC
    set_window(app, open_now, "UTC", [8, 9])
    campaign_id = approved_campaign(app, timing=Timing.BEST_TIME)
    app.plan_campaigns(NOW + timedelta(minutes=20))
    due = due_by_lead(app, campaign_id)
    assert due[tokyo] == (datetime(2026, 3, 3, 0, tzinfo=UTC), datetime(2026, 3, 3, 1, tzinfo=UTC))
    assert due[berlin] == (datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 2, 11, tzinfo=UTC))
    assert due[open_now] == (NOW + timedelta(minutes=20), datetime(2026, 3, 2, 10, tzinfo=UTC))


def test_a_fixed_local_hour_is_that_hour_everywhere(app: App) -> None:
    new_york, kolkata, unknown = make_leads(app, 3)
    set_window(app, new_york, "America/New_York", [1])
    set_window(app, kolkata, "Asia/Kolkata", [1])
    execute(app, "update ledger.leads set time_zone = 'Nowhere/Land' where lead_id = %s", unknown)
    campaign_id = approved_campaign(app, timing=Timing.LOCAL_TIME, send_hour=9)
    app.plan_campaigns(NOW)
    due = {lead: at for lead, (at, _) in due_by_lead(app, campaign_id).items()}
    assert due[new_york] == datetime(2026, 3, 2, 14, tzinfo=UTC)
    assert due[kolkata] == datetime(2026, 3, 3, 3, 30, tzinfo=UTC)
    assert due[unknown] == datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_utc_time_waits_for_the_start(app: App) -> None:
    make_leads(app, 1)
    start = NOW + timedelta(days=2, minutes=30)
    campaign_id = approved_campaign(app, timing=Timing.UTC_TIME, starts_at=start)
    app.plan_campaigns(NOW)
    assert [row["due_at"] for row in sends(app, campaign_id, "step = 1")] == [start]


def accept(app: App, send_id: int, at: datetime) -> None:
    execute(app, "update ledger.sends set state = 'accepted', accepted_at = %s where send_id = %s", at, send_id)


def release(app: App, send_ids: list[int], at: datetime) -> list[dict]:
    with app.database.transaction() as connection:
        values = {"send_ids": send_ids, "as_of": at}
        return connection.execute(query("ledger/follow_ups", "release_follow_ups"), values).fetchall()


def test_a_follow_up_becomes_due_days_after_the_step_before_was_accepted(app: App) -> None:
    make_leads(app, 2)
    campaign_id = approved_campaign(app)
    app.plan_campaigns(NOW)
    first = sends(app, campaign_id, "step = 1")[0]
    accepted_at = NOW + timedelta(hours=5)
    accept(app, first["send_id"], accepted_at)
    released = release(app, [row["send_id"] for row in sends(app, campaign_id, "step = 1")], accepted_at)
    assert [row["due_at"] for row in released] == [accepted_at + timedelta(days=3)]
    assert release(app, [first["send_id"]], accepted_at + timedelta(hours=1)) == []


def test_upkeep_releases_what_a_crash_forgot(app: App) -> None:
    make_leads(app, 1)
    campaign_id = approved_campaign(app)
    app.plan_campaigns(NOW)
    accept(app, sends(app, campaign_id, "step = 1")[0]["send_id"], NOW)
    assert app.plan_campaigns(NOW + timedelta(minutes=15))["released"] == 1
    assert app.plan_campaigns(NOW + timedelta(minutes=30))["released"] == 0
    assert [row["due_at"] for row in sends(app, campaign_id, "step = 2")] == [NOW + timedelta(days=3)]


def test_a_cause_cancels_the_steps_behind_and_nothing_else(app: App) -> None:
    make_leads(app, 2)
    campaign_id = approved_campaign(app)
    app.plan_campaigns(NOW)
    first, other = sends(app, campaign_id, "step = 1")
    accept(app, first["send_id"], NOW)
    with app.database.transaction() as connection:
        values = {"send_ids": [first["send_id"]], "as_of": NOW, "cause": "replied"}
        cancelled = connection.execute(query("ledger/follow_ups", "cancel_follow_ups"), values).fetchall()
    assert len(cancelled) == 1
    states = {(row["lead_id"], row["step"]): (row["state"], row["code"]) for row in sends(app, campaign_id)}
    assert states[first["lead_id"], 2] == ("cancelled", "replied")
    assert states[other["lead_id"], 2] == ("planned", None)


@pytest.mark.parametrize("state", ["refused", "bounced", "complained", "lost", "expired"])
def test_steps_behind_one_that_never_arrives_are_cancelled(app: App, state: str) -> None:
    make_leads(app, 1)
    third = Step((Variant("A", "Last", HTML),), delay_days=1)
    draft = make_draft(None)
    campaign_id = approved_campaign(app, steps=(*draft.steps, third))
    app.plan_campaigns(NOW)
    execute(app, "update ledger.sends set state = %s where step = 1", state)
    counts = app.plan_campaigns(NOW + timedelta(minutes=15))
    assert (counts["orphaned"], counts["finished"]) == (2, 1)
    assert [row["code"] for row in sends(app, campaign_id, "step > 1")] == [f"after_{state}", "after_cancelled"]


def test_a_new_suppression_reaches_planned_sends(app: App) -> None:
    lead = make_lead(app, "late@a.test")
    campaign_id = approved_campaign(app)
    app.plan_campaigns(NOW)
    suppress(app, "late@a.test", "complained")
    assert app.plan_campaigns(NOW + timedelta(minutes=15))["suppressed"] == 2
    assert {(row["lead_id"], row["state"], row["code"]) for row in sends(app, campaign_id)} == {
        (lead, "suppressed", "complained")
    }


def test_a_narrowed_policy_withdraws_planned_sends(app: App) -> None:
    make_lead(app, "cold@a.test", legal_basis="legitimate_interest", country="US")
    campaign_id = approved_campaign(app)
    app.plan_campaigns(NOW)
    pool_id = app.campaign(campaign_id).draft.pool_id
    assert pool_id
    app.set_pool_policy(ADMIN, pool_id, ["consent"], NOW)
    assert {row["state"] for row in sends(app, campaign_id)} == {"suppressed"}


def test_what_is_not_out_by_the_end_expires_and_the_campaign_finishes(app: App) -> None:
    make_leads(app, 3)
    campaign_id = approved_campaign(app, ends_at=NOW + timedelta(days=1))
    app.plan_campaigns(NOW)
    counts = app.plan_campaigns(NOW + timedelta(days=1))
    assert (counts["expired"], counts["finished"]) == (6, 1)
    progress = app.campaign_progress(campaign_id)
    assert progress.status is CampaignStatus.FINISHED
    assert progress.conservation.by_state == {SendState.EXPIRED: 6}
    assert progress.conservation.holds


def test_a_campaign_with_an_open_send_is_not_finished(app: App) -> None:
    make_leads(app, 1)
    campaign_id = approved_campaign(app)
    app.plan_campaigns(NOW)
    execute(app, "update ledger.sends set state = 'cancelled' where step = 2")
    for state in ("claimed", "ambiguous"):
        execute(app, "update ledger.sends set state = %s where step = 1", state)
        assert app.plan_campaigns(NOW)["finished"] == 0
    execute(app, "update ledger.sends set state = 'delivered' where step = 1")
    assert app.plan_campaigns(NOW)["finished"] == 1
    assert app.campaign(campaign_id).finished_at == NOW


def test_a_missed_window_moves_to_the_next_one(app: App) -> None:
    (lead,) = make_leads(app, 1)
    set_window(app, lead, "UTC", [10, 34])
    campaign_id = approved_campaign(app, timing=Timing.BEST_TIME)
    app.plan_campaigns(NOW)
    assert app.plan_campaigns(NOW + timedelta(hours=2))["rolled"] == 0
    assert app.plan_campaigns(NOW + timedelta(hours=3))["rolled"] == 1
    assert due_by_lead(app, campaign_id)[lead][0] == datetime(2026, 3, 3, 10, tzinfo=UTC)


def test_an_empty_audience_finishes_at_once(app: App) -> None:
    make_lead(app, "one@a.test")
    campaign_id = approved_campaign(app)
    suppress(app, "one@a.test")
    app.plan_campaigns(NOW)
    assert app.campaign(campaign_id).status is CampaignStatus.FINISHED
    assert app.conservation(campaign_id).holds


def test_planning_an_unknown_campaign_says_so(app: App) -> None:
    with pytest.raises(NotFound, match="no campaign 77"):
        app.plan_campaigns(NOW, campaign_id=77)

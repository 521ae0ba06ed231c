"""Guardrails on the real ledger: every stop keeps its evidence, domains follow their mailboxes, contents are read."""

from __future__ import annotations

from datetime import timedelta

import pytest

from leadmill.bootstrap import App
from leadmill.domain.access import SYSTEM
from leadmill.domain.guardrails import Health
from leadmill.errors import Conflict, InputInvalid, NotAllowed, NotFound
from tests.event_world import NOON, land, make_sends, ses_record
from tests.sending_world import (
    ADMIN,
    ANALYST,
    NOW,
    VIEWER,
    execute,
    later,
    make_campaign,
    make_lane,
    make_mailboxes,
    make_pool,
    people,
)


@pytest.fixture
def pool(app: App) -> int:
    make_lane(app, 2525)
    return make_pool(app)


def health(app: App, mailbox_id: int, *, days_ago: int = 1, **counts: int) -> None:
    names, values = ", ".join(counts), list(counts.values())
    execute(
        app,
        f"insert into ledger.mailbox_health (mailbox_id, day, {names}) values (%s, %s{', %s' * len(values)})",
        mailbox_id, (NOW - timedelta(days=days_ago)).date(), *values,
    )  # fmt: skip


def domain_status(app: App) -> str:
    return execute(app, "select status from ledger.sending_domains")[0]["status"]


def complaints(app: App, campaign: int, mailbox_id: int, count: int) -> None:
    execute(
        app,
        "insert into ledger.complaints (send_id, campaign_id, mailbox_id, complained_at) select send_id, campaign_id, %s, %s"
        " from ledger.sends where campaign_id = %s order by send_id limit %s on conflict do nothing",
        mailbox_id, NOW, campaign, count,
    )  # fmt: skip


def test_a_few_bounces_in_a_row_pause_by_the_sequential_test_and_the_hold_says_why(app: App, pool: int) -> None:
    mailbox = make_mailboxes(app, 1)[0]
    health(app, mailbox, days_ago=2, accepted=40)
    health(app, mailbox, days_ago=1, accepted=40, hard_bounced=8)
    assert app.apply_guardrails(NOW)["paused"] == 1
    (hold,) = app.holds(NOW)
    assert (hold.subject_kind, hold.subject, hold.cause) == ("mailbox", "box0@brand.test", "evidence")
    assert hold.finding == "bounces_beyond_chance"
    assert hold.evidence["test_sent"] == 80
    assert hold.evidence["test_value"] >= hold.evidence["test_threshold"] == 40 * 30  # of this pool's month
    assert "more than chance explains" in hold.reason


def test_the_budget_is_a_setting(app: App, pool: int) -> None:
    mailbox = make_mailboxes(app, 10)[0]
    health(app, mailbox, accepted=40, hard_bounced=7)
    app.settings.false_pauses_per_month = 0.1  # 120,000 mails a false pause
    assert app.apply_guardrails(NOW)["paused"] == 0
    app.settings.false_pauses_per_month = 1.0
    assert app.apply_guardrails(NOW)["paused"] == 1


def test_late_and_repeated_rows_end_in_the_same_verdict(app: App, pool: int) -> None:
    first, second = make_mailboxes(app, 2)
    for mailbox, order in ((first, (3, 2, 1)), (second, (1, 3, 2))):
        for days_ago in order:
            health(app, mailbox, days_ago=days_ago, accepted=40, hard_bounced=3)
    found = {each.mailbox_id: each.days for each in app.sender_registry.health(as_of=NOW)}
    assert found[first] == found[second]
    assert len(found[first]) == 3


def test_evidence_from_before_a_release_does_not_pause_again(app: App, pool: int) -> None:
    mailbox = make_mailboxes(app, 1)[0]
    health(app, mailbox, accepted=80, hard_bounced=16)
    assert app.apply_guardrails(NOW)["paused"] == 1
    app.lift_pause(ADMIN, mailbox, reason="list cleaned", as_of=later(hours=1))
    assert app.apply_guardrails(later(hours=2))["paused"] == 0
    (hold,) = app.holds(NOW)
    assert (hold.ended_by, hold.end_reason, hold.ended_at) == (ADMIN.email, "list cleaned", later(hours=1))
    health(app, mailbox, days_ago=-1, accepted=40, hard_bounced=9)
    assert app.apply_guardrails(later(days=2))["paused"] == 1


def test_a_domain_pauses_with_half_of_its_mailboxes_but_not_for_those_paused_by_hand(app: App, pool: int) -> None:
    boxes = make_mailboxes(app, 4)
    app.pause_mailbox(ANALYST, boxes[0], reason="holiday", as_of=NOW)
    health(app, boxes[1], accepted=300, hard_bounced=30)
    assert app.apply_guardrails(NOW)["domains_paused"] == 0
    health(app, boxes[2], accepted=300, hard_bounced=30)
    assert app.apply_guardrails(later(minutes=1))["domains_paused"] == 1
    assert domain_status(app) == "paused"
    assert app.apply_guardrails(later(minutes=2))["domains_paused"] == 0
    hold = next(each for each in app.holds(NOW) if each.subject_kind == "domain")
    assert (hold.cause, hold.evidence) == ("evidence", {"mailboxes": 4, "stopped": 2})
    assert {"domain_paused", "mailbox_paused"} == {alert.kind for alert in app.open_alerts()}


def test_a_lifted_domain_is_paused_again_by_a_further_mailbox_only(app: App, pool: int) -> None:
    boxes = make_mailboxes(app, 2)
    health(app, boxes[0], accepted=300, hard_bounced=30)
    app.apply_guardrails(NOW)
    app.lift_domain_pause(ADMIN, "brand.test", reason="the other one is fine", as_of=later(hours=1))
    app.apply_guardrails(later(hours=2))
    assert domain_status(app) == "active"
    assert {state.mailbox.is_on_probation for state in app.mailboxes(NOW)} == {True}
    health(app, boxes[1], accepted=300, hard_bounced=30)
    app.apply_guardrails(later(hours=3))
    assert domain_status(app) == "paused"


def test_a_hold_says_whether_a_person_or_a_provider_stopped_it_and_ends_with_the_cool_down(app: App, pool: int) -> None:
    box = make_mailboxes(app, 1)[0]
    app.pause_mailbox(ANALYST, box, reason="holiday", as_of=NOW)
    app.pause_account(ANALYST, "own smtp", reason="new password", as_of=NOW)
    app.cool_down_domain("brand.test", reason="550 5.7.1", until=later(days=14), as_of=NOW)
    assert {(h.subject_kind, h.cause, h.began_by) for h in app.holds(NOW)} == {
        ("mailbox", "person", ANALYST.email), ("account", "person", ANALYST.email), ("domain", "provider", SYSTEM.email)
    }  # fmt: skip
    app.lift_account_pause(ADMIN, "own smtp", reason="it works", as_of=later(hours=1))
    app.open_lanes(later(days=14))
    assert [h.subject_kind for h in app.holds(later(days=14)) if h.ended_at is None] == ["mailbox"]
    assert app.mailboxes(later(days=14))[0].mailbox.is_on_probation


def test_one_complaint_asks_for_a_review_and_holds_nobody(app: App, pool: int) -> None:
    (box,) = make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(10))
    complaints(app, campaign, box, 1)
    assert app.apply_guardrails(NOW)["campaigns_held"] == 0
    (review,) = app.content_reviews()
    assert (review.campaign_id, review.complaints, review.is_held) == (campaign, 1, False)
    assert review.mailboxes == ("box0@brand.test",)
    (alert,) = app.open_alerts()
    assert (alert.kind, "1 spam complaint in" in alert.message) == ("content_review", True)


def test_a_doubtful_content_is_held_until_somebody_has_read_it_and_new_complaints_ask_again(
    app: App, pool: int
) -> None:
    (box,) = make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(10))
    complaints(app, campaign, box, 2)
    assert app.apply_guardrails(NOW)["campaigns_held"] == 1
    assert app.apply_guardrails(NOW)["campaigns_held"] == 0
    assert not app.send_ledger.claim("own smtp", worker="w", now=NOW, limit=5).sends
    held = app.explain_waiting(campaign, NOW)[0].sentence
    assert "held until somebody has read its content and confirmed it" in held
    assert "content review: 2 spam complaints" in held
    assert "resume it" not in held, "that is refused until then"
    with pytest.raises(InputInvalid):
        app.confirm_content(ANALYST, campaign, reason=" ", as_of=NOW)
    with pytest.raises(NotAllowed):
        app.confirm_content(VIEWER, campaign, reason="fine", as_of=NOW)
    assert app.confirm_content(ANALYST, campaign, reason="subject toned down", as_of=NOW)
    assert app.send_ledger.claim("own smtp", worker="w", now=NOW, limit=5).sends
    assert not app.open_alerts()
    app.apply_guardrails(later(hours=1))
    assert not app.content_reviews()
    complaints(app, campaign, box, 3)
    assert app.apply_guardrails(later(hours=2))["campaigns_held"] == 1
    with pytest.raises(NotFound):
        app.confirm_content(ANALYST, 999_999, reason="fine", as_of=NOW)


@pytest.mark.parametrize("was", ["running", "paused"])
def test_nobody_resumes_a_campaign_of_doubtful_content_past_its_review(app: App, pool: int, was: str) -> None:
    (box,) = make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(10), status=was, planned_at=NOW)
    complaints(app, campaign, box, 3)
    assert app.apply_guardrails(NOW)["campaigns_held"] == (was == "running")
    (review,) = app.content_reviews()
    assert review.is_held
    with pytest.raises(Conflict, match="read its content and confirm it"):
        app.resume_campaign(ANALYST, campaign, later(minutes=1), "looks fine")
    assert app.confirm_content(ANALYST, campaign, reason="read it", as_of=later(minutes=2)) is (was == "running")
    if was == "paused":
        app.resume_campaign(ANALYST, campaign, later(minutes=3), "go on")
    assert execute(app, "select status from ledger.campaigns") == [{"status": "running"}]


def test_a_campaign_that_a_person_paused_is_not_resumed_by_closing_its_review(app: App, pool: int) -> None:
    (box,) = make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(10), status="paused", status_reason="waits for legal")
    complaints(app, campaign, box, 3)
    app.apply_guardrails(NOW)
    assert not app.confirm_content(ANALYST, campaign, reason="fine", as_of=NOW)
    assert execute(app, "select status from ledger.campaigns")[0]["status"] == "paused"


def test_two_complaint_events_that_come_twice_pause_the_mailbox_and_hold_their_campaign_once(lake_app: App) -> None:
    app = lake_app
    first, second, *_ = make_sends(app, 6)
    for name in ("a.json", "b.json"):
        land(app, "ses", name, [ses_record(first, "Complaint"), ses_record(second, "Complaint")])
        app.collect_events(NOON)
        app.project_events(NOON)
        app.apply_guardrails(NOON)
    (review,) = app.content_reviews()
    assert (review.complaints, review.is_held, review.mails) == (2, True, 6)
    holds = [each for each in app.holds(NOON) if each.subject_kind == "mailbox"]
    assert {each.finding for each in holds} == {"complaint"}
    assert sum(each.evidence["complained"] for each in holds) == 2


def test_what_people_were_told_of_a_cool_down_closes_with_it(app: App, pool: int) -> None:
    make_mailboxes(app, 1)
    app.cool_down_domain("brand.test", reason="spam block", until=later(days=14), as_of=NOW)
    app.open_lanes(later(days=13))
    assert [alert.kind for alert in app.open_alerts()] == ["domain_cooling_down"]
    app.open_lanes(later(days=14))
    assert app.open_alerts() == []
    assert domain_status(app) == "active"


def test_warnings_close_by_themselves_when_they_hold_no_more_and_may_come_again(app: App, pool: int) -> None:
    first, _ = make_mailboxes(app, 2)
    health(app, first, accepted=600, hard_bounced=20)
    health(app, first, days_ago=2, accepted=600, hard_bounced=20)
    assert app.apply_guardrails(NOW)["warned"] == 1
    assert app.apply_guardrails(later(minutes=1))["warned"] == 0  # told already
    assert [alert.kind for alert in app.open_alerts()] == ["mailbox_warned"]
    execute(app, "update ledger.mailbox_health set accepted = 800")
    app.apply_guardrails(later(minutes=2))
    assert app.open_alerts() == []
    execute(app, "update ledger.mailbox_health set hard_bounced = 26")
    assert app.apply_guardrails(later(minutes=3))["warned"] == 1


def test_a_warning_gives_way_to_the_pause_that_follows_it(app: App, pool: int) -> None:
    first, _ = make_mailboxes(app, 2)
    health(app, first, accepted=600, hard_bounced=20)
    app.apply_guardrails(NOW)
    execute(app, "update ledger.mailbox_health set hard_bounced = 60")
    assert app.apply_guardrails(later(minutes=1))["paused"] == 1
    assert "mailbox_warned" not in {alert.kind for alert in app.open_alerts()}


def test_a_domains_alert_of_complaints_closes_when_they_have_left_the_window(app: App, pool: int) -> None:
    first, _ = make_mailboxes(app, 2)
    health(app, first, accepted=1_000, complained=2)
    app.apply_guardrails(NOW)
    assert "domain_complaints" in {alert.kind for alert in app.open_alerts()}
    app.apply_guardrails(later(days=15))
    assert "domain_complaints" not in {alert.kind for alert in app.open_alerts()}


def test_a_release_that_has_left_the_window_and_years_of_mail_change_no_verdict(app: App, pool: int) -> None:
    first, second = make_mailboxes(app, 2)
    for mailbox in (first, second):
        for days_ago in range(100, 400, 50):
            health(app, mailbox, days_ago=days_ago, accepted=5_000, hard_bounced=400)
    assert app.apply_guardrails(later(days=-92))["paused"] == 2
    for mailbox in (first, second):
        app.lift_pause(ADMIN, mailbox, reason="list cleaned", as_of=later(days=-91))
    for mailbox in (first, second):
        health(app, mailbox, days_ago=1, accepted=300, hard_bounced=16)
    found = {each.mailbox_id: each.health for each in app.sender_registry.health(as_of=NOW)}
    assert found[first] == found[second] == Health(300, 16)
    assert app.apply_guardrails(NOW)["paused"] == 2
    app.lift_pause(ADMIN, first, reason="list cleaned", as_of=later(hours=1))
    found = {each.mailbox_id: each.health for each in app.sender_registry.health(as_of=later(hours=2))}
    assert (found[first], found[second]) == (Health(0), Health(300, 16))


def test_a_person_who_lifts_their_own_pause_does_not_lift_what_a_guardrail_would_have_paused_for(
    app: App, pool: int
) -> None:
    mailbox = make_mailboxes(app, 1)[0]
    app.pause_mailbox(ANALYST, mailbox, reason="holiday", as_of=later(days=-2))
    health(app, mailbox, days_ago=3, accepted=80, hard_bounced=16)  # its last mails, heard of while it was paused
    assert app.apply_guardrails(NOW)["paused"] == 0
    app.lift_pause(ADMIN, mailbox, reason="back again", as_of=later(hours=1))
    assert app.apply_guardrails(later(hours=2))["paused"] == 1
    app.lift_pause(ADMIN, mailbox, reason="list cleaned", as_of=later(hours=3))
    assert app.apply_guardrails(later(hours=4))["paused"] == 0


def test_a_spam_block_that_reports_tell_of_while_a_person_paused_the_domain_cools_it_down_after_that(
    app: App, pool: int
) -> None:
    mailbox = make_mailboxes(app, 1)[0]
    app.pause_domain(ANALYST, "brand.test", reason="holiday", as_of=NOW)
    health(app, mailbox, accepted=40, blocked=5)
    app.apply_guardrails(later(hours=1))
    app.lift_domain_pause(ADMIN, "brand.test", reason="back again", as_of=later(hours=2))
    assert app.apply_guardrails(later(hours=3))["cooled_down"] == 1
    app.lift_domain_pause(ADMIN, "brand.test", reason="delisted", as_of=later(hours=4))
    assert app.apply_guardrails(later(hours=5))["cooled_down"] == 0


@pytest.mark.parametrize("first", ["cool_down", "pause"])
def test_a_pause_over_a_cool_down_or_before_it_does_not_end_it(app: App, pool: int, first: str) -> None:
    """Who lifts their own pause of a spam-blocked domain must not send from it again at once, and never at full speed."""
    (box,) = make_mailboxes(app, 1)
    acts = [
        lambda: app.cool_down_domain("brand.test", reason="spam block", until=later(days=14), as_of=NOW),
        lambda: app.pause_domain(ANALYST, "brand.test", reason="holiday", as_of=NOW),
    ]
    for act in acts if first == "cool_down" else reversed(acts):
        assert act()
    assert domain_status(app) == "paused"
    (hold,) = [each for each in app.holds(NOW) if each.ended_at is None]
    assert (hold.status, hold.until, hold.cause, hold.reason) == ("paused", None, "person", "holiday")
    app.open_lanes(later(days=1))
    assert app.lift_domain_pause(ADMIN, "brand.test", reason="back again", as_of=later(days=2))
    assert domain_status(app) == "cooling_down"
    (hold,) = [each for each in app.holds(NOW) if each.ended_at is None]
    assert (hold.status, hold.until, hold.cause) == ("cooling_down", later(days=14), "evidence")
    assert hold.reason == "spam block"
    assert {state.capacity.relaxes_at for state in app.mailboxes(later(days=3))} == {later(days=14)}
    app.open_lanes(later(days=14))
    assert domain_status(app) == "active"
    assert [standing.mailbox_id for standing in app.warm_ups()] == [box]  # on probation


def test_a_pause_that_outlasts_a_cool_down_ends_on_probation(app: App, pool: int) -> None:
    (box,) = make_mailboxes(app, 1)
    app.cool_down_domain("brand.test", reason="spam block", until=later(days=14), as_of=NOW)
    app.pause_domain(ANALYST, "brand.test", reason="holiday", as_of=NOW)
    app.open_lanes(later(days=20))
    assert domain_status(app) == "paused"
    app.lift_domain_pause(ADMIN, "brand.test", reason="back again", as_of=later(days=21))
    assert domain_status(app) == "active"
    assert [standing.mailbox_id for standing in app.warm_ups()] == [box]


def test_an_admin_still_ends_a_cool_down_itself(app: App, pool: int) -> None:
    make_mailboxes(app, 1)
    app.cool_down_domain("brand.test", reason="spam block", until=later(days=14), as_of=NOW)
    assert app.lift_domain_pause(ADMIN, "brand.test", reason="delisted", as_of=later(days=2))
    assert domain_status(app) == "active"
    assert not app.lift_domain_pause(ADMIN, "brand.test", reason="again", as_of=later(days=3))

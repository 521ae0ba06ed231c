"""Nobody is annoyed by two campaigns: who is left out of the next one, who waits, and what an answer elsewhere ends."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from leadmill.adapters.ledger.projections import EventsProjections
from leadmill.bootstrap import App
from leadmill.domain.campaigns import Step, Timing, Variant
from leadmill.domain.contact_rules import ContactRules
from leadmill.domain.dispatch import Outcome, SendResult
from leadmill.domain.segments import Segment
from leadmill.errors import Conflict, NotAllowed
from leadmill.ports.campaigns import Check
from leadmill.ports.collecting import Evidence, SendEvidence, SuppressionEvidence
from tests.campaign_world import (
    ANALYST,
    HTML,
    NOW,
    VIEWER,
    execute,
    make_draft,
    make_lead,
    make_leads,
    make_pool,
    sends,
    set_organisation,
)
from tests.event_world import ledger_rows

FREELY = ContactRules(leave_out_replied=False, leave_out_in_sequence=False, days_apart=0, ends_on_other_reply=False)
LANE = "own smtp"


@pytest.fixture
def pool(app: App) -> int:
    """A pool whose mailboxes send all at once."""
    set_organisation(app)
    pool_id = make_pool(app)
    execute(app, "update ledger.provider_accounts set spread = 'as_fast_as_possible'")
    return pool_id


def planned(app: App, pool: int, at: datetime = NOW, *, steps: int = 2, **changes: object) -> int:
    """An approved campaign that is planned at once."""
    sequence = tuple(Step((Variant("A", "Hello", HTML),), delay_days=int(n > 0)) for n in range(steps))
    draft = make_draft(pool, **{"steps": sequence} | changes)
    campaign = app.create_campaign(ANALYST, draft, at)
    execute(
        app, "update ledger.campaigns set status = 'approved', approved_at = %s where campaign_id = %s", at, campaign
    )
    app.plan_campaigns(at, campaign)
    return campaign


def claim(app: App, at: datetime, limit: int = 100, *, lane: str = LANE) -> list[tuple[int, int]]:
    """(campaign, lead) of what a dispatch hands over and gets accepted at that time."""
    found = app.send_ledger.claim(lane, worker=f"w{at.isoformat()}{lane}", now=at, limit=limit)
    results = [SendResult(s.send_id, Outcome.ACCEPTED, provider_message_id="x") for s in found.sends]
    app.send_ledger.record(f"w{at.isoformat()}{lane}", results, now=at)
    return [(s.campaign_id, s.recipient.lead_id) for s in found.sends]


def reply(app: App, campaign: int, lead: int, at: datetime) -> None:
    """A person's answer to the first mail, as a projection of its event writes it."""
    send = sends(app, campaign, f"lead_id = {lead} and step = 1")[0]["send_id"]
    with EventsProjections(app.database).projecting() as projection:
        projection.apply(
            Evidence(
                upto=projection.position + 1,
                sends=SendEvidence([send], ["delivered"], [2], [at], [at], [None], [at], [None], [True]),
                suppressions=SuppressionEvidence([], [], [], [], [], []),
            ),
            as_of=at,
        )


def contacts_check(app: App, campaign: int, at: datetime) -> Check:
    return next(c for c in app.preflight(campaign, at) if c.name == "contacts")


def left_out(app: App, campaign: int) -> dict[str, int]:
    return dict(app.campaign(campaign).left_out)


# --- who is left out


def test_who_is_in_a_running_sequence_is_left_out(app: App, pool: int) -> None:
    make_leads(app, 3)
    planned(app, pool)
    second = planned(app, pool, name="Autumn")
    assert left_out(app, second) == {"in_sequence": 3}
    assert sends(app, second) == []


def test_a_paused_sequence_is_still_running_for_its_people(app: App, pool: int) -> None:
    make_leads(app, 2)
    first = planned(app, pool)
    app.pause_campaign(ANALYST, first, NOW)
    assert left_out(app, planned(app, pool)) == {"in_sequence": 2}


def test_who_answered_any_campaign_is_left_out_however_long_ago(app: App, pool: int) -> None:
    leads = make_leads(app, 3)
    first = planned(app, pool, steps=1)
    claim(app, NOW)
    reply(app, first, leads[0], NOW + timedelta(hours=1))
    later = NOW + timedelta(days=400)
    assert left_out(app, planned(app, pool, later)) == {"replied": 1}


def test_who_was_mailed_within_the_set_days_is_left_out_and_not_after(app: App, pool: int) -> None:
    make_leads(app, 3)
    planned(app, pool, steps=1)
    claim(app, NOW)
    app.plan_campaigns(NOW)
    assert left_out(app, planned(app, pool, NOW + timedelta(days=6))) == {"mailed_recently": 3}
    assert left_out(app, planned(app, pool, NOW + timedelta(days=8))) == {}


def test_a_mail_in_doubt_counts_as_a_mail(app: App, pool: int) -> None:
    make_leads(app, 1)
    planned(app, pool, steps=1)
    found = app.send_ledger.claim(LANE, worker="w", now=NOW, limit=9)
    rules = ContactRules(leave_out_in_sequence=False)
    assert left_out(app, planned(app, pool, contacts=rules)) == {"mailed_recently": 1}
    app.send_ledger.record("w", [SendResult(s.send_id, Outcome.AMBIGUOUS, code="gone") for s in found.sends], now=NOW)
    assert left_out(app, planned(app, pool, NOW + timedelta(days=1), contacts=rules)) == {"mailed_recently": 1}


def test_what_was_given_back_or_refused_is_no_mail(app: App, pool: int) -> None:
    make_leads(app, 2)
    planned(app, pool, steps=1)
    found = app.send_ledger.claim(LANE, worker="w", now=NOW, limit=9).sends
    results = [
        SendResult(found[0].send_id, Outcome.RELEASED),
        SendResult(found[1].send_id, Outcome.REFUSED, code="550"),
    ]
    app.send_ledger.record("w", results, now=NOW)
    assert left_out(app, planned(app, pool, contacts=ContactRules(leave_out_in_sequence=False))) == {}


def test_another_address_of_the_same_inbox_is_the_same_person(app: App, pool: int) -> None:
    make_lead(app, "jo.smith@gmail.com", country="DE")
    planned(app, pool, segment=Segment(countries=("DE",)))
    make_lead(app, "josmith+news@gmail.com", country="AT")
    second = planned(app, pool, segment=Segment(countries=("AT",)))
    assert left_out(app, second) == {"in_sequence": 1}


def test_an_analyst_switches_each_rule_off_for_a_campaign(app: App, pool: int) -> None:
    leads = make_leads(app, 2)
    first = planned(app, pool)
    claim(app, NOW)
    reply(app, first, leads[0], NOW + timedelta(hours=1))
    at = NOW + timedelta(hours=2)
    assert left_out(app, planned(app, pool, at)) == {"replied": 1, "in_sequence": 1}
    rules = ContactRules(leave_out_replied=False)
    assert left_out(app, planned(app, pool, at, contacts=rules)) == {"mailed_recently": 1, "in_sequence": 1}
    second = planned(app, pool, at, contacts=FREELY)
    assert left_out(app, second) == {}
    assert len(sends(app, second, "step = 1")) == 2


def test_the_rules_of_a_draft_are_kept_and_copied(app: App, pool: int) -> None:
    rules = ContactRules(leave_out_replied=False, days_apart=30, ends_on_other_reply=False)
    draft = app.create_campaign(ANALYST, make_draft(pool, contacts=rules), NOW)
    assert app.campaign(app.copy_campaign(ANALYST, draft, NOW)).draft.contacts == rules


def test_the_plan_writes_down_the_days_that_held_when_it_was_made(app: App, pool: int) -> None:
    make_leads(app, 1)
    assert app.campaign(planned(app, pool)).draft.contacts.days_apart == app.settings.days_between_campaigns


# --- what pre-flight and the page say


def test_preflight_shows_each_count_with_its_campaign(app: App, pool: int) -> None:
    leads = make_leads(app, 5)
    first = planned(app, pool, name="Spring")
    claim(app, NOW)
    reply(app, first, leads[0], NOW + timedelta(hours=1))
    at = NOW + timedelta(hours=2)
    draft = app.create_campaign(ANALYST, make_draft(pool, name="Autumn"), at)
    found = contacts_check(app, draft, at)
    assert found.message == (
        "Left out: 1 lead answered (“Spring” 1); 4 leads are in a running sequence (“Spring” 4); "
        "5 leads were mailed in the last 7 days (“Spring” 5)."
    )
    freely = app.create_campaign(ANALYST, make_draft(pool, name="Autumn", contacts=FREELY), at)
    found = contacts_check(app, freely, at)
    assert found.result == "warning"
    assert found.message.startswith("Mailed all the same: 1 lead answered (“Spring” 1); 4 leads are in")


def test_a_campaign_that_leaves_everybody_out_cannot_be_approved(app: App, pool: int) -> None:
    make_leads(app, 2)
    planned(app, pool)
    draft = app.create_campaign(ANALYST, make_draft(pool, name="Autumn"), NOW)
    with pytest.raises(Conflict, match="by the switches on Audience"):
        app.approve_campaign(ANALYST, draft, NOW)


def test_each_count_leads_to_its_people(app: App, pool: int) -> None:
    leads = make_leads(app, 3)
    first = planned(app, pool)
    claim(app, NOW)
    reply(app, first, leads[1], NOW + timedelta(hours=1))
    at = NOW + timedelta(hours=2)
    draft = make_draft(pool, name="Autumn")
    counts = app.audience_of(draft, at)
    for kind, people in (("replied", 1), ("in_sequence", 2), ("mailed_recently", 3)):
        lines = list(csv.reader(io.StringIO(app.contacts_file(ANALYST, draft, kind, at).decode("utf-8-sig"))))
        assert len(lines) - 1 == counts.in_contact(kind) == people
    assert lines[1][0].startswith("lead0@")
    with pytest.raises(NotAllowed):
        app.contacts_file(VIEWER, draft, "replied", at)


def test_a_sequence_that_is_denser_than_the_cap_is_told(app: App, pool: int) -> None:
    make_leads(app, 1)
    steps = tuple(Step((Variant("A", "Hello", HTML),), delay_days=int(n > 0)) for n in range(5))
    draft = app.create_campaign(ANALYST, make_draft(pool, steps=steps), NOW)
    found = next(c for c in app.preflight(draft, NOW) if c.name == "week")
    assert found.message.startswith("5 mails of this sequence fall within 7 days, and a person gets at most 3 a week")


# --- at the claim


def test_a_mail_waits_until_the_days_between_campaigns_are_over(app: App, pool: int) -> None:
    (lead,) = make_leads(app, 1)
    early = planned(app, pool, steps=1, contacts=FREELY)
    late = planned(app, pool, steps=1, contacts=ContactRules(leave_out_in_sequence=False))
    assert claim(app, NOW) == [(early, lead)]
    assert claim(app, NOW + timedelta(minutes=2)) == []
    row = sends(app, late)[0]
    assert (row["state"], row["code"], row["due_at"]) == ("planned", "mailed_elsewhere", NOW + timedelta(days=7))
    why = {c.reason: c for c in app.explain_waiting(late, NOW + timedelta(minutes=3))}
    assert why["mailed_elsewhere"].relaxes_at == NOW + timedelta(days=7)
    assert claim(app, NOW + timedelta(days=7, minutes=1)) == [(late, lead)]
    assert sends(app, late)[0]["code"] is None


def test_a_person_gets_no_more_mails_a_week_than_the_cap_over_all_campaigns(app: App, pool: int) -> None:
    (lead,) = make_leads(app, 1)
    campaigns = [planned(app, pool, steps=1, contacts=FREELY) for _ in range(5)]
    mailed = [pair for minute in range(9) for pair in claim(app, NOW + timedelta(minutes=2 * minute))]
    assert len(mailed) == 3
    waiting = [c for c in campaigns if (c, lead) not in mailed]
    rows = [sends(app, campaign)[0] for campaign in waiting]
    assert {(row["state"], row["code"]) for row in rows} == {("planned", "weekly_cap")}
    assert (
        "since the person had its mails of the week"
        in app.explain_waiting(waiting[0], NOW + timedelta(hours=1))[0].sentence
    )
    again = [pair for minute in range(9) for pair in claim(app, NOW + timedelta(days=7, minutes=30 + 2 * minute))]
    assert sorted(mailed + again) == sorted((c, lead) for c in campaigns)


def test_the_steps_of_one_sequence_count_too(app: App, pool: int) -> None:
    make_leads(app, 1)
    planned(app, pool, steps=5)
    times = [NOW + timedelta(hours=6 * n) for n in range(4 * 16)]
    mailed = [at for at in times for _ in claim(app, at)]
    assert len(mailed) == 5
    assert mailed[3] - mailed[0] >= timedelta(days=7)


def test_without_a_cap_nothing_waits_for_the_week(settings, pool: int, app: App) -> None:
    make_leads(app, 1)
    for _ in range(5):
        planned(app, pool, steps=1, contacts=FREELY)
    other = App(settings.model_copy(update={"mails_per_person_week": 0}))
    assert sum(len(claim(other, NOW + timedelta(minutes=2 * minute))) for minute in range(9)) == 5
    other.database.close()


def test_one_claim_sends_a_person_one_mail(app: App, pool: int) -> None:
    make_leads(app, 4)
    for _ in range(3):
        planned(app, pool, steps=1, contacts=FREELY)
    first = claim(app, NOW)
    assert len({lead for _, lead in first}) == len(first) == 4


def test_a_mail_that_waits_beyond_the_campaigns_end_expires_and_is_counted(app: App, pool: int) -> None:
    make_leads(app, 1)
    planned(app, pool, steps=1, contacts=FREELY)
    rules = ContactRules(leave_out_in_sequence=False)
    late = planned(app, pool, steps=1, contacts=rules, ends_at=NOW + timedelta(days=2))
    claim(app, NOW)
    claim(app, NOW + timedelta(minutes=2))
    app.plan_campaigns(NOW + timedelta(days=2, minutes=1))
    assert sends(app, late)[0]["state"] == "expired"
    assert app.conservation(late).missing == 0


def test_what_waits_keeps_to_its_window(app: App, pool: int) -> None:
    make_leads(app, 1)
    planned(app, pool, steps=1, contacts=FREELY)
    rules = ContactRules(leave_out_in_sequence=False)
    nine = {"timing": Timing.UTC_TIME, "send_hour": 9}
    late = planned(app, pool, steps=1, contacts=rules, **nine)
    claim(app, NOW)
    claim(app, NOW + timedelta(hours=1, minutes=5))
    row = sends(app, late)[0]
    assert row["due_at"] == NOW + timedelta(days=7, hours=1)
    assert row["window_ends_at"] > row["due_at"]


# --- an answer ends other campaigns


def test_a_reply_in_one_campaign_ends_the_others_that_chose_so(app: App, pool: int) -> None:
    leads = make_leads(app, 2)
    first = planned(app, pool, contacts=FREELY)
    ends = planned(app, pool, contacts=ContactRules(leave_out_in_sequence=False, days_apart=0))
    goes_on = planned(app, pool, contacts=FREELY)
    claim(app, NOW)
    reply(app, first, leads[0], NOW + timedelta(hours=1))
    of = f"lead_id = {leads[0]}"
    assert {(s["state"], s["code"]) for s in sends(app, ends, of)} == {("cancelled", "replied_elsewhere")}
    assert {s["state"] for s in sends(app, goes_on, of)} == {"planned"}
    assert {s["state"] for s in sends(app, ends, f"lead_id = {leads[1]}")} == {"planned"}
    assert app.conservation(ends).missing == 0


def test_an_answer_that_no_projection_saw_ends_the_sequence_at_the_claim(app: App, pool: int) -> None:
    (lead,) = make_leads(app, 1)
    first = planned(app, pool, contacts=FREELY)
    ends = planned(app, pool, contacts=ContactRules(leave_out_in_sequence=False, days_apart=0))
    claim(app, NOW)
    execute(app, "update ledger.sends set replied_at = %s where campaign_id = %s and step = 1", NOW, first)
    claim(app, NOW + timedelta(minutes=2))
    assert {(s["state"], s["code"]) for s in sends(app, ends, f"lead_id = {lead}")} == {
        ("cancelled", "replied_elsewhere")
    }


def test_upkeep_ends_what_an_answer_should_have_ended(app: App, pool: int) -> None:
    make_leads(app, 1)
    first = planned(app, pool, contacts=FREELY)
    ends = planned(app, pool, contacts=ContactRules(leave_out_in_sequence=False, days_apart=0))
    claim(app, NOW)
    execute(app, "update ledger.sends set replied_at = %s where campaign_id = %s and step = 1", NOW, first)
    app.plan_campaigns(NOW + timedelta(minutes=1))
    assert {s["state"] for s in sends(app, ends)} == {"cancelled"}


def test_an_answer_before_the_plan_ends_nothing_that_was_meant_for_repliers(app: App, pool: int) -> None:
    (lead,) = make_leads(app, 1)
    first = planned(app, pool, steps=1)
    claim(app, NOW)
    reply(app, first, lead, NOW + timedelta(hours=1))
    thanks = planned(app, pool, NOW + timedelta(days=8), contacts=ContactRules(leave_out_replied=False))
    reply(app, first, lead, NOW + timedelta(hours=1))  # the lake was rebuilt, its events come again
    app.plan_campaigns(NOW + timedelta(days=8, minutes=1))
    assert {s["state"] for s in sends(app, thanks)} == {"planned"}


def test_who_has_nothing_to_come_is_forgotten(app: App, pool: int) -> None:
    make_leads(app, 2)
    first, second = (planned(app, pool, steps=1, contacts=FREELY) for _ in range(2))
    assert shared(app) == 2
    app.cancel_campaign(ANALYST, first, NOW)
    app.cancel_campaign(ANALYST, second, NOW)
    app.plan_campaigns(NOW)
    assert shared(app) == 0


def shared(app: App) -> int:
    with app.database.transaction() as connection:
        return connection.execute("select count(*) as n from ledger.shared_leads").fetchone()["n"]


def test_a_finished_campaigns_refused_mails_that_are_sent_again_wait_for_what_was_planned_since(
    app: App, pool: int
) -> None:
    """While it was finished it counted for nothing, so that the second plan shared nobody with it."""
    make_lead(app, "ann@people.test")
    first = planned(app, pool, steps=1)
    execute(app, "update ledger.sends set state = 'refused', fault = 'moment', code = 'server-unavailable'")
    app.plan_campaigns(NOW + timedelta(days=5))
    assert app.campaign(first).status == "finished"
    day = NOW + timedelta(days=6)
    second = planned(app, pool, day, steps=1, name="Second")
    assert [campaign for campaign, _ in claim(app, day)] == [second]
    app.send_refused_again(ANALYST, first, ["server-unavailable"], reason="it works", as_of=day)
    assert not claim(app, day + timedelta(hours=1))
    assert [campaign for campaign, _ in claim(app, day + timedelta(days=8))] == [first]


@pytest.mark.parametrize("days_apart", [0, 7], ids=["cap", "days between"])
def test_two_addresses_that_were_shared_apart_are_one_person_once_a_plan_sees_both(
    app: App, pool: int, days_apart: int
) -> None:
    rules = replace(FREELY, days_apart=days_apart)
    german, austrian = Segment(countries=("DE",)), Segment(countries=("AT",))
    make_lead(app, "jo.doe@gmail.com", country="DE")
    for _ in range(2):
        planned(app, pool, steps=1, contacts=FREELY, segment=german)
    execute(app, "update ledger.sends set state = 'refused', fault = 'moment', code = '450 4.7.1'")
    day = NOW + timedelta(days=14)
    make_lead(app, "jodoe@gmail.com", country="AT")
    for segment in (austrian, austrian, german, german):
        for _ in range(2):
            planned(app, pool, day, steps=1, contacts=rules, segment=segment)
    for minutes in range(0, 40, 2):
        claim(app, day + timedelta(minutes=minutes))
    assert ledger_rows(app, "select count(distinct person_id) as people from ledger.shared_leads") == [{"people": 1}]
    (mailed,) = ledger_rows(app, f"select count(*) as mails from ledger.sends where accepted_at >= '{day}'")
    assert mailed["mails"] == (1 if days_apart else 3)

"""Campaigns from draft to approval on a real ledger: edit, copy, delete, statuses, audience, preview, pre-flight."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from leadmill.bootstrap import App
from leadmill.domain.campaigns import CampaignStatus, Step, Timing, Variant
from leadmill.domain.segments import Segment
from leadmill.domain.sends import SendState
from leadmill.errors import ConfigInvalid, Conflict, InputInvalid, NotAllowed, NotFound
from tests.campaign_world import (
    ADMIN,
    ANALYST,
    FOOTER,
    HTML,
    NOW,
    VIEWER,
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


def audit(app: App) -> list[tuple[str, str, str]]:
    with app.database.transaction() as connection:
        rows = connection.execute("select actor, action, reason from ledger.audit_log order by audit_id").fetchall()
    return [(row["actor"], row["action"], row["reason"]) for row in rows]


def checks(app: App, campaign_id: int) -> dict[str, str]:
    return {check.name: check.result for check in app.preflight(campaign_id, NOW)}


def test_a_draft_comes_back_as_it_was_kept(app: App) -> None:
    segment = Segment(countries=("DE", "AT"), min_score=0.25, text="mill", exclude_lead_ids=(9,))
    draft = make_draft(
        make_pool(app), segment=segment, timing=Timing.LOCAL_TIME, send_hour=9, starts_at=NOW, track_opens=False
    )
    campaign_id = app.create_campaign(ANALYST, draft, NOW)
    detail = app.campaign(campaign_id)
    assert detail.draft == draft
    assert (detail.status, detail.created_by, detail.pool_name) == (CampaignStatus.DRAFT, ANALYST.email, "own smtp")
    assert set(detail.variant_ids) == {(1, "A"), (1, "B"), (2, "A")}


def test_an_edit_replaces_the_whole_draft(app: App) -> None:
    campaign_id = app.create_campaign(ANALYST, make_draft(None), NOW)
    changed = make_draft(None, name="Summer", steps=(Step((Variant("C", "Hi", HTML),)),))
    app.edit_campaign(ANALYST, campaign_id, changed, NOW + timedelta(minutes=1))
    assert app.campaign(campaign_id).draft == changed


def test_an_edit_that_did_not_see_the_last_one_is_refused(app: App) -> None:
    campaign_id = app.create_campaign(ANALYST, make_draft(None), NOW)
    seen = app.campaign(campaign_id).updated_at
    later = NOW + timedelta(minutes=1)
    app.edit_campaign(ANALYST, campaign_id, make_draft(None, name="First"), later, loaded_at=seen)
    with pytest.raises(Conflict, match="Somebody else"):
        app.edit_campaign(ANALYST, campaign_id, make_draft(None, name="Second"), later, loaded_at=seen)


def test_only_drafts_are_edited(app: App) -> None:
    make_leads(app, 1)
    campaign_id = approved_campaign(app)
    with pytest.raises(Conflict, match="only drafts"):
        app.edit_campaign(ANALYST, campaign_id, make_draft(None), NOW)


def test_a_draft_that_makes_no_sense_is_refused_with_every_reason(app: App) -> None:
    draft = make_draft(None, name=" ", timing=Timing.LOCAL_TIME, starts_at=NOW, ends_at=NOW)
    with pytest.raises(InputInvalid) as refused:
        app.create_campaign(ANALYST, draft, NOW)
    for sentence in ("Give a name", "needs a send hour", "end must come after"):
        assert sentence in str(refused.value)
    assert app.campaigns() == []


def test_a_pool_that_does_not_exist_is_refused(app: App) -> None:
    with pytest.raises(InputInvalid, match="pool"):
        app.create_campaign(ANALYST, make_draft(404), NOW)


def test_a_copy_is_a_draft_without_the_dates(app: App) -> None:
    make_leads(app, 1)
    original = approved_campaign(app, starts_at=NOW, ends_at=NOW + timedelta(days=9))
    copy = app.campaign(app.copy_campaign(ANALYST, original, NOW))
    assert copy.status is CampaignStatus.DRAFT
    assert copy.draft == replace(app.campaign(original).draft, name="Spring (copy)", starts_at=None, ends_at=None)


def test_a_viewer_changes_nothing(app: App) -> None:
    campaign_id = app.create_campaign(ANALYST, make_draft(None), NOW)
    for act in (
        lambda: app.create_campaign(VIEWER, make_draft(None), NOW),
        lambda: app.edit_campaign(VIEWER, campaign_id, make_draft(None), NOW),
        lambda: app.copy_campaign(VIEWER, campaign_id, NOW),
        lambda: app.delete_campaign(VIEWER, campaign_id, NOW),
        lambda: app.approve_campaign(VIEWER, campaign_id, NOW),
        lambda: app.pause_campaign(VIEWER, campaign_id, NOW),
        lambda: app.resume_campaign(VIEWER, campaign_id, NOW),
        lambda: app.cancel_campaign(VIEWER, campaign_id, NOW),
        lambda: app.set_organisation(ANALYST, "A", "B", NOW),
        lambda: app.create_pool(ANALYST, "p", NOW),
    ):
        with pytest.raises(NotAllowed):
            act()
    assert [line[1] for line in audit(app)] == ["campaign.create"]


def test_pause_resume_and_cancel_follow_the_states_and_are_on_record(app: App) -> None:
    make_leads(app, 2)
    campaign_id = approved_campaign(app)
    app.pause_campaign(ANALYST, campaign_id, NOW, reason="typo")
    app.resume_campaign(ANALYST, campaign_id, NOW)
    assert app.campaign(campaign_id).status is CampaignStatus.APPROVED
    app.plan_campaigns(NOW)
    app.pause_campaign(ANALYST, campaign_id, NOW)
    assert app.plan_campaigns(NOW)["finished"] == 0
    app.resume_campaign(ANALYST, campaign_id, NOW)
    assert app.campaign(campaign_id).status is CampaignStatus.RUNNING
    execute(app, "update ledger.sends set state = 'claimed' where send_id = (select min(send_id) from ledger.sends)")
    assert app.cancel_campaign(ANALYST, campaign_id, NOW) == 3
    assert sorted(row["state"] for row in sends(app, campaign_id)) == ["cancelled"] * 3 + ["claimed"]
    with pytest.raises(Conflict, match="cannot become"):
        app.cancel_campaign(ANALYST, campaign_id, NOW)
    done = [(action, reason) for actor, action, reason in audit(app) if actor == ANALYST.email]
    assert done[-5:] == [
        ("campaign.pause", "typo"),
        ("campaign.resume", ""),
        ("campaign.pause", ""),
        ("campaign.resume", ""),
        ("campaign.cancel", ""),
    ]


def test_only_what_never_sent_can_be_deleted(app: App) -> None:
    make_leads(app, 2)
    draft = app.create_campaign(ANALYST, make_draft(None), NOW)
    app.delete_campaign(ANALYST, draft, NOW)
    campaign_id = approved_campaign(app)
    with pytest.raises(Conflict, match="cannot become deleted"):
        app.delete_campaign(ANALYST, campaign_id, NOW)
    app.plan_campaigns(NOW)
    execute(app, "update ledger.sends set state = 'accepted' where send_id = (select min(send_id) from ledger.sends)")
    app.cancel_campaign(ANALYST, campaign_id, NOW)
    with pytest.raises(Conflict, match="has sent mail"):
        app.delete_campaign(ANALYST, campaign_id, NOW)
    assert [summary.campaign_id for summary in app.campaigns()] == [campaign_id]


def test_the_list_and_the_progress_count_sends_by_state(app: App) -> None:
    make_leads(app, 4)
    campaign_id = approved_campaign(app)
    app.plan_campaigns(NOW)
    execute(app, "update ledger.sends set state = 'delivered', replied_at = %s where step = 1", NOW)
    (summary,) = app.campaigns()
    assert summary.counts == {SendState.PLANNED: 4, SendState.DELIVERED: 4}
    assert (summary.step_count, summary.audience_count, summary.pool_name) == (2, 4, "own smtp")
    progress = app.campaign_progress(campaign_id)
    assert [(line.step, line.label) for line in progress.steps] == [(1, "A"), (1, "B"), (2, "A")]
    assert sum(line.replied for line in progress.steps) == 4
    assert [line.waiting for line in progress.steps] == [0, 0, 4]
    assert progress.conservation.holds
    assert progress.conservation.rows == 8


def test_conservation_sees_a_lost_row(app: App) -> None:
    make_leads(app, 3)
    campaign_id = approved_campaign(app)
    app.plan_campaigns(NOW)
    execute(app, "delete from ledger.sends where send_id = (select max(send_id) from ledger.sends)")
    found = app.conservation(campaign_id)
    assert (found.missing, found.holds) == (1, False)


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        (Segment(), {"ann", "bob", "cem"}),
        (Segment(countries=("FR",)), {"bob"}),
        (Segment(categories=("hotel", "café")), {"ann", "cem"}),
        (Segment(industries=("food",), countries=("DE",)), {"ann"}),
        (Segment(legal_bases=("contract",)), {"cem"}),
        (Segment(sources=("fair",)), {"bob"}),
        (Segment(min_score=0.5), {"bob"}),
        (Segment(max_score=0.4), {"ann", "cem"}),
        (Segment(min_employees=10), {"bob"}),
        (Segment(max_employees=10), {"ann"}),
        (Segment(text="MÜHLE"), {"cem"}),
        (Segment(text="100%"), {"ann"}),
        (Segment(countries=("XX",), include_lead_ids=(1,)), {"ann"}),
        (Segment(exclude_lead_ids=(1,), include_lead_ids=(1,)), {"bob", "cem"}),
    ],
)
def test_a_segment_finds_whom_it_says(app: App, segment: Segment, expected: set[str]) -> None:
    make_lead(app, "ann@a.test", first_name="ann", category="hotel", industry="food", employee_count=5, company="100%")
    bob = make_lead(
        app, "bob@b.test", first_name="bob", country="FR", industry="food", source="fair", employee_count=50
    )
    make_lead(app, "cem@c.test", first_name="cem", category="café", legal_basis="contract", company="Obere Mühle")
    execute(
        app, "insert into ledger.lead_scores (lead_id, probability, model, as_of) values (%s, 0.5, 'm', %s)", bob, NOW
    )
    assert {lead.name for lead in app.sample_leads(segment, 10)} == expected
    assert app.audience_preview(segment, None).matched == len(expected)


def test_whom_a_campaign_reached_can_be_left_out_of_the_next(app: App) -> None:
    make_leads(app, 3)
    campaign_id = approved_campaign(app)
    app.plan_campaigns(NOW)
    execute(app, "update ledger.sends set accepted_at = %s where step = 1 and lead_id = 1", NOW)
    assert app.audience_preview(Segment(exclude_campaign_ids=(campaign_id,)), None).matched == 2


def test_samples_come_from_as_many_categories_as_possible(app: App) -> None:
    for number in range(9):
        make_lead(app, f"l{number}@a.test", category="hotel" if number < 8 else "café")
    suppress(app, "l0@a.test")
    assert {lead.category for lead in app.sample_leads(Segment(), 2)} == {"hotel", "café"}


def test_a_preview_is_the_mail_without_tracking(app: App) -> None:
    set_organisation(app)
    lead = make_lead(app, "eva@a.test", first_name="Eva", attributes='{"Favourite Colour": "blue"}')
    html = "<p>{{ first_name }} likes {{ favourite_colour }}. <a href='https://acme.test/x'>More</a></p>" + FOOTER
    draft = make_draft(make_pool(app), steps=(Step((Variant("A", "Hi {{ first_name }}", html),)),))
    mail = app.preview_message(draft, 1, "A", lead)
    assert (mail.subject, mail.sender_name) == ("Hi Eva", "Ann of Acme")
    assert "Eva likes blue" in mail.html
    assert "https://acme.test/x" in mail.html
    assert ".gif" not in mail.html
    stored = app.create_campaign(ANALYST, draft, NOW)
    again = app.preview_message(stored, 1, "A", lead)
    assert (again.subject, again.html, again.text) == (mail.subject, mail.html, mail.text)
    with pytest.raises(NotFound, match="no variant Z"):
        app.preview_message(draft, 1, "Z", lead)
    with pytest.raises(NotFound, match="no lead"):
        app.preview_message(draft, 1, "A", 404)


def test_a_preview_before_the_organisation_is_set_says_so(app: App) -> None:
    lead = make_lead(app, "eva@a.test")
    with pytest.raises(ConfigInvalid, match="postal address"):
        app.preview_message(make_draft(None), 1, "A", lead)


def test_a_good_campaign_passes_the_checks(app: App) -> None:
    make_leads(app, 3)
    set_organisation(app)
    campaign_id = app.create_campaign(ANALYST, make_draft(make_pool(app)), NOW)
    results = checks(app, campaign_id)
    assert "error" not in results.values()
    assert results["fields"] == results["content"] == results["audience"] == results["pool"] == "ok"
    assert results["variants"] == "warning"  # three leads tell nothing


def test_an_empty_campaign_fails_what_it_lacks(app: App) -> None:
    campaign_id = app.create_campaign(ANALYST, make_draft(None, steps=()), NOW)
    results = checks(app, campaign_id)
    assert {name for name, result in results.items() if result == "error"} == {"organisation", "pool", "audience"}
    set_organisation(app)
    assert checks(app, campaign_id)["content"] == "error"
    with pytest.raises(Conflict, match="cannot be approved"):
        app.approve_campaign(ANALYST, campaign_id, NOW)


def test_leads_that_lack_a_needed_field_are_counted_with_an_example(app: App) -> None:
    make_lead(app, "a@a.test", first_name="Ann")
    nameless = make_lead(app, "b@a.test")
    make_lead(app, "c@a.test")
    set_organisation(app)
    html = "<p>Dear {{ first_name }}</p>" + FOOTER
    draft = make_draft(make_pool(app), steps=(Step((Variant("A", "Hi", html),)),))
    campaign_id = app.create_campaign(ANALYST, draft, NOW)
    check = next(c for c in app.preflight(campaign_id, NOW) if c.name == "fields")
    assert check.result == "error"
    assert check.message == "2 leads would get no mail. 2 have no first_name."
    assert check.lead_ids == (nameless, nameless + 1)
    (gap,) = check.gaps
    assert (gap.kind, gap.name, gap.lead_count) == ("variable", "first_name", 2)
    assert [lead.lead_id for lead in gap.samples] == [nameless, nameless + 1]


def test_a_block_for_one_category_is_tried_on_that_category(app: App) -> None:
    make_lead(app, "a@a.test")
    hotel = make_lead(app, "b@a.test", category="hotel")
    set_organisation(app)
    html = '<p>Hi</p>{% if category == "hotel" %}<p>{{ company }}</p>{% endif %}' + FOOTER
    draft = make_draft(make_pool(app), steps=(Step((Variant("A", "Hi", html),)),))
    campaign_id = app.create_campaign(ANALYST, draft, NOW)
    check = next(c for c in app.preflight(campaign_id, NOW) if c.name == "fields")
    assert (check.result, check.lead_ids) == ("error", (hotel,))


@pytest.mark.parametrize(
    ("changes", "name", "result"),
    [
        ({"ends_at": NOW - timedelta(days=1)}, "schedule", "error"),
        ({"starts_at": NOW, "ends_at": NOW + timedelta(days=2)}, "sequence", "warning"),
        ({"steps": (Step((Variant("A", "Hi", "<p>no footer</p>"),)),)}, "content", "error"),
        ({"steps": (Step((Variant("A", "RE: YOUR MONEY!!", HTML),)),)}, "wording", "warning"),
        ({"segment": Segment(countries=("FR",))}, "audience", "error"),
    ],
)
def test_a_check_finds_what_it_is_for(app: App, changes: dict, name: str, result: str) -> None:
    make_leads(app, 2)
    set_organisation(app)
    campaign_id = app.create_campaign(ANALYST, make_draft(make_pool(app), **changes), NOW)
    assert checks(app, campaign_id)[name] == result


def test_a_pool_without_an_active_mailbox_is_an_error(app: App) -> None:
    make_leads(app, 1)
    set_organisation(app)
    campaign_id = app.create_campaign(ANALYST, make_draft(make_pool(app)), NOW)
    execute(app, "update ledger.mailboxes set status = 'paused'")
    results = checks(app, campaign_id)
    assert (results["pool"], results["capacity"]) == ("error", "error")


def test_the_days_needed_are_told(app: App) -> None:
    make_leads(app, 101)
    set_organisation(app)
    campaign_id = app.create_campaign(ANALYST, make_draft(make_pool(app), ends_at=NOW + timedelta(days=2)), NOW)
    check = next(c for c in app.preflight(campaign_id, NOW) if c.name == "capacity")
    assert "202 mails take about 3 days" in check.message
    assert check.result == "warning"


def test_a_wider_policy_needs_an_admin_s_reason_which_the_audit_log_keeps(app: App) -> None:
    with pytest.raises(InputInvalid, match="reason"):
        app.create_pool(ADMIN, "ses", NOW, provider="ses", legal_bases=["legitimate_interest"])
    pool_id = app.create_pool(
        ADMIN, "ses", NOW, provider="ses", legal_bases=["legitimate_interest"], override_reason="contract 17 allows it"
    )
    assert ("ada@leadmill.test", "pool.create", "contract 17 allows it") in audit(app)
    assert app.create_pool(ADMIN, "ses", NOW, provider="ses") == pool_id
    assert app.pools()[0].accepts_legal_bases == ("legitimate_interest",)


def test_the_organisation_is_kept_and_can_change(app: App) -> None:
    assert app.organisation() is None
    set_organisation(app)
    app.set_organisation(ADMIN, "Acme SE", "Elsewhere 2", NOW, website="https://acme.test")
    organisation = app.organisation()
    assert organisation
    assert (organisation.name, organisation.website) == ("Acme SE", "https://acme.test")
    with pytest.raises(InputInvalid, match="postal address"):
        app.set_organisation(ADMIN, "Acme", " ", NOW)


def test_where_nobody_is_mailed_neither_days_nor_variants_are_reckoned(app: App) -> None:
    pool = make_pool(app)
    campaign_id = app.create_campaign(ANALYST, make_draft(pool), NOW)
    found = {check.name: check.result for check in app.preflight(campaign_id, NOW)}
    assert found["audience"] == "error"
    assert not {"capacity", "variants"} & set(found)

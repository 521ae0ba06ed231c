"""The Campaigns page on a real ledger and lake, through Streamlit's own test runner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadmill.bootstrap import App
from leadmill.domain.access import Role
from leadmill.domain.campaigns import CampaignStatus
from leadmill.domain.send_days import WORKING_DAYS, SendDays
from leadmill.errors import Conflict
from leadmill.ports.waiting import Constraint
from leadmill.services.approve_campaign import Seen
from tests.campaign_world import (
    ANALYST,
    HTML,
    NOW,
    execute,
    make_draft,
    make_lead,
    make_leads,
    make_pool,
    sends,
    set_organisation,
    suppress,
)
from tests.dashboards.page_runner import DASHBOARDS, open_page, words_of

PAGE = "campaigns"


@pytest.fixture
def world(lake_app: App) -> App:
    """Six leads, one of them suppressed and one whose legal basis the pool refuses, a pool and the organisation."""
    make_leads(lake_app, 4)
    make_lead(lake_app, "gone@people.test")
    suppress(lake_app, "gone@people.test")
    make_lead(lake_app, "cold@people.test", legal_basis="legitimate_interest")
    set_organisation(lake_app)
    make_pool(lake_app, legal_bases=["consent"])
    return lake_app


def draft_of(app: App, **changes: Any) -> int:
    return app.create_campaign(ANALYST, make_draft(app.pools()[0].pool_id, **changes), NOW)


def open_campaign(monkeypatch: pytest.MonkeyPatch, app: App, campaign_id: int, *, role: Role = Role.ANALYST):
    page = open_page(monkeypatch, app, PAGE, role=role, campaign=str(campaign_id))
    assert not page.exception
    return page


def key_of(page, name: str) -> str:
    """A widget's key now: it changes when the draft's widgets start anew."""
    state = page.session_state  # the runner's own class, which has no `get`
    generation = state["edited_generation"] if "edited_generation" in state else 0  # noqa: SIM401 - see above
    return f"campaign_{name}" + (f"_{generation}" if generation else "")


def go_to(page, section: str):
    page.segmented_control(key=key_of(page, "section")).set_value(section).run()
    assert not page.exception
    return page


def test_without_campaigns_the_page_says_what_to_do(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, lake_app, PAGE)
    assert not page.exception
    assert "There is no campaign yet" in words_of(page)
    assert page.button(key="create_campaign")


def test_a_campaign_goes_from_its_name_to_its_approval(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, world, PAGE)
    page.text_input(key="new_name").set_value("Spring")
    page.button(key="create_campaign").click().run()
    assert not page.exception
    (campaign,) = world.campaigns()
    said = words_of(page)
    assert "Match the filters: 6" in said
    assert "Will be mailed: 4" in said
    assert "**1** · Their legal basis is not accepted by the chosen pool" in said

    page.text_input(key=key_of(page, "text")).set_value("lead1@").run()
    page.text_input(key=key_of(page, "text")).set_value("").run()
    page.button(key="save_and_go_on").click().run()
    page.text_input(key=key_of(page, "content_1_A_subject")).set_value("A word on spares").run()
    assert "**Subject:** A word on spares" in words_of(page)
    page.button(key="save_and_go_on").click().run()
    page.radio(key=key_of(page, "timing")).set_value("as_soon_as_possible").run()
    page.number_input(key=key_of(page, "content_2_delay")).set_value(5).run()
    page.button(key="save_and_go_on").click().run()
    assert not page.exception
    assert "Readers would see what the sample asks you to replace" in words_of(page)
    assert page.button(key="approve_campaign").disabled
    write_own_words(go_to(page, "2 · Content"))
    go_to(page, "4 · Check and approve")
    said = words_of(page)
    assert "It can be approved" in said
    assert "4 people get up to 2 mails each, the first from now on, as soon as a mailbox is free." in said
    assert page.button(key="approve_campaign").label == "Yes, mail 4 people"
    page.button(key="approve_campaign").click().run()

    assert not page.exception
    assert "Planning starts within 15 minutes" in words_of(page)
    detail = world.campaign(campaign.campaign_id)
    assert detail.status is CampaignStatus.APPROVED
    assert detail.draft.steps[0].variants[0].subject == "A word on spares"
    assert detail.draft.steps[1].delay_days == 5


def write_own_words(page) -> None:
    """Own words in place of what the sample asks for, in both subjects' mail and in the follow-up; saved."""
    for widget, choice, place in (
        ("variant_2_B", "A", "content_1_A_html"),
        ("variant_2_B", "B", "content_1_B_html"),
        ("step_2_2", 2, "content_2_A_html"),
    ):
        page.segmented_control(key=key_of(page, widget)).set_value(choice).run()
        page.text_area(key=key_of(page, place)).set_value(HTML).run()
    page.button(key="save_campaign").click().run()
    assert not page.exception


def test_what_others_changed_since_the_check_is_not_approved_unseen(
    world: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = draft_of(world)
    page = go_to(open_campaign(monkeypatch, world, campaign_id), "4 · Check and approve")
    seen = world.campaign(campaign_id).updated_at
    make_lead(world, "new@people.test")
    for people, at, words in (
        (4, seen, "5 people would be mailed now, not 4"),
        (5, seen - timedelta(seconds=1), "Somebody changed"),
    ):
        with pytest.raises(Conflict, match=words):
            world.approve_campaign(ANALYST, campaign_id, NOW, seen=Seen(people, at))
    assert world.campaign(campaign_id).status is CampaignStatus.DRAFT
    go_to(page, "2 · Content")
    go_to(page, "4 · Check and approve")
    page.button(key="approve_campaign").click().run()
    assert world.campaign(campaign_id).status is CampaignStatus.APPROVED


def test_what_was_typed_stays_when_another_section_is_looked_at(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = draft_of(world)
    page = go_to(open_campaign(monkeypatch, world, campaign_id), "2 · Content")
    page.text_input(key=key_of(page, "content_1_A_subject")).set_value("Typed").run()
    go_to(page, "1 · Audience")
    go_to(page, "2 · Content")
    assert page.text_input(key=key_of(page, "content_1_A_subject")).value == "Typed"
    assert "not saved yet" in words_of(page)
    assert world.campaign(campaign_id).draft.steps[0].variants[0].subject == "Hello"


def test_steps_and_variants_come_and_go(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = draft_of(world)
    page = go_to(open_campaign(monkeypatch, world, campaign_id), "2 · Content")
    page.button(key="add_variant").click().run()
    page.button(key="add_step").click().run()
    page.button(key="remove_variant").click().run()
    page.selectbox(key="sample_name").set_value("News with a button")
    page.button(key="insert_sample").click().run()
    page.button(key="save_campaign").click().run()
    assert not page.exception
    steps = world.campaign(campaign_id).draft.steps
    assert [[v.label for v in step.variants] for step in steps] == [["B", "C"], ["A"], ["A"]]
    assert steps[0].variants[0].subject == "Our news in one minute"


def test_a_template_error_is_a_sentence_and_forbids_approval(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = go_to(open_campaign(monkeypatch, world, draft_of(world)), "2 · Content")
    page.text_area(key=key_of(page, "content_1_A_html")).set_value("<p>{{ first_name </p>").run()
    assert not page.exception
    assert any("variant A" in error.value for error in page.error)
    go_to(page, "4 · Check and approve")
    assert "to put right before it can be approved" in words_of(page)
    assert page.button(key="approve_campaign").disabled


def test_a_mail_cannot_run_scripts_in_the_preview(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    import campaign_preview

    sealed = campaign_preview.sealed('"><script>alert(1)</script>')
    assert "<script" not in sealed
    assert 'sandbox=""' in sealed


def test_somebody_elses_change_is_not_overwritten(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = draft_of(world)
    page = open_campaign(monkeypatch, world, campaign_id)
    page.text_input(key=key_of(page, "name")).set_value("Mine").run()
    world.edit_campaign(
        ANALYST, campaign_id, make_draft(world.pools()[0].pool_id, name="Theirs"), NOW + timedelta(days=1)
    )
    page.button(key="save_campaign").click().run()
    assert not page.exception
    assert page.error
    assert world.campaign(campaign_id).draft.name == "Theirs"
    page.button(key="load_newer").click().run()
    assert page.text_input(key=key_of(page, "name")).value == "Theirs"


def test_a_viewer_looks_and_changes_nothing(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = draft_of(world)
    page = open_page(monkeypatch, world, PAGE, role=Role.VIEWER)
    assert "Changing one needs the role analyst" in words_of(page)
    assert "create_campaign" not in {button.key for button in page.button}
    page = open_campaign(monkeypatch, world, campaign_id, role=Role.VIEWER)
    assert {button.key for button in page.button} == {"all_campaigns"}
    assert "Will be mailed: 4" in words_of(page)
    assert not page.text_area


def test_pause_resume_and_cancel_ask_for_a_reason(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = draft_of(world)
    world.approve_campaign(ANALYST, campaign_id, NOW)
    world.plan_campaigns(NOW)
    page = open_campaign(monkeypatch, world, campaign_id)
    for verb, status in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        page.button(key=f"{verb}_campaign").click().run()
        assert "Say why" in words_of(page)
        page.text_input(key=f"{verb}_reason").set_value("the offer has changed")
        page.button(key=f"{verb}_campaign").click().run()
        assert not page.exception
        assert world.campaign(campaign_id).status.value == status
    assert "Reason given: the offer has changed" in words_of(page)
    assert {row["state"] for row in sends(world, campaign_id)} == {"cancelled"}


def test_a_running_campaigns_share_of_its_pool_is_changed_on_its_page(
    world: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = draft_of(world)
    world.approve_campaign(ANALYST, campaign_id, NOW)
    world.plan_campaigns(NOW)
    page = open_campaign(monkeypatch, world, campaign_id)
    page.selectbox(key="campaign_weight").set_value(2.0)
    page.button(key="weigh_campaign").click().run()
    assert not page.exception
    assert world.campaign(campaign_id).draft.weight == 2.0
    assert "Twice as fast as a normal campaign" in words_of(page)


def test_a_draft_is_copied_and_deleted(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = draft_of(world)
    page = open_campaign(monkeypatch, world, campaign_id)
    page.button(key="copy_campaign").click().run()
    assert not page.exception
    assert len(world.campaigns()) == 2
    page.checkbox(key="delete_sure").check().run()
    page.button(key="delete_campaign").click().run()
    assert not page.exception
    assert [c.campaign_id for c in world.campaigns()] == [campaign_id]
    assert "is deleted" in words_of(page)


def test_progress_adds_up_and_says_why_mails_wait(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = draft_of(world)
    world.approve_campaign(ANALYST, campaign_id, NOW)
    world.plan_campaigns(NOW)
    page = open_campaign(monkeypatch, world, campaign_id)
    said = words_of(page)
    assert "4 leads times 2 mails = 8, and every one of them is in the table" in said
    assert "4 follow-ups wait for the step before" in said
    assert "No mail of this campaign was accepted by a provider yet" in said
    table = next(frame.value for frame in page.dataframe if "State" in frame.value)
    assert list(table["All"]) == [8, 8]


def test_people_and_machines_are_told_apart_per_variant(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = approved_campaign_sent(world)
    add_touches(world, campaign_id)
    page = open_campaign(monkeypatch, world, campaign_id)
    results = next(frame.value for frame in page.dataframe if "by machines" in frame.value)
    first = results[results["Mail"].str.startswith("First mail")]
    assert sum(first["Sent"]) == 4
    assert sum(first["by machines"]) == 1
    assert "Opened by people: 25% (1)" in words_of(page)
    assert sum(o.opened for o in world.campaign_outcomes().values()) == 1


def test_an_unclear_mail_is_decided_by_a_person_with_a_reason(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = approved_campaign_sent(world)
    execute(
        world,
        "update ledger.sends set state = 'ambiguous', accepted_at = null, code = 'no_answer', claimed_at = %s"
        " where send_id = (select min(send_id) from ledger.sends where campaign_id = %s and step = 1)",
        NOW,
        campaign_id,
    )
    page = open_campaign(monkeypatch, world, campaign_id)
    page.radio(key="settle_outcome_0").set_value("sent")
    page.text_input(key="settle_reason_0").set_value("found in the provider's log")
    page.button(key="settle_submit_0").click().run()
    assert not page.exception
    assert "Decided: 1" in words_of(page)
    assert not world.ambiguous_sends()


def test_a_campaign_that_is_not_there_is_a_sentence(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_campaign(monkeypatch, lake_app, 4242)
    assert page.error


def approved_campaign_sent(app: App) -> int:
    """A planned campaign whose first mails a provider accepted."""
    campaign_id = draft_of(app)
    app.approve_campaign(ANALYST, campaign_id, NOW)
    app.plan_campaigns(NOW)
    execute(
        app,
        "update ledger.sends set state = 'accepted', accepted_at = %s, claimed_at = %s, attempts = 1,"
        " mailbox_id = (select min(mailbox_id) from ledger.mailboxes) where campaign_id = %s and step = 1",
        NOW,
        NOW,
        campaign_id,
    )
    return campaign_id


def add_touches(app: App, campaign_id: int) -> None:
    """A person opens one mail, a proxy opens that one and another."""
    first, second = [row["send_id"] for row in sends(app, campaign_id, "step = 1")][:2]
    with app.lake.connect() as duck:
        for number, (send_id, machine) in enumerate([(first, False), (first, True), (second, True)]):
            duck.execute(
                "insert into lake.events (event_id, kind, provider, occurred_at, collected_at, send_id, machine,"
                " raw_object, raw_line) values (?, 'opened', 'edge', ?, ?, ?, ?, 'x', 1)",
                [f"e{number}", NOW, NOW, send_id, machine],
            )


def test_a_reason_to_wait_ends_with_its_time_and_one_full_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DASHBOARDS))
    from campaign_progress import in_words

    wait = Constraint("sends", "step_delay", "2 mails wait.", 2, datetime(2026, 11, 25, 8, 30, tzinfo=UTC))
    assert in_words(wait) == "2 mails wait (until 25 Nov 2026, 08:30 UTC)."
    assert in_words(Constraint("sends", "due", "2 mails are due now.", 2, None)) == "2 mails are due now."


def test_a_new_campaign_sends_on_working_days_until_its_author_chooses_others(
    world: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page(monkeypatch, world, PAGE)
    page.text_input(key="new_name").set_value("Spring")
    page.button(key="create_campaign").click().run()
    (campaign,) = world.campaigns()
    assert world.campaign(campaign.campaign_id).draft.send_days == WORKING_DAYS
    go_to(page, "3 · Schedule")
    assert page.radio(key=key_of(page, "days")).value == "On working days"
    page.radio(key=key_of(page, "days")).set_value("On chosen days").run()
    page.button_group(key=key_of(page, "weekdays")).set_value([1, 2, 4]).run()
    page.toggle(key=key_of(page, "skips_holidays")).set_value(False).run()
    page.number_input(key=key_of(page, "best_of_days")).set_value(5).run()
    page.button(key="save_campaign").click().run()
    assert not page.exception
    draft = world.campaign(campaign.campaign_id).draft
    assert (draft.send_days, draft.best_of_days) == (SendDays((1, 2, 4)), 5)
    page.radio(key=key_of(page, "days")).set_value("On working days").run()
    page.toggle(key=key_of(page, "skips_holidays")).set_value(True).run()
    page.button(key="save_and_go_on").click().run()
    assert not page.exception
    expected = "Sends on working days where the lead lives, not on public holidays of the lead's country."
    assert expected in words_of(page)


def test_a_campaign_on_no_day_of_the_week_is_not_saved(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = draft_of(world, send_days=SendDays((1, 2)))
    page = go_to(open_campaign(monkeypatch, world, campaign_id), "3 · Schedule")
    page.button_group(key=key_of(page, "weekdays")).set_value([]).run()
    page.button(key="save_campaign").click().run()
    assert not page.exception
    assert "Choose at least one day of the week" in words_of(page)
    assert world.campaign(campaign_id).draft.send_days == SendDays((1, 2))


def test_whom_other_campaigns_mail_is_counted_and_can_be_mailed_all_the_same(
    world: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = draft_of(world, name="Autumn *offer*")
    world.approve_campaign(ANALYST, first, NOW)
    world.plan_campaigns(NOW)
    second = draft_of(world)
    page = open_campaign(monkeypatch, world, second)
    said = words_of(page)
    assert "Will be mailed: 0" in said
    assert "**4** · They are in the running sequence of another campaign" in said
    assert "**4 leads have mails to come of** “Autumn \\*offer\\*” (4): left out." in said
    page.toggle(key=key_of(page, "skip_in_sequence")).set_value(False).run()
    page.number_input(key=key_of(page, "days_apart")).set_value(14).run()
    assert not page.exception
    assert "Will be mailed: 4" in words_of(page)
    assert "(4): :orange[mailed all the same]." in words_of(page)
    page.button(key="save_and_go_on").click().run()
    go_to(page, "3 · Schedule")
    page.toggle(key=key_of(page, "ends_on_other_reply")).set_value(False).run()
    page.button(key="save_campaign").click().run()
    rules = world.campaign(second).draft.contacts
    assert (rules.leave_out_in_sequence, rules.days_apart, rules.ends_on_other_reply) == (False, 14, False)


def test_a_campaigns_name_is_no_markdown(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_campaign(monkeypatch, world, draft_of(world, name="Parts *now* [2]"))
    assert not page.exception
    assert [title.value for title in page.title] == [r"Parts \*now\* \[2\]"]

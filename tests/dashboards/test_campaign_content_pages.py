"""Blocks, fallbacks, attachments, lacking leads and the countries' rules on the pages, on a real ledger and store."""

from __future__ import annotations

from typing import Any

import pytest

from leadmill.bootstrap import App
from leadmill.domain.access import Role
from leadmill.domain.campaigns import Step, Variant
from leadmill.domain.content_blocks import ContentBlock
from leadmill.domain.segments import Segment
from tests.campaign_world import ANALYST, FOOTER, NOW, make_draft, make_lead, make_pool, set_organisation
from tests.dashboards.page_runner import open_page, words_of
from tests.dashboards.test_campaigns_page import go_to, key_of, open_campaign

CHECK, CONTENT = "4 · Check and approve", "2 · Content"


@pytest.fixture
def world(lake_app: App) -> App:
    """A hotel and a lead of whom nothing but the address is known."""
    make_lead(lake_app, "ann@people.test", first_name="Ann", last_name="Lee", company="Inn [1]", category="hotel")
    make_lead(lake_app, "bare@people.test", last_name="Bare")
    set_organisation(lake_app)
    make_pool(lake_app)
    return lake_app


def draft_of(app: App, html: str, **changes: Any) -> int:
    steps = (Step((Variant("A", "Hi", html + FOOTER),)),)
    return app.create_campaign(ANALYST, make_draft(app.pools()[0].pool_id, steps=steps, **changes), NOW)


def frames_of(page) -> list[Any]:
    return [frame.value for frame in page.dataframe]


def test_lacking_leads_are_shown_by_name_with_links_and_without_ids(
    world: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = go_to(open_campaign(monkeypatch, world, draft_of(world, "<p>Dear {{ first_name }}</p>")), CHECK)
    said = words_of(page)
    assert "**1 lead has no `first_name`**" in said
    assert "[Bare](/leads?lead=2)" in said
    assert page.button(key="approve_campaign").disabled


def test_one_click_sets_a_fallback(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = draft_of(world, "<p>Dear {{ first_name }}</p>")
    page = go_to(open_campaign(monkeypatch, world, campaign_id), CHECK)
    page.text_input(key="gap_fallback_first_name").set_value("friend").run()
    page.button(key="gap_use_first_name").click().run()
    assert not page.exception
    assert world.campaign(campaign_id).draft.fallbacks == (("first_name", "friend"),)
    assert not page.button(key="approve_campaign").disabled


def test_one_click_leaves_lacking_leads_out(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = draft_of(world, "<p>Dear {{ first_name }}</p>")
    page = go_to(open_campaign(monkeypatch, world, campaign_id), CHECK)
    page.button(key="gap_exclude_first_name").click().run()
    assert not page.exception
    assert world.campaign(campaign_id).draft.segment == Segment(exclude_without=("first_name",))
    assert not page.button(key="approve_campaign").disabled
    go_to(page, "1 · Audience")
    assert "Will be mailed: 1" in words_of(page)


def test_leaving_out_says_that_it_takes_those_too_who_do_not_need_the_field(
    world: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = draft_of(world, "<p>{% if first_name %}{{ vat_number }}{% endif %}</p>")
    page = go_to(open_campaign(monkeypatch, world, campaign_id), CHECK)
    assert "1 lead needs `vat_number` and has none" in words_of(page)
    assert page.button(key="gap_exclude_vat_number").label == "Leave out all 2 leads without vat_number"


def test_categories_without_a_version_are_left_out_with_one_click(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    block = ContentBlock("intro", None, (("hotel", "<p>Rooms</p>"),))
    campaign_id = draft_of(world, '{{ block("intro") }}', blocks=(block,))
    page = go_to(open_campaign(monkeypatch, world, campaign_id), CHECK)
    assert "Their categories: none." in words_of(page)
    page.button(key="gap_exclude_intro").click().run()
    assert not page.exception
    assert world.campaign(campaign_id).draft.segment.exclude_categories == ("",)
    assert not page.button(key="approve_campaign").disabled


def test_a_viewer_sees_lacking_leads_and_no_buttons(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = draft_of(world, "<p>Dear {{ first_name }}</p>")
    page = open_campaign(monkeypatch, world, campaign_id, role=Role.VIEWER)
    assert "**1 lead has no `first_name`**" in words_of(page)
    assert {button.key for button in page.button} == {"all_campaigns"}


def test_a_block_is_written_previewed_and_saved(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = draft_of(world, '{{ block("intro") }}')
    page = go_to(open_campaign(monkeypatch, world, campaign_id), CONTENT)
    page.text_input(key=key_of(page, "block_name")).set_value("Intro")
    page.button(key="add_block").click().run()
    assert any("small letters" in error.value for error in page.error)
    page.text_input(key=key_of(page, "block_name")).set_value("intro")
    page.button(key="add_block").click().run()
    page.text_area(key=key_of(page, "block_intro_default")).set_value("<p>Hello all</p>").run()
    page.button(key="block_intro_add").click().run()
    page.text_area(key=key_of(page, "block_intro_version_hotel")).set_value("<p>Hello hotels</p>").run()
    assert not page.exception
    assert "The block intro shows" in words_of(page)
    page.selectbox(key="preview_lead").set_value(1).run()
    assert "the version for “hotel”" in words_of(page)
    page.button(key="save_campaign").click().run()
    expected = ContentBlock("intro", "<p>Hello all</p>", (("hotel", "<p>Hello hotels</p>"),))
    assert world.campaign(campaign_id).draft.blocks == (expected,)
    page.checkbox(key=key_of(page, "block_intro_has_default")).uncheck().run()
    page.button(key="block_intro_fewer").click().run()
    page.button(key="save_campaign").click().run()
    assert world.campaign(campaign_id).draft.blocks == (ContentBlock("intro", None, ()),)
    page.button(key="block_intro_remove").click().run()
    assert not page.exception
    assert any("no such block" in error.value for error in page.error)


def test_fallbacks_are_offered_for_what_the_content_reads(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = draft_of(world, "<p>Dear {{ first_name }}</p>")
    page = go_to(open_campaign(monkeypatch, world, campaign_id), CONTENT)
    page.text_input(key=key_of(page, "fallback_first_name")).set_value("reader").run()
    page.selectbox(key="preview_lead").set_value(2).run()
    assert "first_name is missing; the fallback “reader” stands in" in words_of(page)
    page.button(key="save_campaign").click().run()
    assert world.campaign(campaign_id).draft.fallbacks == (("first_name", "reader"),)


def test_a_file_is_attached_shown_and_removed(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = draft_of(world, "<p>x</p>")
    page = go_to(open_campaign(monkeypatch, world, campaign_id), CONTENT)
    page.file_uploader(key=key_of(page, "attachment_1")).upload("offer.pdf", b"%PDF-1.7\n").run()
    page.button(key="attach_1").click().run()
    assert not page.exception
    assert "offer.pdf · 1 kB" in words_of(page)
    page.button(key="save_campaign").click().run()
    (file,) = world.campaign(campaign_id).draft.steps[0].attachments
    assert world.store.read(file.key) == b"%PDF-1.7\n"
    remove = next(b for b in page.button if (b.key or "").startswith("campaign_detach_1"))
    remove.click().run()
    page.button(key="save_campaign").click().run()
    assert world.campaign(campaign_id).draft.steps[0].attachments == ()


def test_who_is_left_out_by_law_is_shown_by_country(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    make_lead(world, "cold@people.test", legal_basis="legitimate_interest")
    campaign_id = draft_of(world, "<p>x</p>")
    page = open_campaign(monkeypatch, world, campaign_id)
    by_country = next(frame for frame in frames_of(page) if "Rule" in frame)
    assert list(by_country["Country"]) == ["Germany"]
    assert "UWG" in by_country["Rule"][0]
    go_to(page, CHECK)
    said = "1 lead is left out, because the law of the country asks for another legal basis: 1 in Germany."
    assert said in words_of(page)


def test_an_admin_decides_for_a_country_on_the_organisation_page(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, world, "organisation", role=Role.ADMIN)
    assert not page.exception
    page.selectbox(key="country_chosen").set_value("Germany")
    page.multiselect(key="country_bases").set_value(["consent", "legitimate_interest"])
    page.button(key="country_decide").click().run()
    assert any("Give the reason" in error.value for error in page.error)
    page.selectbox(key="country_chosen").set_value("Germany")
    page.multiselect(key="country_bases").set_value(["consent", "legitimate_interest"])
    page.text_input(key="country_reason").set_value("counsel agreed")
    page.button(key="country_decide").click().run()
    assert not page.exception
    table = next(frame for frame in frames_of(page) if "How sure" in frame)
    line = table[table["Country"] == "Germany"].iloc[0]
    assert line["What may be mailed"] == "Decided: Consent, Legitimate interest"
    assert any(
        "**Germany** is decided otherwise" in info.value and "counsel agreed" in info.value for info in page.info
    )
    page.button(key="country_restore").click().run()
    assert not page.exception
    (germany,) = (p for p in world.country_policies() if p.stored.country == "DE")
    assert germany.stored.override_legal_bases is None


def test_a_follow_up_carries_on_the_subject_before_or_has_its_own(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = draft_of(world, "<p>Hello</p>")
    page = go_to(open_campaign(monkeypatch, world, campaign_id), CONTENT)
    page.button(key="add_step").click().run()
    page.segmented_control(key=key_of(page, "step_2_2")).set_value(2).run()
    assert page.text_input(key=key_of(page, "content_2_A_subject_before")).value == "Re: Hi"
    assert "**Subject:** Re: Hi" in words_of(page)
    page.toggle(key=key_of(page, "content_2_A_carries_on")).set_value(False).run()
    page.text_input(key=key_of(page, "content_2_A_subject")).set_value("Another matter").run()
    assert "**Subject:** Another matter" in words_of(page)

"""Pre-flight on a real ledger and store: lacking fields, blocks, spintax, attachments."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from leadmill.bootstrap import App
from leadmill.domain.attachments import AttachedFile
from leadmill.domain.campaigns import Step, Variant
from leadmill.domain.content_blocks import ContentBlock
from leadmill.domain.segments import Segment
from leadmill.errors import Conflict, InputInvalid, NotAllowed, NotFound
from tests.campaign_world import (
    ANALYST,
    FOOTER,
    NOW,
    VIEWER,
    approved_campaign,
    check,
    draft_with,
    make_draft,
    make_lead,
)

PDF = b"%PDF-1.7\n" + b"x" * 1000


def test_each_lacking_field_is_told_with_its_leads(app: App) -> None:
    for number in range(3):
        make_lead(app, f"full{number}@a.test", first_name="Ann", company="Acme")
    nameless = make_lead(app, "nameless@a.test", company="Brown", last_name="Lee")
    bare = make_lead(app, "bare@a.test")
    found = check(
        app, draft_with(app, "<p>{{ first_name }}, {% if category %}{{ city }}{% endif %}{{ company }}</p>"), "fields"
    )
    assert found
    assert found.result == "error"
    assert found.message == "2 leads would get no mail. 2 have no first_name; 1 has no company."
    by_name = {gap.name: gap for gap in found.gaps}
    assert {lead.lead_id for lead in by_name["first_name"].samples} == {nameless, bare}
    assert [lead.lead_id for lead in by_name["company"].samples] == [bare]
    assert {lead.name for lead in by_name["first_name"].samples} == {"Lee", ""}


def test_a_field_that_only_some_values_ask_for_is_missed_by_those_leads_alone(app: App) -> None:
    for number in range(40):
        make_lead(app, f"ok{number}@a.test", city=f"Town {number}", attributes='{"Land": "FR"}')
    needs = make_lead(app, "needs@a.test", city="Berlin", attributes='{"Land": "FR"}')
    make_lead(app, "has@a.test", city="Berlin", company="Acme")
    abroad = make_lead(app, "abroad@a.test", city="Rome", attributes='{"LAND": "IT"}')
    html = "<p>{% if city == 'Berlin' or land == 'IT' %}{{ company }}{% endif %}</p>"
    draft = draft_with(app, html)
    found = check(app, draft, "fields")
    assert found
    assert found.result == "error"
    assert found.message == "2 leads would get no mail. 2 need company and have none."
    assert found.gaps[0].without_count == 42
    assert set(found.lead_ids) == {needs, abroad}
    (gap,) = found.gaps
    lines = list(csv.reader(io.StringIO(app.lacking_leads_file(ANALYST, draft, gap, NOW).decode("utf-8-sig"))))
    assert sorted(line[0] for line in lines[1:]) == ["abroad@a.test", "needs@a.test"]


def test_a_column_that_the_file_has_too_hides_no_other_lacking_field(app: App) -> None:
    make_lead(app, "fr@a.test", company="Acme", attributes='{"Company": "Acme", "Land": "FR"}')
    make_lead(app, "vat@a.test", company="Acme", attributes='{"VAT": "1", "Land": "DE"}')
    needs = make_lead(app, "de@a.test", company="Acme", attributes='{"Company": "Acme", "Land": "DE"}')
    html = "<p>{{ company }}{% if land == 'DE' %}{{ vat }}{% endif %}</p>"
    found = check(app, draft_with(app, html), "fields")
    assert found
    assert found.lead_ids == (needs,)


def test_a_file_s_further_columns_count_as_fields(app: App) -> None:
    make_lead(app, "a@a.test", attributes='{"Favourite Colour": "blue"}')
    lacking = make_lead(app, "b@a.test", attributes='{"Other": "x", "Favourite Colour": ""}')
    in_both = make_lead(app, "c@a.test", attributes='{"Company": "Brown", "Favourite Colour": "red"}')
    found = check(app, draft_with(app, "<p>{{ favourite_colour }}{{ company | default('') }}</p>"), "fields")
    assert found
    assert found.lead_ids == (lacking,)
    needs_company = check(app, draft_with(app, "<p>{{ company }}</p>"), "fields")
    assert needs_company
    assert in_both not in needs_company.lead_ids


def test_a_fallback_mends_it_and_is_kept_and_audited(app: App) -> None:
    lead = make_lead(app, "b@a.test")
    draft = draft_with(app, "<p>Dear {{ first_name }}</p>")
    campaign_id = app.create_campaign(ANALYST, draft, NOW)
    app.edit_campaign(ANALYST, campaign_id, replace(draft, fallbacks=(("first_name", "friend"),)), NOW)
    assert {c.name: c.result for c in app.preflight(campaign_id, NOW)}["fields"] == "ok"
    assert app.campaign(campaign_id).draft.fallbacks == (("first_name", "friend"),)
    assert "Dear friend" in app.preview_message(campaign_id, 1, "A", lead).html
    assert app.preview_notes(campaign_id, 1, "A", lead).fallbacks == {"first_name": "friend"}
    with app.database.transaction() as ledger:
        row = ledger.execute("select details from ledger.audit_log where action = 'campaign.edit'").fetchone()
    assert row
    assert row["details"] == {"changed": ["fallbacks"], "fallbacks": {"first_name": "friend"}}


def test_the_same_fallbacks_and_blocks_reach_dispatch(app: App) -> None:
    make_lead(app, "b@a.test", category="hotel")
    blocks = (ContentBlock("intro", "<p>Hello</p>", (("hotel", "<p>Rooms for {{ first_name }}</p>"),)),)
    html = '{{ block("intro") }}' + FOOTER
    campaign_id = approved_campaign(
        app, steps=(Step((Variant("A", "Hi", html),)),), blocks=blocks, fallbacks=(("first_name", "friends"),)
    )
    (variant_id,) = app.campaign(campaign_id).variant_ids.values()
    content = app.content_compiler.compile(app.send_ledger.content([variant_id])[variant_id], app.organisation())  # type: ignore[arg-type]
    (recipient,) = app._audience.recipients([1])
    sender = app._senders.example_sender(None)
    assert sender
    assert "Rooms for friends" in content.render(send_id=1, recipient=recipient, sender=sender).html


def test_leads_without_a_field_or_of_a_category_are_left_out_by_the_segment(app: App) -> None:
    make_lead(app, "a@a.test", first_name="Ann", category="hotel")
    make_lead(app, "b@a.test", category="hotel")
    make_lead(app, "c@a.test", first_name="Cem")
    draft = draft_with(app, "<p>Dear {{ first_name }}</p>")
    without = replace(draft, segment=Segment(exclude_without=("first_name",)))
    assert app.audience_preview(without.segment, None).matched == 2
    found = check(app, without, "fields")
    assert found
    assert found.result == "ok"
    assert app.audience_preview(Segment(exclude_categories=("hotel",)), None).matched == 1
    assert app.audience_preview(Segment(exclude_categories=("hotel", "")), None).matched == 0


def test_the_list_of_lacking_leads_is_for_analysts_and_on_record(app: App) -> None:
    make_lead(app, "full@a.test", first_name="Ann", company="Acme")
    make_lead(app, "b@a.test", last_name="=1+1", company="Brown, Sons")
    make_lead(app, "bare@a.test", country="US")
    draft = draft_with(app, "<p>{{ first_name }}{{ company | default('') }}</p>")
    found = check(app, draft, "fields")
    assert found
    (gap,) = found.gaps
    lines = list(csv.reader(io.StringIO(app.lacking_leads_file(ANALYST, draft, gap, NOW).decode("utf-8-sig"))))
    assert lines == [
        ["E-mail", "Name", "Company", "Country", "Category", "Lacks"],
        ["b@a.test", "'=1+1", "Brown, Sons", "DE", "", "first_name"],
        ["bare@a.test", "", "", "US", "", "first_name"],
    ]
    with pytest.raises(NotAllowed):
        app.lacking_leads_file(VIEWER, draft, gap, NOW)
    with app.database.transaction() as ledger:
        rows = ledger.execute("select actor, details from ledger.audit_log where action = 'leads.download'").fetchall()
    assert [(row["actor"], row["details"]) for row in rows] == [(ANALYST.email, {"leads": 2})]


def test_a_block_without_a_default_names_the_categories_it_leaves_out(app: App) -> None:
    make_lead(app, "a@a.test", category="hotel")
    make_lead(app, "b@a.test", category="bar")
    make_lead(app, "c@a.test")
    block = ContentBlock("intro", None, (("hotel", "x"), ("hotle", "y")))
    draft = draft_with(app, '{{ block("intro") }}', blocks=(block, ContentBlock("spare")))
    found = check(app, draft, "fields")
    assert found
    (gap,) = found.gaps
    assert (gap.kind, gap.name, gap.lead_count, gap.categories) == ("block", "intro", 2, ("", "bar"))
    assert "2 have a category without a version of the block intro" in found.message
    hints = check(app, draft, "blocks")
    assert hints
    assert "spare is used nowhere" in hints.message
    assert "'hotle'" in hints.message


@pytest.mark.parametrize("default", ["", " ", "<p>&nbsp;</p>", "<div><br></div>", "{# later #}"])
def test_who_would_see_an_empty_place_is_counted_and_named(app: App, default: str) -> None:
    make_lead(app, "a@a.test", category="hotel")
    bar = make_lead(app, "b@a.test", category="bar")
    bare = make_lead(app, "c@a.test")
    block = ContentBlock("intro", default, (("hotel", "<p>Rooms</p>"),))
    draft = draft_with(app, '<p>x</p>{{ block("intro") }}', blocks=(block, ContentBlock("spare", "")))
    found = check(app, draft, "blank_blocks")
    assert found
    assert found.result == "warning"
    assert found.message == "2 leads see nothing where intro stands: its version is empty."
    (gap,) = found.gaps
    assert (gap.kind, gap.lead_count, gap.categories) == ("blank", 2, ("", "bar"))
    assert {lead.lead_id for lead in gap.samples} == {bar, bare}
    lines = list(csv.reader(io.StringIO(app.lacking_leads_file(ANALYST, draft, gap, NOW).decode("utf-8-sig"))))
    assert sorted(line[0] for line in lines[1:]) == ["b@a.test", "c@a.test"]


def test_a_place_that_is_empty_for_everybody_forbids_approval(app: App) -> None:
    make_lead(app, "a@a.test", category="hotel")
    found = check(app, draft_with(app, '{{ block("intro") }}', blocks=(ContentBlock("intro", ""),)), "blank_blocks")
    assert found
    assert found.result == "error"
    for shown in ("<p>Hello</p>", '<img src="https://acme.test/a.png">', "{{ first_name | default('x') }}"):
        assert (
            check(app, draft_with(app, '{{ block("a") }}', blocks=(ContentBlock("a", shown),)), "blank_blocks") is None
        )


@pytest.mark.parametrize(
    "html", ["<p>by [say how you solve it].</p>", "<p>[Name the news]</p>", '<a href="https://www.example.com">x</a>']
)
def test_what_the_sample_asks_to_replace_forbids_approval_wherever_it_stands(app: App, html: str) -> None:
    make_lead(app, "a@a.test")
    in_block = draft_with(app, '{{ block("a") }}', blocks=(ContentBlock("a", html),))
    for draft in (draft_with(app, html), in_block, draft_with(app, "<p>x</p>", subject="[name the news]")):
        found = check(app, draft, "placeholders")
        assert found
        assert found.result == "error"


@pytest.mark.parametrize(
    "tag", ["*|FNAME|*", "%FIRSTNAME%", "[[first_name]]", "{first_name}", "${name}", "[FIRST NAME]"]
)
def test_other_tools_merge_tags_are_told(app: App, tag: str) -> None:
    make_lead(app, "a@a.test")
    found = check(app, draft_with(app, f"<p>Dear {tag}</p>"), "merge_tags")
    assert found
    assert (found.result, tag in found.message) == ("warning", True)


@pytest.mark.parametrize(
    "html",
    ["<p>20% off, 30% more [1] [PDF]</p>", "<style>p{color:red}</style>", '<a href="https://a.test/%C3%BCber%20x">'],
)
def test_ordinary_text_is_no_merge_tag(app: App, html: str) -> None:
    make_lead(app, "a@a.test")
    draft = draft_with(app, html)
    assert check(app, draft, "merge_tags") is None
    assert check(app, draft, "placeholders") is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("frist_name", "first_name"),
        ("vorname", "first_name"),
        ("company_name", "company"),
        ("favorite_color", "favourite_colour"),
    ],
)
def test_a_field_that_nobody_has_suggests_the_nearest_name(app: App, written: str, meant: str) -> None:
    make_lead(app, "a@a.test", first_name="Ann", attributes='{"Favourite Colour": "red"}')
    found = check(app, draft_with(app, f"<p>{{{{ {written} }}}}</p>"), "fields")
    assert found
    assert f"nobody has: did you mean {meant}?" in found.message


def test_a_field_that_is_like_no_other_suggests_nothing(app: App) -> None:
    make_lead(app, "a@a.test", first_name="Ann")
    found = check(app, draft_with(app, "<p>{{ xyzzy }}</p>"), "fields")
    assert found
    assert "did you mean" not in found.message


def test_spintax_forbids_approval_and_points_to_variants(app: App) -> None:
    make_lead(app, "a@a.test")
    found = check(app, draft_with(app, "<p>{Hi|Hello}</p>"), "spintax")
    assert found
    assert found.result == "error"
    assert "variant" in found.advice
    in_block = draft_with(app, '{{ block("a") }}', blocks=(ContentBlock("a", "{x|y}"),))
    assert check(app, in_block, "spintax")
    assert check(app, draft_with(app, "<p>{{ first_name | default('x') }}</p>"), "spintax") is None


def attach(app: App, campaign_id: int, *files: AttachedFile) -> None:
    draft = app.campaign(campaign_id).draft
    first = replace(draft.steps[0], attachments=files)
    app.edit_campaign(ANALYST, campaign_id, replace(draft, steps=(first, *draft.steps[1:])), NOW)


def test_an_attachment_goes_from_upload_to_the_mail(app: App) -> None:
    lead = make_lead(app, "a@a.test")
    campaign_id = app.create_campaign(ANALYST, draft_with(app, "<p>x</p>"), NOW)
    file = app.upload_attachment(ANALYST, campaign_id, "offer.pdf", PDF)
    assert file == app.upload_attachment(ANALYST, campaign_id, "offer.pdf", PDF)
    attach(app, campaign_id, file)
    assert app.campaign(campaign_id).draft.steps[0].attachments == (file,)
    (attached,) = app.preview_message(campaign_id, 1, "A", lead).frame.attachments
    assert (attached.name, attached.content_type, attached.content) == ("offer.pdf", "application/pdf", PDF)
    results = [(c.name, c.result) for c in app.preflight(campaign_id, NOW) if c.name == "attachments"]
    assert results == [("attachments", "ok"), ("attachments", "warning")]


def test_a_copy_has_files_of_its_own_and_a_deleted_draft_leaves_none(app: App) -> None:
    make_lead(app, "a@a.test")
    campaign_id = app.create_campaign(ANALYST, draft_with(app, "<p>x</p>"), NOW)
    attach(app, campaign_id, app.upload_attachment(ANALYST, campaign_id, "offer.pdf", PDF))
    copied_id = app.copy_campaign(ANALYST, campaign_id, NOW)
    app.delete_campaign(ANALYST, campaign_id, NOW)
    assert list(app.store.list(f"attachments/{campaign_id}/")) == []
    (file,) = app.campaign(copied_id).draft.steps[0].attachments
    assert file.key.startswith(f"attachments/{copied_id}/")
    assert app.store.read(file.key) == PDF


def test_a_draft_keeps_no_foreign_object_and_no_heap_of_files(app: App) -> None:
    campaign_id = app.create_campaign(ANALYST, draft_with(app, "<p>x</p>"), NOW)
    file = app.upload_attachment(ANALYST, campaign_id, "offer.pdf", PDF)
    with pytest.raises(InputInvalid, match="does not belong to this campaign"):
        attach(app, campaign_id, replace(file, key="landing/leads/secret.csv"))
    with pytest.raises(InputInvalid, match="one mail may have"):
        attach(app, campaign_id, *(replace(file, name=f"{n}.pdf", byte_size=4_000_000) for n in range(3)))
    with pytest.raises(InputInvalid, match="once the campaign is there"):
        app.create_campaign(ANALYST, make_draft(None, steps=(Step((Variant("A", "x", "y"),), 0, (file,)),)), NOW)
    with pytest.raises(InputInvalid, match="no programs"):
        app.upload_attachment(ANALYST, campaign_id, "setup.exe", b"MZ")
    with pytest.raises(NotAllowed):
        app.upload_attachment(VIEWER, campaign_id, "offer.pdf", PDF)
    with pytest.raises(NotFound):
        app.upload_attachment(ANALYST, 4242, "offer.pdf", PDF)


def test_files_are_attached_to_drafts_only(app: App) -> None:
    make_lead(app, "a@a.test")
    campaign_id = approved_campaign(app)
    with pytest.raises(Conflict, match="approved already"):
        app.upload_attachment(ANALYST, campaign_id, "offer.pdf", PDF)

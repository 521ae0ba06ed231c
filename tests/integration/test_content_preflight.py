"""Pre-flight on a real ledger, store and edge: lacking fields, blocks, attachments, the countries' law, unsubscribe."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from pydantic import SecretStr

from leadmill.adapters.unsubscribe_probe import HttpUnsubscribeProbe
from leadmill.bootstrap import App
from leadmill.domain.attachments import AttachedFile
from leadmill.domain.campaigns import CampaignDraft, Step, Variant
from leadmill.domain.content_blocks import ContentBlock
from leadmill.domain.country_rules import NEEDS, RULES, VERSION
from leadmill.domain.segments import Segment
from leadmill.errors import Conflict, InputInvalid, NotAllowed, NotFound
from leadmill.ports.campaigns import Check
from leadmill.ports.unsubscribe_probe import ProbeOutcome
from leadmill.settings import Settings
from tests.campaign_world import (
    ADMIN,
    ANALYST,
    FOOTER,
    NOW,
    VIEWER,
    approved_campaign,
    execute,
    make_draft,
    make_lead,
    make_pool,
    sends,
    set_organisation,
)
from tests.conftest import running_edge

PDF = b"%PDF-1.7\n" + b"x" * 1000


def draft_with(app: App, html: str, *, subject: str = "Hi", **changes: object) -> CampaignDraft:
    if app.organisation() is None:
        set_organisation(app)
    pool_id = app.pools()[0].pool_id if app.pools() else make_pool(app)
    return make_draft(pool_id, steps=(Step((Variant("A", subject, html + FOOTER),)),), **changes)


def check(app: App, draft: CampaignDraft, name: str) -> Check | None:
    campaign_id = app.create_campaign(ANALYST, draft, NOW)
    return next((c for c in app.preflight(campaign_id, NOW) if c.name == name), None)


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
    with pytest.raises(InputInvalid, match="not one of campaign"):
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


# --- the law of countries


def test_the_ledger_s_rules_are_those_of_the_domain(app: App) -> None:
    stored = {policy.stored.country: policy.stored for policy in app.country_policies()}
    assert stored.keys() == RULES.keys()
    for country, rule in RULES.items():
        assert frozenset(stored[country].accepts_legal_bases) == rule.accepts
        assert stored[country].needs == NEEDS[rule.cold_mail]
        assert stored[country].version == VERSION


@pytest.mark.parametrize(
    ("columns", "is_mailed"),
    [
        ({"country": "DE"}, False),
        ({"country": "DE", "legal_basis": "contract"}, True),
        ({"country": "DE", "legal_basis": "consent"}, True),
        ({"country": "US"}, True),
        ({"country": "SE"}, False),
        ({"country": "XK"}, False),
        ({"country": ""}, False),
        ({"country": "", "legal_basis": "consent"}, True),
        ({"country": "GB"}, False),
        ({"country": "GB", "company": "Brown Ltd"}, True),
        ({"country": "GB", "company": "Brown Ltd", "email": "brown@gmail.com"}, False),
        ({"country": "FR", "company": "Brun SA"}, False),
        ({"country": "FR", "company": "Brun SA", "job_title": "Acheteur"}, True),
    ],
)
def test_a_lead_is_mailed_only_where_its_country_s_law_lets_us(app: App, columns: dict, is_mailed: bool) -> None:
    values = {"legal_basis": "legitimate_interest", "email": "lee@firm.test"} | columns
    make_lead(app, values.pop("email"), **values)
    preview = app.audience_preview(Segment(), make_pool(app))
    assert preview.left_out == ({} if is_mailed else {"policy_country": 1})


def test_who_is_left_out_by_law_is_told_by_country_and_gets_no_row(app: App) -> None:
    kept = make_lead(app, "us@a.test", legal_basis="legitimate_interest", country="US")
    for number in range(2):
        make_lead(app, f"de{number}@a.test", legal_basis="legitimate_interest")
    make_lead(app, "x@a.test", legal_basis="legitimate_interest", country="")
    campaign_id = approved_campaign(app)
    found = next(c for c in app.preflight(campaign_id, NOW) if c.name == "country_rules")
    assert found.result == "warning"
    assert [(gap.country, gap.lead_count) for gap in found.country_gaps] == [("DE", 2), ("", 1)]
    assert app.country_gaps(Segment(), None) == found.country_gaps
    app.plan_campaigns(NOW)
    assert {row["lead_id"] for row in sends(app, campaign_id)} == {kept}
    assert app.campaign(campaign_id).left_out == {"policy_country": 3}
    assert app.conservation(campaign_id).holds


def test_an_admin_decides_otherwise_for_a_reason_and_back(app: App) -> None:
    make_lead(app, "de@a.test", legal_basis="legitimate_interest")
    with pytest.raises(InputInvalid, match="reason"):
        app.override_country_rule(ADMIN, "DE", ["legitimate_interest"], NOW, reason=" ")
    with pytest.raises(NotAllowed):
        app.override_country_rule(ANALYST, "DE", ["legitimate_interest"], NOW, reason="x")
    with pytest.raises(InputInvalid, match="country code"):
        app.override_country_rule(ADMIN, "Germany", ["consent"], NOW, reason="x")
    app.override_country_rule(ADMIN, "DE", ["consent", "legitimate_interest"], NOW, reason="counsel, 3 March")
    campaign_id = approved_campaign(app)
    app.plan_campaigns(NOW)
    assert {row["state"] for row in sends(app, campaign_id)} == {"planned"}
    assert app.restore_country_rule(ADMIN, "DE", NOW, reason="counsel changed their mind") == 2
    assert {(row["state"], row["code"]) for row in sends(app, campaign_id)} == {("suppressed", "policy_country")}
    log = [(e.action, e.reason) for e in app.audit_entries(ADMIN, subject_kind="country_rule")]
    assert log == [
        ("country_rule.restore", "counsel changed their mind"),
        ("country_rule.override", "counsel, 3 March"),
    ]


def test_a_country_that_has_no_rule_of_its_own_can_get_a_decision(app: App) -> None:
    make_lead(app, "mx@a.test", legal_basis="legitimate_interest", country="MX")
    app.override_country_rule(ADMIN, "MX", ["consent", "legitimate_interest"], NOW, reason="local counsel")
    assert app.audience_preview(Segment(), None).will_be_mailed == 1
    app.restore_country_rule(ADMIN, "MX", NOW, reason="")
    assert app.audience_preview(Segment(), None).left_out == {"policy_country": 1}


def test_a_lead_that_moved_after_the_plan_is_withdrawn_by_the_upkeep(app: App) -> None:
    make_lead(app, "us@a.test", legal_basis="legitimate_interest", country="US")
    campaign_id = approved_campaign(app)
    app.plan_campaigns(NOW)
    execute(app, "update ledger.leads set country = 'DE'")
    assert app.plan_campaigns(NOW)["suppressed"] == 2
    assert {row["code"] for row in sends(app, campaign_id)} == {"policy_country"}


def test_a_lead_whose_legal_basis_its_pool_accepts_no_more_is_withdrawn_by_the_upkeep(app: App) -> None:
    make_lead(app, "us@a.test", legal_basis="consent", country="US")
    campaign_id = approved_campaign(app)
    app.plan_campaigns(NOW)
    execute(app, "update ledger.pools set accepts_legal_bases = '{contract}'")  # as a basis that an import raised
    assert app.plan_campaigns(NOW)["suppressed"] == 2
    assert {row["code"] for row in sends(app, campaign_id)} == {"policy"}


def test_an_import_that_tells_a_lead_s_country_withdraws_its_mails_at_once(lake_app: App) -> None:
    make_lead(lake_app, "moved@a.test", legal_basis="legitimate_interest", country="US")
    make_lead(lake_app, "stays@a.test", legal_basis="legitimate_interest", country="US")
    campaign_id = approved_campaign(lake_app)
    lake_app.plan_campaigns(NOW)
    rows = "email,country,legal_basis,source\nmoved@a.test,DE,legitimate_interest,fair\nstays@a.test,US,legitimate_interest,fair\n"
    lake_app.store.write("landing/leads/moved.csv", rows.encode())
    assert lake_app.import_lead_file("landing/leads/moved.csv", as_of=NOW, requested_by="test")["updated_count"] == 1
    assert [(row["state"], row["code"]) for row in sends(lake_app, campaign_id, "state = 'suppressed'")] == [
        ("suppressed", "policy_country"),
        ("suppressed", "policy_country"),
    ]
    assert len(sends(lake_app, campaign_id, "state = 'planned'")) == 2


def test_a_decision_on_a_country_waits_for_what_a_claim_holds(app: App) -> None:
    make_lead(app, "us@a.test", legal_basis="legitimate_interest", country="US")
    campaign_id = approved_campaign(app)
    app.plan_campaigns(NOW)
    with ThreadPoolExecutor(1) as other:
        with app.database.transaction() as connection:  # a claim, which puts back what no mailbox could take
            connection.execute("select from ledger.sends where campaign_id = %s for no key update", (campaign_id,))
            deciding = other.submit(app.override_country_rule, ADMIN, "US", ["consent"], NOW, reason="local counsel")
            with pytest.raises(TimeoutError):
                deciding.result(0.3)
        assert deciding.result(10) == 2
    assert {row["code"] for row in sends(app, campaign_id)} == {"policy_country"}


# --- the unsubscribe link, tried over HTTP


def unsubscribe_check(app: App, edge_base_url: str) -> Check:
    other = App(app.settings.model_copy(update={"edge_base_url": edge_base_url}))
    try:
        found = check(other, make_draft(None), "unsubscribe")
    finally:
        other.database.close()
    assert found
    return found


def test_a_running_edge_passes_and_keeps_nothing(app: App, tmp_path: Path) -> None:
    settings = Settings(secret_key=app.settings.secret_key, store=f"file://{tmp_path}/edge")
    with running_edge(settings) as url:
        found = unsubscribe_check(app, url)
    assert found.result == "warning"  # it works, over http
    assert "not https" in found.message
    assert not [p for p in (tmp_path / "edge").rglob("*") if p.is_file()]


def test_an_edge_that_does_not_answer_forbids_approval(app: App) -> None:
    found = unsubscribe_check(app, "http://127.0.0.1:9")
    assert found.result == "error"
    assert "The unsubscribe link at http://127.0.0.1:9 does not answer." in found.message
    assert "LEADMILL_EDGE_BASE_URL" in found.advice


def test_among_containers_the_edge_is_tried_at_its_neighbour_s_name(app: App, tmp_path: Path) -> None:
    with running_edge(Settings(secret_key=app.settings.secret_key, store=f"file://{tmp_path}/e")) as url:
        tried = [
            HttpUnsubscribeProbe(base, app.settings.secret, neighbour_url=url, timeout_seconds=0.5).try_link().outcome
            for base in ("http://127.0.0.1:9", "http://edge.invalid:9")
        ]
    assert tried == [ProbeOutcome.WORKS, ProbeOutcome.UNREACHABLE]


def test_an_edge_with_another_key_is_found_out(app: App, tmp_path: Path) -> None:
    settings = Settings(
        secret_key=SecretStr("another-secret-key-of-32-characters-or-more"), store=f"file://{tmp_path}/e"
    )
    with running_edge(settings) as url:
        found = unsubscribe_check(app, url)
    assert found.result == "error"
    assert "404" in found.message


class _Answers(BaseHTTPRequestHandler):
    """Somebody else's server, with an answer for GET and one for POST."""

    get: tuple[int, dict[str, str]] = (200, {})
    post: tuple[int, dict[str, str]] = (200, {})

    def _answer(self, answer: tuple[int, dict[str, str]]) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(answer[0])
        for name, value in answer[1].items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self._answer(self.get)

    def do_POST(self) -> None:
        self._answer(self.post)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def somebody(get: tuple[int, dict[str, str]], post: tuple[int, dict[str, str]]) -> Iterator[str]:
    handler = type("Handler", (_Answers,), {"get": get, "post": post})
    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("get", "post", "words"),
    [
        ((200, {}), (200, {}), "not this Leadmill's edge"),
        ((200, {}), (200, {"X-Leadmill-Probe": "AAAAAAAAAAAAAAAA"}), "not this Leadmill's edge"),
        ((200, {}), (302, {"Location": "/login"}), "redirect"),
        ((302, {"Location": "/login"}), (200, {}), "redirect"),
        ((200, {}), (200, {"Set-Cookie": "a=b"}), "cookie"),
        ((200, {}), (405, {}), "a POST with 405"),
        ((500, {}), (200, {}), "a GET with 500"),
        ((200, {"X-Leadmill-Probe": "x"}), (200, {}), "acts on a GET"),
    ],
)
def test_a_link_that_mailbox_providers_could_not_use_is_found_out(get, post, words: str) -> None:
    with somebody(get, post) as url:
        result = HttpUnsubscribeProbe(url, b"k" * 32).try_link()
    assert result.outcome is ProbeOutcome.FAILS
    assert words in result.detail


def test_an_answer_that_cannot_be_read_is_somebody_elses() -> None:
    class Garbled(_Answers):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", "3")
            self.end_headers()
            self.wfile.write(b"abc")

    server = HTTPServer(("127.0.0.1", 0), Garbled)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    result = HttpUnsubscribeProbe(f"http://127.0.0.1:{server.server_port}", b"k" * 32).try_link()
    server.shutdown()
    server.server_close()
    assert result.outcome is ProbeOutcome.FAILS
    assert "not this Leadmill's edge" in result.detail

"""Pre-flight, plan and upkeep keep to the countries' law, and to what an admin decided about it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from leadmill.bootstrap import App
from leadmill.domain.country_rules import NEEDS, RULES, VERSION
from leadmill.domain.segments import Segment
from leadmill.errors import InputInvalid, NotAllowed
from tests.campaign_world import (
    ADMIN,
    ANALYST,
    NOW,
    approved_campaign,
    execute,
    make_lead,
    make_pool,
    sends,
)


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

"""The law of conservation: whatever happens to a campaign, nobody of its audience is lost or counted twice."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadmill.bootstrap import App
from leadmill.domain.campaigns import CampaignStatus
from leadmill.domain.sends import OPEN_STATES, SendState
from leadmill.sql import query
from tests.campaign_world import ANALYST, NOW, approved_campaign, execute, make_leads, sends, suppress

HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from(
            ["answer", "answer", "answer", "suppress", "reply", "cancel", "upkeep", "late", "pause", "resume"]
        ),
        st.integers(0, 5),
        st.sampled_from(sorted(set(SendState) - {SendState.PLANNED})),
    ),
    max_size=14,
)


def happen(app: App, campaign_id: int, what: str, which: int, state: SendState, day: int) -> None:
    at = NOW + timedelta(days=day)
    due = sends(app, campaign_id, "due_at is not null and state in ('planned', 'claimed', 'ambiguous')")
    status = app.campaign(campaign_id).status
    if what == "answer" and due:
        chosen = due[which % len(due)]["send_id"]
        execute(app, "update ledger.sends set state = %s, accepted_at = %s where send_id = %s", state, at, chosen)
        with app.database.transaction() as connection:
            connection.execute(query("ledger/follow_ups", "release_follow_ups"), {"send_ids": [chosen], "as_of": at})
    elif what == "suppress":
        execute(app, "delete from ledger.suppressions")
        suppress(app, f"lead{which}@people{which}.test")
    elif what == "reply" and due:
        chosen = due[which % len(due)]["send_id"]
        with app.database.transaction() as connection:
            values = {"send_ids": [chosen], "as_of": at, "cause": "replied"}
            connection.execute(query("ledger/follow_ups", "cancel_follow_ups"), values)
    elif what == "cancel" and which == 0 and status in {CampaignStatus.RUNNING, CampaignStatus.PAUSED}:
        app.cancel_campaign(ANALYST, campaign_id, at)
    elif what == "pause" and status is CampaignStatus.RUNNING:
        app.pause_campaign(ANALYST, campaign_id, at)
    elif what == "resume" and status is CampaignStatus.PAUSED:
        app.resume_campaign(ANALYST, campaign_id, at)
    elif what in {"upkeep", "late"}:
        app.plan_campaigns(at + timedelta(days=30 if what == "late" else 0))


@given(happenings=HAPPENINGS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_conservation_holds_whatever_happens(app: App, happenings: list[tuple[str, int, SendState]]) -> None:
    execute(
        app,
        "truncate ledger.leads, ledger.campaigns, ledger.pools, ledger.sending_domains,"
        " ledger.provider_accounts, ledger.suppressions restart identity cascade",
    )
    make_leads(app, 6)
    suppress(app, "lead5@people5.test")
    campaign_id = approved_campaign(app, ends_at=NOW + timedelta(days=25))
    app.plan_campaigns(NOW)
    for day, (what, which, state) in enumerate(happenings):
        happen(app, campaign_id, what, which, state, day)
        found = app.conservation(campaign_id)
        assert found.holds
        assert (found.audience, found.left_out, found.rows) == (6, 1, 10)
        if app.campaign(campaign_id).status is CampaignStatus.FINISHED:
            assert not OPEN_STATES & set(found.by_state)
    app.plan_campaigns(NOW + timedelta(days=60))
    assert SendState.PLANNED not in app.conservation(campaign_id).by_state

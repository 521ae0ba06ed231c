"""The list of campaigns with status, progress and rates, and the form for a new one."""

from __future__ import annotations

from collections.abc import Mapping

import campaign_templates
import campaign_words
import charts
import outcomes
import page
import streamlit as st

from leadmill.domain.access import Role
from leadmill.domain.campaigns import CampaignDraft, CampaignStatus
from leadmill.domain.outcomes import Outcomes
from leadmill.domain.send_days import WORKING_DAYS
from leadmill.domain.sends import SendState
from leadmill.ports.campaigns import CampaignSummary

OPEN_STATES = {SendState.PLANNED, SendState.CLAIMED, SendState.AMBIGUOUS}
"""States in which a mail is not done yet."""


@st.cache_data(ttl=page.FRESH_SECONDS, show_spinner=False)
def _outcomes(installation: str) -> Mapping[int, Outcomes]:  # noqa: ARG001 - the key of the cache
    return page.leadmill().campaign_outcomes()


def show() -> None:
    """What there is, and the way to a new one."""
    campaigns = page.leadmill().campaigns()
    if page.actor().role is Role.VIEWER:
        st.info("You can look at every campaign. Changing one needs the role analyst.", icon=":material/lock:")
    else:
        _show_new(is_first=not campaigns)
    if not campaigns:
        charts.explain_absence("There is no campaign yet. The first one shows here with its progress and its rates.")
        return
    _show_table(campaigns)


def _show_new(*, is_first: bool) -> None:
    pools = {pool.pool_id: pool for pool in page.leadmill().pools()}
    with st.expander("New campaign", expanded=is_first, icon=":material/add:"), st.form("new_campaign", border=False):
        name = st.text_input("Campaign name", max_chars=200, placeholder="Spring fair follow-up", key="new_name")
        left, right = st.columns(2)
        pool = left.selectbox(
            "Send through",
            list(pools),
            format_func=lambda i: f"{pools[i].name} ({pools[i].active_mailbox_count} mailboxes)",
            key="new_pool",
            placeholder="No pool of mailboxes is set up yet",
        )
        start = right.selectbox("Start from", list(campaign_templates.STARTS), key="new_start")
        st.caption("You get a draft. Nothing is sent before you have approved it.")
        if st.form_submit_button("Create campaign", type="primary", key="create_campaign"):
            with page.attempt():
                draft = CampaignDraft(
                    name=name.strip(),
                    pool_id=pool,
                    steps=campaign_templates.STARTS[start](),
                    send_days=WORKING_DAYS,
                )
                open_campaign(page.leadmill().create_campaign(page.actor(), draft, page.now()))


def open_campaign(campaign_id: int) -> None:
    """Show that campaign's page."""
    st.query_params["campaign"] = str(campaign_id)
    st.rerun()


def _show_table(campaigns: list[CampaignSummary]) -> None:
    came: Mapping[int, Outcomes] = {}
    with page.attempt():
        came = _outcomes(page.installation())
    statuses = [status for status in CampaignStatus if any(c.status is status for c in campaigns)]
    chosen = st.pills(
        "Status",
        statuses,
        selection_mode="multi",
        format_func=lambda s: f"{campaign_words.STATUSES[s][0]} ({sum(c.status is s for c in campaigns)})",
        key="list_statuses",
        label_visibility="collapsed",
    )
    shown = [c for c in campaigns if not chosen or c.status in chosen]
    picked = st.dataframe(
        [_line(campaign, came.get(campaign.campaign_id, Outcomes())) for campaign in shown],
        hide_index=True,
        width="stretch",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "Campaign": st.column_config.TextColumn(width=210),
            "Status": st.column_config.TextColumn(width=80),
            "Progress": st.column_config.ProgressColumn(min_value=0, max_value=100, format="%.0f %%", width=100),
            "Opened": st.column_config.TextColumn(width=75, help="By people."),
            "Clicked": st.column_config.TextColumn(width=75, help="By people."),
            "Bounced": st.column_config.TextColumn(width=75),
            "Replied": st.column_config.TextColumn(width=75),
            "Sent through": st.column_config.TextColumn(width=95),
            "Mails": st.column_config.TextColumn(width=110, help="Sent of all that are planned, every step counted."),
            "Changed": st.column_config.DatetimeColumn("Changed (UTC)", format="D MMM YYYY, HH:mm", width=135),
        },
        key="campaign_table",
    )
    if picked.selection.rows:
        open_campaign(shown[picked.selection.rows[0]].campaign_id)
    st.caption("Choose a line by its box at the left to open the campaign, or pick it here:")
    names = {c.campaign_id: c.name for c in shown}
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    one = left.selectbox("Campaign", list(names), format_func=names.get, key="list_campaign")
    if right.button("Open campaign", width="stretch", key="open_campaign"):
        open_campaign(one)


def _line(campaign: CampaignSummary, came: Outcomes) -> dict[str, object]:
    total = sum(campaign.counts.values())
    is_open = sum(count for state, count in campaign.counts.items() if state in OPEN_STATES)
    return {
        "Campaign": campaign.name,
        "Status": campaign_words.STATUSES[campaign.status][0],
        "Progress": 100 * (total - is_open) / total if total else None,
        "Mails": f"{came.tried:,} of {total:,}" if total else "not planned yet",
        "Bounced": _rate(came.bounced, came),
        "Opened": _rate(came.opened, came),
        "Clicked": _rate(came.clicked, came),
        "Replied": _rate(came.replied, came),
        "Sent through": campaign.pool_name or "not chosen",
        "Changed": campaign.updated_at,
    }


def _rate(part: int, came: Outcomes) -> str:
    return outcomes.share(part, came, of_none="")

"""One campaign: a draft to edit, or what became of it since its approval."""

from __future__ import annotations

from dataclasses import replace

import campaign_actions
import campaign_audience
import campaign_checks
import campaign_content
import campaign_editing
import campaign_preview
import campaign_progress
import campaign_results
import campaign_schedule
import campaign_unclear
import campaign_words
import page
import streamlit as st

from leadmill.domain.access import Role
from leadmill.domain.campaigns import CampaignDraft, CampaignStatus
from leadmill.domain.outcomes import Outcomes
from leadmill.ports.campaigns import CampaignDetail

AUDIENCE, CONTENT, SCHEDULE, CHECK = "1 · Audience", "2 · Content", "3 · Schedule", "4 · Check and approve"
SECTIONS = (AUDIENCE, CONTENT, SCHEDULE, CHECK)
PROGRESS, RESULTS, UNCLEAR, MADE_OF = "Progress", "Results", "Unclear mails", "Content and audience"


def show(campaign_id: int) -> None:
    """The page of one campaign."""
    if st.button("All campaigns", icon=":material/arrow_back:", type="tertiary", key="all_campaigns"):
        del st.query_params["campaign"]
        st.rerun()
    detail = page.leadmill().campaign(campaign_id)
    if detail.status is CampaignStatus.DELETED:
        page.header("A deleted campaign")
        st.info("Somebody deleted this campaign. Go back to the list for those there are.", icon=":material/delete:")
        return
    page.header(page.plain(detail.draft.name))
    with st.container():  # one element, however much it says: what is below keeps its place
        _show_standing(detail)
        campaign_actions.show(detail)
    if detail.status is not CampaignStatus.DRAFT:
        _show_sent(detail)
    elif page.actor().role is Role.VIEWER:
        _show_made_of(detail)
    else:
        _edit(detail)


def _show_standing(detail: CampaignDetail) -> None:
    words, colour, icon = campaign_words.STATUSES[detail.status]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(words, icon=icon, color=colour)
        said = [f"through {detail.pool_name}" if detail.pool_name else "no pool chosen", f"by {detail.created_by}"]
        if detail.approved_at:
            said.append(f"approved by {detail.approved_by}, {campaign_words.moment(detail.approved_at)}")
        if detail.finished_at:
            said.append(f"ended {campaign_words.moment(detail.finished_at)}")
        st.caption(" · ".join(said))
    if detail.status_reason:
        st.info(f"Reason given: {page.plain(detail.status_reason)}", icon=":material/chat:")


def _edit(detail: CampaignDetail) -> None:
    state = campaign_editing.editing(detail)
    with st.container():
        if state.loaded_at != detail.updated_at:
            _offer_newer()
    section = campaign_editing.choose_section(SECTIONS)
    with page.attempt():
        if section == AUDIENCE:
            name = st.text_input(
                "Campaign name", max_chars=200, value=state.draft.name, key=campaign_editing.key("name")
            )
            state.draft = campaign_audience.edit(replace(state.draft, name=name.strip()))
        elif section == CONTENT:
            campaign_content.edit(state)
        elif section == SCHEDULE:
            state.draft = campaign_schedule.edit(state.draft)
        else:
            _check(state)
            return
        _show_save(state, section)


def _offer_newer() -> None:
    st.warning(
        "Somebody else has changed this campaign since you opened it; your changes cannot be saved over theirs.",
        icon=":material/group:",
    )
    if st.button("Drop my changes and load theirs", key="load_newer"):
        campaign_editing.drop_changes()
        st.rerun()


def _check(state: campaign_editing.Editing) -> None:
    """Checks look at what is stored, so what was typed is stored first."""
    if state.is_changed:
        campaign_editing.save(state)
        st.caption("Your changes are saved.")
    campaign_checks.show(state.campaign_id, state)


def _show_save(state: campaign_editing.Editing, section: str) -> None:
    following = SECTIONS[SECTIONS.index(section) + 1]
    with st.container(horizontal=True, vertical_alignment="center"):
        goes_on = st.button(f"Save and go on to {following.partition('· ')[2]}", type="primary", key="save_and_go_on")
        saves = st.button("Save", icon=":material/save:", key="save_campaign")
        if state.is_changed and not (goes_on or saves):
            st.caption(":orange[There are changes that are not saved yet.]")
    if goes_on or saves:
        campaign_editing.save(state)
        if goes_on:
            campaign_editing.go_to(following)
        page.say_later("Saved.")
        st.rerun()


def _show_sent(detail: CampaignDetail) -> None:
    unclear = campaign_unclear.of_campaign(detail.campaign_id)
    count = f" ({sum(len(incident.doubts) for incident in unclear):,})" if unclear else ""
    _live(detail.campaign_id, detail.status)
    opened = MADE_OF if st.query_params.get("show") == "content" else None
    names = [PROGRESS, RESULTS, f"{UNCLEAR}{count}", MADE_OF]
    progress, results, doubts, made_of = st.tabs(names, default=opened)
    is_live = detail.status in {CampaignStatus.APPROVED, CampaignStatus.RUNNING}
    every = campaign_progress.REFRESH_SECONDS if is_live else None
    with progress:
        st.fragment(_progress, run_every=every)(detail.campaign_id)
    with results:
        st.fragment(_results, run_every=every)(detail.campaign_id)
    with doubts, page.attempt():
        campaign_unclear.show(
            unclear,
            none="No mail of this campaign is unclear. One becomes so when it was handed over and the provider's "
            "answer never came.",
        )
    with made_of, page.attempt():
        _show_content(detail.draft)


def _live(campaign_id: int, status: CampaignStatus) -> None:
    """The key figures; they refresh while the campaign runs, and the page starts over when its status changes."""
    is_live = status in {CampaignStatus.APPROVED, CampaignStatus.RUNNING}
    st.fragment(_key_figures, run_every=campaign_progress.REFRESH_SECONDS if is_live else None)(campaign_id, status)


def _key_figures(campaign_id: int, status: CampaignStatus) -> None:
    page.recheck_session()
    with page.attempt():
        progress = page.leadmill().campaign_progress(campaign_id)
        if progress.status is not status:
            st.rerun(scope="app")
        came = campaign_results.read(page.installation(), campaign_id)
        campaign_results.show_key_figures(progress, sum(came.values(), Outcomes()))


def _progress(campaign_id: int) -> None:
    page.recheck_session()
    with page.attempt():
        campaign_progress.show(campaign_id)


def _results(campaign_id: int) -> None:
    page.recheck_session()
    with page.attempt():
        came = campaign_results.read(page.installation(), campaign_id)
        campaign_results.show(page.leadmill().campaign_progress(campaign_id), came)


def _show_made_of(detail: CampaignDetail) -> None:
    with page.attempt():
        campaign_audience.show_counts(detail.draft)
    with page.attempt():
        _show_content(detail.draft)
    with page.attempt():
        campaign_checks.show(detail.campaign_id)


def _show_content(draft: CampaignDraft) -> None:
    """What a campaign is made of, to read."""
    st.caption(campaign_words.schedule_words(draft))
    if not draft.steps:
        st.info("This campaign has no mail yet.", icon=":material/mail:")
        return
    step, label = campaign_content.choose(draft)
    campaign_preview.show(draft, step, label)

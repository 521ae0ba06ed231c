"""Leads that pre-flight found lacking: who they are, and what can be done about it with one click."""

from __future__ import annotations

from dataclasses import replace

import campaign_editing
import campaign_fallbacks
import country_gaps
import page
import streamlit as st

from leadmill.domain.access import Role
from leadmill.domain.campaigns import CampaignDraft
from leadmill.domain.quantities import counted
from leadmill.domain.template_fields import FALLBACK_LENGTH_LIMIT
from leadmill.ports.audience import SampleLead
from leadmill.ports.campaigns import Check, LeadGap


def show(check: Check, state: campaign_editing.Editing | None) -> None:
    """The leads that a check concerns; `state` is the draft under edit, None for those who only look."""
    for gap in check.gaps:
        with st.container(border=True):
            _show_gap(gap, state)
    if check.country_gaps:
        country_gaps.show(check.country_gaps)


def _show_gap(gap: LeadGap, state: campaign_editing.Editing | None) -> None:
    if gap.kind == "variable":
        if gap.without_count > gap.lead_count:
            need, have = f"lead needs `{gap.name}` and has none", f"leads need `{gap.name}` and have none"
        else:
            need, have = f"lead has no `{gap.name}`", f"leads have no `{gap.name}`"
        st.markdown(f"**{counted(gap.lead_count, need, have)}**")
    else:
        if gap.kind == "blank":
            said = counted(gap.lead_count, "lead sees", "leads see")
            st.markdown(f"**{said} an empty place where the block `{gap.name}` stands**")
        else:
            said = counted(gap.lead_count, "lead gets", "leads get")
            st.markdown(f"**{said} no version of the block `{gap.name}`**")
        categories = ", ".join(f"“{category}”" if category else "none" for category in gap.categories[:10])
        st.caption(f"Their categories: {categories}.")
    st.markdown("For example: " + ", ".join(lead_link(lead) for lead in gap.samples))
    if state is None or page.actor().role is Role.VIEWER:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if gap.kind == "variable":
            _offer_fallback(gap, state)
        _offer_exclusion(gap, state)
        _offer_list(gap, state.draft)


def lead_link(lead: SampleLead) -> str:
    """A lead's name that leads to its page."""
    words = " · ".join(filter(None, (lead.name or "no name", lead.company)))
    return f"[{page.plain(words)}](/leads?lead={lead.lead_id})"


def _offer_fallback(gap: LeadGap, state: campaign_editing.Editing) -> None:
    with st.popover("Set a fallback", icon=":material/format_shapes:"):
        text = st.text_input(
            f"Where {gap.name} is missing, write", max_chars=FALLBACK_LENGTH_LIMIT, key=f"gap_fallback_{gap.name}"
        ).strip()
        if st.button("Use it", type="primary", disabled=not text, key=f"gap_use_{gap.name}"):
            _change(state, campaign_fallbacks.with_fallbacks(state.draft, {gap.name: text}), "The fallback is set.")


def _offer_exclusion(gap: LeadGap, state: campaign_editing.Editing) -> None:
    all_of_them = f"all {gap.without_count:,} leads" if gap.without_count > gap.lead_count else "leads"
    words = f"Leave out {all_of_them} without {gap.name}" if gap.kind == "variable" else "Leave out these categories"
    if st.button(words, icon=":material/group_remove:", key=f"gap_exclude_{gap.name}"):
        segment = state.draft.segment
        if gap.kind == "variable":
            segment = replace(segment, exclude_without=(*segment.exclude_without, gap.name))
        else:
            segment = replace(segment, exclude_categories=(*segment.exclude_categories, *gap.categories))
        _change(state, replace(state.draft, segment=segment), "They are left out now; see Audience.")


def _offer_list(gap: LeadGap, draft: CampaignDraft) -> None:
    actor, app = page.actor(), page.leadmill()  # read now: the file is made when somebody asks for it
    st.download_button(
        "Download the list",
        data=lambda: app.lacking_leads_file(actor, draft, gap, page.now()),
        file_name=f"leads-without-{gap.name}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key=f"gap_list_{gap.name}",
    )


def _change(state: campaign_editing.Editing, draft: CampaignDraft, words: str) -> None:
    with page.attempt():
        state.draft = draft
        campaign_editing.save(state)
        campaign_editing.start_anew()
        page.say_later(words)
        st.rerun()

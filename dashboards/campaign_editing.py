"""The draft that a person is editing: kept in their session, so that nothing typed is lost between the sections."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import page
import streamlit as st

from leadmill.domain.campaigns import CampaignDraft
from leadmill.ports.campaigns import CampaignDetail

_STATE = "edited_campaign"
_SECTION = "edited_section"
_GENERATION = "edited_generation"


@dataclass
class Editing:
    """One draft under edit: what is stored, since when, and what the person has made of it."""

    campaign_id: int
    stored: CampaignDraft
    loaded_at: datetime
    draft: CampaignDraft

    @property
    def is_changed(self) -> bool:
        """Whether something is not saved yet."""
        return self.draft != self.stored


def editing(detail: CampaignDetail) -> Editing:
    """The session's state of that draft; another draft, or a newer one without changes of ours, is loaded."""
    state: Editing | None = st.session_state.get(_STATE)
    is_other = state is None or state.campaign_id != detail.campaign_id
    if state is None or is_other or (state.loaded_at != detail.updated_at and not state.is_changed):
        if state is not None:
            start_anew()
        if is_other:
            st.session_state.pop(_SECTION, None)
        state = Editing(detail.campaign_id, detail.draft, detail.updated_at, detail.draft)
        st.session_state[_STATE] = state
    return state


def drop_changes() -> None:
    """Forget what was not saved; the next run loads what is stored."""
    start_anew()
    st.session_state.pop(_STATE, None)


def start_anew() -> None:
    """Let every widget of the draft start again from the draft."""
    st.session_state[_GENERATION] = st.session_state.get(_GENERATION, 0) + 1


def key(name: str) -> str:
    """A widget's key: another one after `start_anew`.

    Widgets get the draft's value as their default, and never through the session's state: a click that interrupts the
    run which sets a state leaves the browser with an empty field, and the next click would save it so.
    """
    generation = st.session_state.get(_GENERATION, 0)
    return f"campaign_{name}" + (f"_{generation}" if generation else "")


def save(state: Editing) -> None:
    """Store the draft. Raises what `edit_campaign` raises."""
    page.leadmill().edit_campaign(page.actor(), state.campaign_id, state.draft, page.now(), state.loaded_at)
    state.loaded_at = page.leadmill().campaign(state.campaign_id).updated_at
    state.stored = state.draft


def go_to(section: str) -> None:
    """Open a section with the next run."""
    st.session_state[_SECTION] = section
    start_anew()
    st.rerun()


def choose_section(sections: tuple[str, ...]) -> str:
    """The bar of sections; returns the chosen one."""
    chosen = st.segmented_control(
        "Section",
        sections,
        default=st.session_state.get(_SECTION, sections[0]),
        required=True,
        key=key("section"),
        label_visibility="collapsed",
        width="stretch",
    )
    st.session_state[_SECTION] = chosen
    return str(chosen)

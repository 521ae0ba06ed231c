"""What people do to a whole campaign: pause, resume, cancel, copy, delete."""

from __future__ import annotations

import campaign_editing
import campaign_list
import campaign_schedule
import page
import streamlit as st

from leadmill.domain.access import REASON_LIMIT, Role
from leadmill.domain.campaigns import TRANSITIONS, CampaignStatus
from leadmill.ports.campaigns import CampaignDetail


def show(detail: CampaignDetail) -> None:
    """The actions that the status allows; none for viewers."""
    if page.actor().role is Role.VIEWER:
        return
    with st.container(horizontal=True):
        may = TRANSITIONS[detail.status]
        if CampaignStatus.PAUSED in may:
            _pause(detail)
        if detail.status is CampaignStatus.PAUSED:
            _resume(detail)
        if CampaignStatus.CANCELLED in may:
            _weigh(detail)
            _cancel(detail)
        if st.button("Copy", icon=":material/content_copy:", key="copy_campaign", help="A new draft with all of this."):
            with page.attempt():
                copied = page.leadmill().copy_campaign(page.actor(), detail.campaign_id, page.now())
                page.say_later("Copied. This is the new draft.")
                campaign_list.open_campaign(copied)
        if CampaignStatus.DELETED in may:
            _delete(detail)


def _reason(verb: str, example: str) -> str:
    return st.text_input("Reason", placeholder=example, max_chars=REASON_LIMIT, key=f"{verb}_reason").strip()


def _require(reason: str) -> bool:
    if not reason:
        st.error("Say why; your colleagues and the audit log will want to know.", icon=":material/error:")
    return bool(reason)


def _pause(detail: CampaignDetail) -> None:
    with st.popover("Pause", icon=":material/pause:"):
        st.caption("Nothing more is handed over; what is in a worker's hands is taken back. You can resume it.")
        reason = _reason("pause", "The offer has changed")
        if st.button("Pause campaign", type="primary", key="pause_campaign") and _require(reason):
            with page.attempt():
                page.leadmill().pause_campaign(page.actor(), detail.campaign_id, page.now(), reason)
                _done(f"Paused.{page.in_hand(campaign_id=detail.campaign_id)}")


def _resume(detail: CampaignDetail) -> None:
    with st.popover("Resume", icon=":material/play_arrow:"):
        st.caption("Goes on where it stood. Mails that missed their hours get new ones within 15 minutes.")
        reason = _reason("resume", "The offer is right again")
        if st.button("Resume campaign", type="primary", key="resume_campaign") and _require(reason):
            with page.attempt():
                page.leadmill().resume_campaign(page.actor(), detail.campaign_id, page.now(), reason)
                _done("Resumed.")


def _weigh(detail: CampaignDetail) -> None:
    with st.popover("Share", icon=":material/balance:"):
        st.caption("Counts from the next mail on; what is out already stays as it is.")
        weight = campaign_schedule.choose_weight(detail.draft.weight, "campaign_weight")
        if st.button("Change share", type="primary", key="weigh_campaign"):
            with page.attempt():
                page.leadmill().weigh_campaign(page.actor(), detail.campaign_id, weight, page.now())
                _done("Changed.")


def _cancel(detail: CampaignDetail) -> None:
    with st.popover("Cancel", icon=":material/cancel:"):
        st.caption("Ends it for good: everything still waiting is cancelled. Pausing can be taken back, this cannot.")
        reason = _reason("cancel", "The event was called off")
        if st.button("Cancel campaign for good", type="primary", key="cancel_campaign") and _require(reason):
            with page.attempt():
                closed = page.leadmill().cancel_campaign(page.actor(), detail.campaign_id, page.now(), reason)
                said = f"Cancelled; {closed:,} mails that were waiting will not go out."
                _done(said + page.in_hand(campaign_id=detail.campaign_id))


def _delete(detail: CampaignDetail) -> None:
    with st.popover("Delete", icon=":material/delete:"):
        st.caption("Takes the campaign out of every list. A campaign that has sent mail cannot be deleted.")
        is_sure = st.checkbox("Yes, delete it", key="delete_sure")
        if st.button("Delete campaign", type="primary", disabled=not is_sure, key="delete_campaign"):
            with page.attempt():
                page.leadmill().delete_campaign(page.actor(), detail.campaign_id, page.now())
                campaign_editing.drop_changes()
                page.say_later(f"“{detail.draft.name}” is deleted.")
                del st.query_params["campaign"]
                st.rerun()


def _done(message: str) -> None:
    """Tell it after a rerun; the reasons typed belong to what is done."""
    for verb in ("pause", "resume", "cancel"):
        st.session_state.pop(f"{verb}_reason", None)
    page.say_later(message)
    st.rerun()

"""The pre-flight checks of a draft, and its approval."""

from __future__ import annotations

import campaign_editing
import campaign_gaps
import campaign_words
import page
import streamlit as st

from leadmill.domain.access import Role
from leadmill.domain.quantities import counted
from leadmill.ports.campaigns import CampaignDetail, Check
from leadmill.services.approve_campaign import Seen

SHOWN = {"error": st.error, "warning": st.warning, "ok": st.success}
ICONS = {"error": ":material/error:", "warning": ":material/warning:", "ok": ":material/check_circle:"}
NAMES = {
    "organisation": "Who sends",
    "unsubscribe": "Unsubscribe link",
    "pool": "Mailboxes",
    "audience": "Audience",
    "contacts": "Other campaigns",
    "week": "Mails a week",
    "legal_basis": "Legal basis",
    "country_rules": "Countries' law",
    "content": "Content",
    "blocks": "Content blocks",
    "spintax": "Spintax",
    "attachments": "Attachments",
    "blank_blocks": "Empty places",
    "placeholders": "Still to be written",
    "merge_tags": "Other tools' fields",
    "rare_leads": "Rare leads",
    "fields": "Leads' fields",
    "wording": "Wording",
    "schedule": "Schedule",
    "send_days": "Sending days",
    "sequence": "Sequence",
    "variants": "A/B test",
    "capacity": "Capacity",
}


def show(campaign_id: int, state: campaign_editing.Editing | None = None) -> None:
    """Every check on what is stored, the gravest first; `state` is the draft under edit, for what one click mends."""
    detail = page.leadmill().campaign(campaign_id)  # before the checks: what changes after it is not approved unseen
    with st.spinner("Checking every kind of lead in the audience …"):
        checks = page.leadmill().preflight(campaign_id, page.now())
    errors = [check for check in checks if check.result == "error"]
    warnings = [check for check in checks if check.result == "warning"]
    if errors:
        st.markdown(f"**{counted(len(errors), 'thing')} to put right before it can be approved.**")
    elif warnings:
        st.markdown(f"**It can be approved.** {counted(len(warnings), 'thing')} to think about first.")
    else:
        st.markdown("**Everything is fine.** It can be approved.")
    for check in [*errors, *warnings]:
        advice = f"  \n{page.plain(check.advice)}" if check.advice else ""
        SHOWN[check.result](f"**{_name(check)}:** {page.plain(check.message)}{advice}", icon=ICONS[check.result])
        campaign_gaps.show(check, state)
    fine = [check for check in checks if check.result == "ok"]
    with st.container(border=True):
        for check in fine:
            st.markdown(f":green[:material/check_circle:] **{_name(check)}:** {page.plain(check.message)}")
    if page.actor().role is not Role.VIEWER:
        _approve(detail, checks, is_ready=not errors)


def _name(check: Check) -> str:
    return NAMES.get(check.name, check.name.replace("_", " ").capitalize())


def _approve(detail: CampaignDetail, checks: list[Check], *, is_ready: bool) -> None:
    """One question: how many people, how many mails, from when; and one yes."""
    st.caption(campaign_words.schedule_words(detail.draft))
    people = next((check.count for check in checks if check.name == "audience"), None) or 0
    if not is_ready:
        st.button("Approve campaign", type="primary", disabled=True, icon=":material/task_alt:", key="approve_campaign")
        return
    with st.popover("Approve …", type="primary", icon=":material/task_alt:", key="approve_question"):
        st.markdown(f"**{campaign_words.approval_words(detail.draft, people, page.now())}**")
        st.caption(_capacity_words(checks))
        st.caption("From here on it is planned and sent, and can no longer be edited; you can pause or cancel it.")
        if st.button(f"Yes, mail {counted(people, 'person', 'people')}", type="primary", key="approve_campaign"):
            _do_approve(detail, Seen(people, detail.updated_at))


def _capacity_words(checks: list[Check]) -> str:
    return " ".join(page.plain(check.message) for check in checks if check.name == "capacity")


def _do_approve(detail: CampaignDetail, seen: Seen) -> None:
    with page.attempt():
        page.leadmill().approve_campaign(page.actor(), detail.campaign_id, page.now(), seen=seen)
        is_planning = page.leadmill().start_planning(detail.campaign_id)
        page.say_later(
            "Approved. Planning has started; mails follow as the mailboxes' limits allow."
            if is_planning
            else "Approved. Planning starts within 15 minutes; mails follow as the mailboxes' limits allow."
        )
        campaign_editing.drop_changes()
        st.rerun()

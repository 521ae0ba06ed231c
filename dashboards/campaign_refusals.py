"""Mails of a campaign that were refused for good: why, and the way to send again what was refused wrongly."""

from __future__ import annotations

import campaign_words
import page
import streamlit as st

from leadmill.domain.access import REASON_LIMIT, Role
from leadmill.ports.refusals import RefusalGroup

WHOSE = {
    "address": "the address is dead, or takes no mail from us",
    "message": "what the mail says",
    "sender": "our mailbox or domain",
    "moment": "the server, at that time",
}


def show(campaign_id: int) -> None:
    """The refusals by code, and for those with the role the form; nothing where there are none."""
    groups = page.leadmill().refusals(campaign_id)
    if not groups:
        return
    st.subheader("Refused mails", anchor=False)
    st.dataframe(
        [
            {
                "Code": campaign_words.code_words(each.code) or "none",
                "Because of": WHOSE.get(each.fault or "", "unknown"),
                "Mails": each.mails,
                "May be sent again": each.may_go_again,
            }
            for each in groups
        ],
        hide_index=True,
        width="stretch",
        height="content",
        column_config=page.counts("Mails", "May be sent again"),
    )
    able = {each.code: each for each in groups if each.may_go_again and each.code}
    if able and page.actor().role is not Role.VIEWER:
        _show_form(campaign_id, able)


def _show_form(campaign_id: int, able: dict[str, RefusalGroup]) -> None:
    with st.expander("Send again what was refused wrongly"), st.form("send_refused_again", border=False):
        st.caption(
            "Nobody took these mails, so nobody gets one twice. Dead addresses and people on the list stay out. "
            "Follow-ups that were cancelled with them come back, and a finished campaign runs again."
        )
        codes = st.multiselect(
            "Which codes?",
            list(able),
            format_func=lambda code: f"{campaign_words.code_words(code)} ({able[code].may_go_again:,})",
            key="send_again_codes",
        )
        reason = st.text_input("Why were they refused wrongly?", max_chars=REASON_LIMIT, key="send_again_reason")
        if st.form_submit_button("Send them again", type="primary"):
            with page.attempt():
                _carry_out(campaign_id, codes, reason)


def _carry_out(campaign_id: int, codes: list[str], reason: str) -> None:
    done = page.leadmill().send_refused_again(page.actor(), campaign_id, codes, reason=reason, as_of=page.now())
    said = f"{done.mails:,} mails are planned again, and {done.follow_ups:,} follow-ups behind them."
    page.say_later(said + (" The campaign runs again." if done.runs_again else ""))
    st.rerun()

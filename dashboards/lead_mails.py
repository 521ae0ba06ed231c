"""The mails to one lead, as it reads them, and why each went out from its mailbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import campaign_words
import charts
import mailbox_choice
import page
import streamlit as st

from leadmill.domain import moments
from leadmill.ports.lead_search import LeadDetail

OPEN_CHOICES = 3
"""Up to so many mails, why each went out from its mailbox is shown at once."""
STATES = {
    "planned": "planned",
    "suppressed": "left out: suppressed",
    "claimed": "being sent",
    "accepted": "sent",
    "delivered": "delivered",
    "dropped": "not sent: on the provider's own list",
    "bounced": "bounced",
    "complained": "marked as spam",
    "refused": "refused by the provider",
    "ambiguous": "unclear: waiting for evidence",
    "lost": "lost: never confirmed",
    "cancelled": "cancelled",
    "expired": "expired",
}


def show(detail: LeadDetail) -> None:
    """Every mail, newest first, and why each went out from its mailbox."""
    st.subheader("Mails", anchor=False)
    if not detail.sends:
        charts.explain_absence("No campaign has planned a mail to this lead.")
        return
    st.dataframe(
        [
            {
                "When (UTC)": _when(send),
                "Mail": f"{send['campaign']}: {campaign_words.mail_name(send['step'])}, {send['variant']}",
                "Subject": send["subject"],
                "State": _state(send),
                "From": send["mailbox"] or "not chosen yet",
            }
            for send in detail.sends
        ],
        hide_index=True,
        width="stretch",
        column_config={
            "When (UTC)": st.column_config.TextColumn(width=140),
            "Mail": st.column_config.TextColumn(width=280),
            "Subject": st.column_config.TextColumn(width=200),
            "State": st.column_config.TextColumn(width=240),
            "From": st.column_config.TextColumn(width=170),
        },
    )
    st.caption("Subjects are rendered for this lead, with its fields as they are now.")
    _show_choices(detail.sends)


def _state(send: Mapping[str, Any]) -> str:
    """Where a mail stands, and why."""
    state, why = STATES.get(send["state"], send["state"]), campaign_words.code_words(send["code"] or "")
    return f"{state} ({why})" if why else state


def _when(send: Mapping[str, Any]) -> str:
    """When a mail went out, or is to go out."""
    at = send["at"] if send["mailbox"] else send["due_at"]
    if at is not None:
        return moments.in_words(at).removesuffix(" UTC")
    return "after the one before" if send["state"] == "planned" else ""


def _show_choices(sends: Sequence[Mapping[str, Any]]) -> None:
    """Why each mail went out from its mailbox, newest first."""
    chosen = [send for send in sends if send["mailbox"] and send["reason"]]
    if not chosen:
        return
    with st.expander("Why from there", icon=":material/alt_route:", expanded=len(chosen) <= OPEN_CHOICES):
        for send in chosen:
            mail = campaign_words.mail_name(send["step"])
            said = mailbox_choice.words(send["reason"], send["why"])
            st.markdown(f"**{page.plain(send['campaign'])}, {mail}**, from {send['mailbox']}: {said}.")

"""Mails of which nobody knows whether they went out, and a person's decision on each."""

from __future__ import annotations

import campaign_words
import charts
import page
import streamlit as st

from leadmill.domain.access import Role
from leadmill.ports.dispatch import AmbiguousSend, Settlement

READ_MOST = 5000
OUTCOMES: dict[str, Settlement] = {
    "It went out (its follow-ups go on)": "sent",
    "It did not go out, or cannot be known (its sequence ends)": "lost",
}


def of_campaign(campaign_id: int) -> list[AmbiguousSend]:
    """The campaign's unclear mails, oldest first."""
    return [s for s in page.leadmill().ambiguous_sends(limit=READ_MOST) if s.campaign_id == campaign_id]


def show(sends: list[AmbiguousSend]) -> None:
    """A table, and for those with the role the way to decide."""
    if not sends:
        charts.explain_absence(
            "No mail of this campaign is unclear. One becomes so when it was handed over and the provider's answer "
            "never came."
        )
        return
    st.write(
        "These mails were handed to a provider whose answer never came. They are never sent again by themselves, since "
        "a lead could get two copies. Look into the mailbox's “Sent” folder or the provider's log, then decide. An "
        "event that comes back for a mail decides it by itself."
    )
    picked = st.dataframe(
        [
            {
                "Mail": send.step,
                "Handed over": send.claimed_at,
                "Through": send.mailbox_address,
                "Unclear since": send.since,
                "What happened": send.code.replace("_", " ") or "no answer",
            }
            for send in sends
        ],
        hide_index=True,
        width="stretch",
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            name: st.column_config.DatetimeColumn(f"{name} (UTC)", format="D MMM YYYY, HH:mm:ss")
            for name in ("Handed over", "Unclear since")
        },
        key="unclear_table",
    )
    if page.actor().role is Role.VIEWER:
        st.caption("Deciding needs the role analyst.")
        return
    chosen = [sends[row] for row in picked.selection.rows if row < len(sends)]
    _decide(chosen or sends, are_chosen=bool(chosen))


def _decide(sends: list[AmbiguousSend], *, are_chosen: bool) -> None:
    with st.form("settle_unclear", clear_on_submit=True):
        which = "the chosen lines" if are_chosen else "all lines (choose some by their boxes to decide those only)"
        st.markdown(f"**Decide {which}: {len(sends):,}**")
        outcome = st.radio("What became of them?", list(OUTCOMES), index=None, key="settle_outcome")
        reason = st.text_input("How do you know?", max_chars=300, key="settle_reason")
        if not st.form_submit_button("Decide", type="primary", key="settle_submit"):
            return
        if outcome is None:
            st.error("Choose what became of them.", icon=":material/error:")
            return
        with page.attempt():
            for send in sends:
                page.leadmill().settle_ambiguous(
                    page.actor(), send.send_id, OUTCOMES[outcome], reason=reason, as_of=page.now()
                )
            page.say_later(f"Decided: {len(sends):,} mails, since {campaign_words.moment(sends[0].since)}.")
            st.rerun()

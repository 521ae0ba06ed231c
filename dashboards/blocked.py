"""What is blocked and why: alerts, stopped senders, and what running campaigns wait for."""

from __future__ import annotations

import campaign_progress
import page
import senders
import streamlit as st

from leadmill.ports.mailboxes import MailboxState

EXPLAINED_CAMPAIGNS = 5
SHOWN_ALERTS = 3
"""Of the open alerts; the others are folded away."""


def show() -> None:
    """What stands in the way now, gravest first."""
    st.subheader("What is blocked, and why", anchor=False)
    at = page.now()
    with page.attempt():
        senders.show_alerts(first=SHOWN_ALERTS)
    with page.attempt():
        _show_stopped(page.leadmill().mailboxes(at))
    with page.attempt():
        _show_waiting()


def _show_stopped(mailboxes: list[MailboxState]) -> None:
    stopped = [m for m in mailboxes if not m.capacity.remaining]
    if not mailboxes:
        st.info("No mailbox is set up yet, so nothing can be sent. An admin adds them under Organisation.")
    elif not stopped:
        st.caption(f"All {len(mailboxes)} mailboxes may send now.")
    else:
        with st.expander(f"{len(stopped)} of {len(mailboxes)} mailboxes send nothing now", icon=":material/block:"):
            st.dataframe(
                [
                    {
                        "Mailbox": m.address,
                        "Because of": senders.BINDINGS[m.capacity.binding],
                        "Reason": m.status_reason or m.domain_status_reason,
                        "Until": senders.moment(m.capacity.relaxes_at) if m.capacity.relaxes_at else "someone acts",
                    }
                    for m in stopped
                ],
                hide_index=True,
                width="stretch",
                column_config={"Reason": st.column_config.TextColumn(width="medium")},
            )


def _show_waiting() -> None:
    running = [c for c in page.leadmill().campaigns() if c.status.value in {"approved", "running", "paused"}]
    for campaign in running[:EXPLAINED_CAMPAIGNS]:
        # Mailboxes have their own list above: here only what binds the campaign itself.
        found = [
            c
            for c in page.leadmill().explain_waiting(campaign.campaign_id, page.now())
            if c.subject in campaign_progress.OF_CAMPAIGN
        ]
        name = page.plain(campaign.name)
        for constraint in found:
            st.markdown(f":material/schedule: **{name}**: {campaign_progress.in_words(constraint)}")
    if len(running) > EXPLAINED_CAMPAIGNS:
        st.caption(f"{len(running) - EXPLAINED_CAMPAIGNS} more campaigns are open; see Campaigns.")

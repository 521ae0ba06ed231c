"""Threads whose mailbox is gone, and the three ways on: another mailbox, an end, or waiting for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import page
import senders
import streamlit as st

from leadmill.domain.access import REASON_LIMIT, Role
from leadmill.domain.mailboxes import SenderStatus
from leadmill.domain.quantities import counted
from leadmill.ports.mailboxes import MailboxState
from leadmill.ports.threads import StrandedThreads
from leadmill.services.settle_threads import why_they_wait

HAND_ON, END, WAIT = "Hand them on", "End them", "Let them wait"
WHAT_EACH_DOES = (
    "**Hand on**: the next mails go out from another mailbox of the same pool, within its limits; the recipient sees "
    "another sender. **End**: no further mail of these campaigns goes to these leads. **Wait**: as now; they go out "
    "when the mailbox sends again, and you are asked again after three days."
)


def show() -> None:
    """One box for each such mailbox; nothing where there is none."""
    stranded = page.leadmill().stranded_threads(page.now())
    mailboxes = page.leadmill().mailboxes(page.now()) if stranded else []
    for each in stranded:
        _show_one(each, mailboxes)


def _show_one(each: StrandedThreads, mailboxes: Sequence[MailboxState]) -> None:
    with st.container(border=True, key=f"threads_{each.mailbox_id}"):
        due = counted(each.due, "has", "have") if each.due else "None has"
        waits = counted(each.threads, "thread waits", "threads wait")
        st.markdown(f"**{waits}** for {each.address}: {why_they_wait(each)}. {due} a mail due.")
        since = f"Since {senders.moment(each.since)}"
        why = page.plain(each.reason or "")
        chosen = f" · {each.chosen_by} lets them wait since {senders.moment(each.chosen_at)}: {why}"
        st.caption(since + (chosen if each.chosen_at else " · nobody has decided yet, so they wait"))
        if page.actor().role is not Role.VIEWER:
            with st.expander("Decide what becomes of them"):
                _decide(each, _who_could_take_over(each, mailboxes))


def _decide(each: StrandedThreads, others: Mapping[str, int]) -> None:
    number = each.mailbox_id
    with st.form(f"threads_form_{number}", border=False):
        st.caption(WHAT_EACH_DOES)
        choice = st.radio("Choose", [HAND_ON, END, WAIT], index=2, horizontal=True, key=f"choice_{number}")
        if not others:
            st.caption("No other mailbox of their pool sends now, so there is none to hand them on to.")
        to = st.selectbox("Hand on to", ["Every mailbox of the pool in turn", *others], key=f"to_{number}")
        reason = st.text_input(
            "Reason", help="The audit log keeps it.", key=f"threads_reason_{number}", max_chars=REASON_LIMIT
        )
        if st.form_submit_button("Decide for all of them"):
            with page.attempt():
                page.say_later(_settle(number, str(choice), others.get(str(to)), reason))
                st.rerun()


def _who_could_take_over(each: StrandedThreads, mailboxes: Sequence[MailboxState]) -> dict[str, int]:
    return {
        state.address: state.mailbox.mailbox_id
        for state in mailboxes
        if state.mailbox.pool_id in each.pool_ids
        and state.mailbox.mailbox_id != each.mailbox_id
        and SenderStatus.PAUSED not in (state.mailbox.status, state.mailbox.domain_status, state.mailbox.account_status)
    }


def _settle(number: int, choice: str, to_mailbox_id: int | None, reason: str) -> str:
    app, actor, at = page.leadmill(), page.actor(), page.now()
    if choice == HAND_ON:
        moved, stay = app.hand_on_threads(actor, number, to_mailbox_id=to_mailbox_id, reason=reason, as_of=at)
        rest = f" {counted(stay, 'thread stays', 'threads stay')}: no such mailbox of their pool sends." if stay else ""
        return f"{counted(moved, 'thread goes', 'threads go')} on from elsewhere.{rest}"
    if choice == END:
        return f"{counted(app.end_threads(actor, number, reason=reason, as_of=at), 'thread')} ended."
    return f"{counted(app.let_threads_wait(actor, number, reason=reason, as_of=at), 'thread waits', 'threads wait')}."

"""Mails of which nobody knows whether they went out: what happened, to whom, the evidence, and the decision."""

from __future__ import annotations

from collections.abc import Sequence

import campaign_words
import charts
import page
import streamlit as st

from leadmill.domain.access import REASON_LIMIT, Role
from leadmill.domain.doubts import Cause, Doubt, Hint, Incident
from leadmill.domain.threads import shown_subject
from leadmill.ports.dispatch import Settlement

HAPPENED = {
    Cause.WORKER_DIED: "The process that was sending died before it could write down what the provider said.",
    Cause.NO_ANSWER: "The mail was handed over, and the connection broke before the provider answered.",
    Cause.GATEWAY: "A gateway answered with an error; the provider behind it may have taken the mail.",
    Cause.RESTORED: "An older copy of the ledger was restored. The journal says that the mail was taken to be sent "
    "since, but not what became of it.",
}
SHORTLY = {
    Cause.WORKER_DIED: "a worker died",
    Cause.NO_ANSWER: "no answer came",
    Cause.GATEWAY: "a gateway failed",
    Cause.RESTORED: "the ledger was restored",
}
CHOICES: dict[Settlement, str] = {
    "sent": "It went out",
    "lost": "It did not go out, and shall not",
    "send_again": "It did not go out: send it again",
}
CONSEQUENCES: dict[Settlement, str] = {
    "sent": "It counts as sent, and follow-ups go on. If it did not go out after all, the lead misses this mail.",
    "lost": "It counts as lost, and no follow-up is sent to this lead. Choose this, too, if it cannot be known.",
    "send_again": "It is due at once, within all limits. If it did go out after all, the lead gets the mail twice: "
    "this is the only way in which that can happen.",
}
REPORTS = {
    "smtp": "the mailbox's “Sent” folder or the mail server's log",
    "ses": "CloudWatch or the event destination's log",
}


def of_campaign(campaign_id: int) -> list[Incident]:
    """The campaign's unclear mails by incident, oldest first."""
    return page.leadmill().open_incidents(campaign_id)


def show(incidents: Sequence[Incident], *, none: str, names_campaign: bool = False) -> None:
    """Every incident with its mails, and for those with the role the way to decide."""
    if not incidents:
        charts.explain_absence(none)
        return
    st.write(
        "These mails may have gone out or not. They are never sent again by themselves, since a lead could get two "
        "copies. An event, bounce or reply that comes back for a mail decides it by itself; without any, it counts as "
        "lost two weeks after it became unclear."
    )
    for number, incident in enumerate(incidents):
        with st.container(border=True):
            _show_incident(incident, number, names_campaign=names_campaign)


def _show_incident(incident: Incident, number: int, *, names_campaign: bool) -> None:
    count = len(incident.doubts)
    mails = "1 mail" if count == 1 else f"{count:,} mails"
    when = campaign_words.moment(incident.began_at)
    st.markdown(f"**{when}, {page.plain(incident.lane)}: {SHORTLY[incident.cause]}, {mails} unclear**")
    st.caption(HAPPENED[incident.cause])
    st.caption(_evidence(incident))
    st.caption(_span(incident))
    picked = st.dataframe(
        [_line(doubt, names_campaign=names_campaign) for doubt in incident.doubts],
        hide_index=True,
        width="stretch",
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            "Campaign": st.column_config.TextColumn(width=120),
            "Address": st.column_config.TextColumn(width=235),
            "Mail": st.column_config.TextColumn(width=300),
            "Through": st.column_config.TextColumn(width=178),
            "Taken to be sent": st.column_config.DatetimeColumn(
                "Taken to be sent (UTC)", format="D MMM YYYY, HH:mm:ss", width=150
            ),
        },
        key=f"unclear_table_{number}",
    )
    if page.actor().role is Role.VIEWER:
        st.caption("Deciding needs the role analyst.")
        return
    chosen = [incident.doubts[row] for row in picked.selection.rows if row < count]
    _decide(chosen or list(incident.doubts), number, are_chosen=bool(chosen))


def _line(doubt: Doubt, *, names_campaign: bool) -> dict[str, object]:
    campaign = {"Campaign": doubt.campaign_name} if names_campaign else {}
    return campaign | {
        "Address": doubt.email,
        "Mail": f"{campaign_words.mail_name(doubt.step)}: {shown_subject(doubt.subject)}",
        "Through": doubt.mailbox_address,
        "Taken to be sent": doubt.claimed_at,
    }


def _span(incident: Incident) -> str:
    """Since when its mails are unclear, and when they count as lost."""
    since = campaign_words.moment(min(doubt.since for doubt in incident.doubts))
    first, last = (campaign_words.moment(choose(doubt.lost_at for doubt in incident.doubts)) for choose in (min, max))
    lost = f"from {first} to {last}" if first != last else f"on {first}"
    return f"Unclear since {since}. Without a decision or evidence they count as lost {lost}."


def _evidence(incident: Incident) -> str:
    """What is known so far, in a sentence or two."""
    around = incident.around
    look = REPORTS.get(incident.provider, "the provider's activity log")
    if incident.hint is Hint.PROBABLY_NOT_SENT:
        return (
            f"Evidence so far: of {around.taken:,} mails that this account took in the hours around, "
            f"{around.reported:,} were reported back, and none of these. They most likely did not go out."
        )
    if incident.hint is Hint.SILENCE_SAYS_NOTHING:
        return (
            f"Evidence so far: none, but only {around.reported:,} of {around.taken:,} mails of the hours around were "
            f"reported back either, so silence says nothing. Look into {look}."
        )
    return f"Evidence so far: none, and too few mails went out around it to tell from. Look into {look}."


def _decide(doubts: list[Doubt], number: int, *, are_chosen: bool) -> None:
    with st.form(f"settle_unclear_{number}", clear_on_submit=False, border=False):
        which = "the chosen lines" if are_chosen else "all lines (choose some by their boxes to decide those only)"
        st.markdown(f"**Decide {which}: {len(doubts):,}**")
        outcome = st.radio(
            "What became of them?",
            list(CHOICES),
            index=None,
            format_func=CHOICES.__getitem__,
            captions=[CONSEQUENCES[choice] for choice in CHOICES],
            key=f"settle_outcome_{number}",
        )
        reason = st.text_input("How do you know?", max_chars=REASON_LIMIT, key=f"settle_reason_{number}")
        is_sure = st.checkbox(
            "For “send it again”: I looked, and they did not go out. A lead may get this mail twice if I am wrong.",
            key=f"settle_sure_{number}",
        )
        if not st.form_submit_button("Decide", type="primary", key=f"settle_submit_{number}"):
            return
        if outcome is None:
            st.error("Choose what became of them.", icon=":material/error:")
        elif outcome == "send_again" and not is_sure:
            st.error("Confirm that you looked and that they did not go out.", icon=":material/error:")
        else:
            with page.attempt():
                _carry_out(doubts, outcome, reason, number)


def _carry_out(doubts: list[Doubt], outcome: Settlement, reason: str, number: int) -> None:
    decided = page.leadmill().decide_doubts(
        page.actor(), [doubt.send_id for doubt in doubts], outcome, reason=reason, as_of=page.now()
    )
    said = f"Decided: {decided.settled:,} of {len(doubts):,} mails. {CHOICES[outcome]}."
    if decided.passed_by:
        said += f" {decided.passed_by:,} were left as they are: {decided.why}"
    for name in ("outcome", "reason", "sure"):
        st.session_state.pop(f"settle_{name}_{number}", None)
    page.say_later(said)
    st.rerun()

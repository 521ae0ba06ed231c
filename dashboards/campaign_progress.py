"""How far a campaign is: where every mail stands, and why the waiting ones wait."""

from __future__ import annotations

import campaign_refusals
import campaign_words
import charts
import outcomes
import page
import streamlit as st

from leadmill.domain.campaigns import CampaignStatus
from leadmill.domain.sends import SendState
from leadmill.ports.campaigns import CampaignProgress
from leadmill.ports.waiting import Constraint

REFRESH_SECONDS = 10
MAILBOXES_SHOWN = 8
OF_CAMPAIGN = frozenset({"campaign", "sends", "recipients", "dispatch"})
"""Subjects of constraints that are no mailbox."""
COLOURS = {
    "planned": "#BCD0E8",
    "claimed": charts.VIOLET,
    "accepted": charts.BLUE,
    "delivered": charts.TEAL,
    "dropped": "#C9A0A0",
    "bounced": charts.RED,
    "complained": "#8B1E3F",
    "refused": charts.AMBER,
    "ambiguous": "#D4A017",
    "lost": "#5C4033",
    "suppressed": "#A7B1BC",
    "cancelled": "#5B6875",
    "expired": "#D9DEE4",
}
ENDED = {CampaignStatus.FINISHED, CampaignStatus.CANCELLED}


def show(campaign_id: int) -> None:
    """The progress as it is now."""
    progress = page.leadmill().campaign_progress(campaign_id)
    if not progress.conservation.rows:
        _say_not_planned(progress)
    else:
        _show_bar(progress)
        _show_conservation(progress)
        with page.attempt():
            campaign_refusals.show(campaign_id)
    if progress.status not in ENDED:
        with page.attempt():
            _show_waiting(page.leadmill().explain_waiting(campaign_id, page.now()))


def _say_not_planned(progress: CampaignProgress) -> None:
    if progress.status is CampaignStatus.APPROVED:
        charts.explain_absence(
            "The campaign is approved, and its mails are being planned: that takes a minute, and starts within "
            "15 minutes at most. This page refreshes by itself."
        )
    else:
        charts.explain_absence("No mail of this campaign was ever planned.")


def _count(progress: CampaignProgress, step: int, state: SendState) -> int:
    return sum(variant.counts.get(state, 0) for variant in progress.steps if variant.step == step)


def _show_bar(progress: CampaignProgress) -> None:
    counts = progress.conservation.by_state
    states = [state for state in outcomes.STATE_WORDS if counts.get(SendState(state))]
    chart = charts.stacked_bars(
        [""],
        {outcomes.STATE_WORDS[state]: [counts[SendState(state)]] for state in states},
        colours={outcomes.STATE_WORDS[state]: COLOURS[state] for state in states},
        height=130,
        is_horizontal=True,
    )
    chart.update_layout(hovermode="closest", showlegend=True)
    chart.update_xaxes(range=[0, progress.conservation.rows])
    charts.show(chart, key="campaign_progress_bar")


def _show_conservation(progress: CampaignProgress) -> None:
    law = progress.conservation
    st.subheader("Where every mail stands", anchor=False)
    steps = sorted({variant.step for variant in progress.steps})
    lines = []
    for state, words in outcomes.STATE_WORDS.items():
        if total := law.by_state.get(SendState(state), 0):
            by_step = {campaign_words.mail_name(step): _count(progress, step, SendState(state)) for step in steps}
            lines.append({"State": words, **by_step, "All": total})
    sums = {name: sum(int(str(line[name])) for line in lines) for name in map(campaign_words.mail_name, steps)}
    lines.append({"State": "All", **sums, "All": law.rows})
    left, right = st.columns([3, 2], gap="large")
    left.dataframe(lines, hide_index=True, width="stretch", height="content", column_config=page.counts("All", *sums))
    with right:
        _say_law(progress)
        _show_left_out(progress)


def _say_law(progress: CampaignProgress) -> None:
    law = progress.conservation
    mails = "mail" if law.steps == 1 else "mails"
    sum_words = f"{law.planned_leads:,} leads times {law.steps} {mails} = {law.planned_leads * law.steps:,}"
    if law.holds:
        st.success(f"{sum_words}, and every one of them is in the table: nothing is lost.", icon=":material/balance:")
    else:
        st.error(
            f"{sum_words}, but the table has {law.rows:,}; {law.audience:,} leads matched and {law.left_out:,} were "
            "left out. This is a defect: pause the campaign and tell your administrator.",
            icon=":material/error:",
        )
    if progress.next_due_at is not None:
        st.caption(f"The next mail is due {campaign_words.moment(progress.next_due_at)}.")


def _show_left_out(progress: CampaignProgress) -> None:
    reasons = {reason: count for reason, count in progress.left_out.items() if count}
    st.caption(
        f"{progress.audience_count:,} leads matched when it was planned; {sum(reasons.values()):,} were left out."
    )
    for reason, count in reasons.items():
        st.caption(f"{count:,} · {campaign_words.LEFT_OUT.get(reason, reason.replace('_', ' '))}")


def _show_waiting(constraints: list[Constraint]) -> None:
    st.subheader("Why mails wait", anchor=False)
    if not constraints:
        st.caption("Nothing waits.")
        return
    for constraint in constraints:
        if constraint.subject in OF_CAMPAIGN:
            st.markdown(f":material/schedule: {in_words(constraint)}")
    mailboxes = [c for c in constraints if c.subject not in OF_CAMPAIGN]
    if mailboxes:
        st.dataframe(
            [
                {
                    "Mailbox": c.subject,
                    "May send now": c.count,
                    "What binds it": c.sentence,
                    "Until": campaign_words.moment(c.relaxes_at) if c.relaxes_at else "when someone acts",
                }
                for c in mailboxes
            ],
            hide_index=True,
            width="stretch",
            height=page.table_height(len(mailboxes), MAILBOXES_SHOWN),
            column_config={
                "Mailbox": st.column_config.TextColumn(width=190),
                "May send now": st.column_config.NumberColumn(width=90),
                "What binds it": st.column_config.TextColumn(width=560),
            },
        )


def in_words(constraint: Constraint) -> str:
    """The sentence with the end of the wait, without a DAG's name in it; names in it are no Markdown."""
    said = page.plain(constraint.sentence.replace("plan_campaigns", "the planning"))
    if constraint.relaxes_at is None:
        return said
    return f"{said.removesuffix('.')} (until {campaign_words.moment(constraint.relaxes_at)})."

"""What came back, by step and variant: people and machines apart."""

from __future__ import annotations

from collections.abc import Mapping

import campaign_words
import charts
import outcomes
import page
import streamlit as st

from leadmill.domain.ab_tests import detectable_difference
from leadmill.domain.outcomes import Outcomes
from leadmill.domain.sends import SendState
from leadmill.domain.threads import shown_subject
from leadmill.ports.campaigns import CampaignProgress, StepProgress

FEW = 5
"""Mails up to which an axis would show fractions of a mail."""


@st.cache_data(ttl=page.FRESH_SECONDS, show_spinner=False)
def read(installation: str, campaign_id: int) -> Mapping[int, Outcomes]:  # noqa: ARG001 - the key of the cache
    """Outcomes by variant, at most a few seconds old."""
    return page.leadmill().variant_outcomes(campaign_id)


def show_key_figures(progress: CampaignProgress, total: Outcomes) -> None:
    """The campaign in one line."""
    law = progress.conservation
    sent, waiting, opened, clicked, replied = st.columns(5)
    planned = f"Handed over, of {law.rows:,} planned to {law.planned_leads:,} leads."
    sent.metric("Mails sent", f"{total.tried:,}", border=True, help=planned)
    waiting.metric("Waiting", f"{law.by_state.get(SendState.PLANNED, 0):,}", border=True)
    opened.metric("Opened by people", _share(total.opened, total), border=True)
    clicked.metric("Clicked by people", _share(total.clicked, total), border=True)
    replied.metric("Replied", _share(total.replied, total), border=True)


def _share(part: int, whole: Outcomes) -> str:
    return outcomes.share(part, whole, of_none="none yet")


def show(progress: CampaignProgress, came: Mapping[int, Outcomes]) -> None:
    """A table and a chart; or why there is none yet."""
    if not came:
        charts.explain_absence(
            "No mail of this campaign was accepted by a provider yet. Results show here a few minutes after the first "
            "one; under Progress you see what the mails wait for."
        )
        return
    st.dataframe(
        [_line(step, came.get(step.variant_id, Outcomes())) for step in progress.steps],
        hide_index=True,
        width="stretch",
        column_config={
            "by machines": st.column_config.NumberColumn(help="Opened by machines only."),
            "by machines ": st.column_config.NumberColumn(help="Clicked by machines only."),
        },
    )
    subjects = (f"{campaign_words.mail_name(s.step)}, {s.label}: “{shown_subject(s.subject)}”" for s in progress.steps)
    st.caption("  \n".join(subjects))
    st.caption(
        "A click counts as an open: many readers block pictures. Machines are privacy proxies and security scanners; "
        "they are never counted as people, and a mail that both touched counts as people's."
    )
    _show_chart(progress, came)
    for step in sorted({s.step for s in progress.steps}):
        _compare([s for s in progress.steps if s.step == step], came)


def _line(step: StepProgress, came: Outcomes) -> dict[str, object]:
    return {
        "Mail": f"{campaign_words.mail_name(step.step)}, {step.label}",
        "Sent": came.tried,
        "Bounced": _share(came.bounced, came),
        "Opened by people": _share(came.opened, came),
        "by machines": came.machine_opened,
        "Clicked by people": _share(came.clicked, came),
        "by machines ": came.machine_clicked,
        "Replied": _share(came.replied, came),
        "Unsubscribed": came.unsubscribed,
        "Spam reports": came.complained,
    }


def _show_chart(progress: CampaignProgress, came: Mapping[int, Outcomes]) -> None:
    shown = [(step, came[step.variant_id]) for step in progress.steps if step.variant_id in came]
    names = [f"{campaign_words.mail_name(step.step)}, {step.label}" for step, _ in shown]
    opens, clicks = st.columns(2, gap="large")
    for column, title, people, machines in (
        (opens, "Opened", "opened", "machine_opened"),
        (clicks, "Clicked", "clicked", "machine_clicked"),
    ):
        with column:
            st.markdown(f"**{title}**, in mails")
            series = {
                "By people": [getattr(o, people) for _, o in shown],
                "By machines only": [getattr(o, machines) for _, o in shown],
            }
            if not any(map(sum, series.values())):
                charts.explain_absence(f"No mail was {title.lower()} yet.")
                continue
            chart = charts.stacked_bars(
                names,
                series,
                colours={"By people": charts.TEAL, "By machines only": charts.AMBER},
                height=80 + 48 * len(names),
                is_horizontal=True,
            )
            most = max(map(sum, zip(*series.values(), strict=True)))
            chart.update_xaxes(dtick=1 if most <= FEW else None)  # mails come in whole numbers
            charts.show(chart, key=f"campaign_{people}")


def _compare(variants: list[StepProgress], came: Mapping[int, Outcomes]) -> None:
    """Say whether the variants' open rates differ by more than chance shows."""
    tested = [(v.label, came[v.variant_id]) for v in variants if v.variant_id in came and came[v.variant_id].tried]
    if len(tested) < 2:  # noqa: PLR2004 - one variant is no test
        return
    rates = sorted(((o.opened / o.tried, label) for label, o in tested), reverse=True)
    visible = detectable_difference(min(o.tried for _, o in tested))
    gap = rates[0][0] - rates[-1][0]
    if gap > visible:
        verdict = f"variant {rates[0][1]} was opened more often than {rates[-1][1]}, by more than chance explains"
    else:
        verdict = (
            f"no clear winner: so few mails only show differences in opens above {visible:.0%}, and this is {gap:.0%}"
        )
    st.caption(f"{campaign_words.mail_name(variants[0].step)}: {verdict}.")

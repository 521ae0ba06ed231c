"""Warm-ups and probations: where each mailbox stands, why, and how it came there."""

from __future__ import annotations

import charts
import page
import streamlit as st

from leadmill.domain import moments
from leadmill.domain.access import Role
from leadmill.domain.warm_up import CURVES, PROBATION_CLEAN_DAYS
from leadmill.ports.warm_ups import LimitDay, WarmUpStanding

CHANGES = {
    "advanced": "advanced",
    "finished": "reached its full limit",
    "held": "held",
    "cut": "cut by a quarter",
}
PROBATION_CHANGES = {"advanced": "a clean day", "finished": "over", "held": "held", "cut": "began anew"}


def show() -> None:
    """Every warm-up and probation with today's limit and its reason; one mailbox's history as a chart."""
    found = page.leadmill().warm_ups()
    if not found:
        charts.explain_absence("No mailbox warms up or is on probation; each sends by its own limit.")
    else:
        st.dataframe([_line(each) for each in found], hide_index=True, width="stretch", key="warm_up_table")
        st.caption(
            "A warm-up advances on a day with accepted mail and clean evidence; it is held without them, and cut by a "
            "quarter on bounces, blocks or complaints beyond chance. The most engaged leads go first."
        )
        chosen = st.selectbox("History of", [each.address for each in found], key="warm_up_chosen")
        _show_history(next(each for each in found if each.address == chosen))
    if page.actor().role is Role.ADMIN:
        _curve_form()


def _line(each: WarmUpStanding) -> dict[str, object]:
    return {
        "Mailbox": each.address,
        "Stands": _stands(each),
        "Today": each.limit,
        "Full limit": each.full_limit,
        "Why": each.reason,
        "Advanced last": moments.day_in_words(each.last_advanced_on) if each.last_advanced_on else "not yet",
        "Curve": each.curve or "seed",
        "Pool": each.pool,
    }


def _stands(each: WarmUpStanding) -> str:
    if each.probation_days is not None:
        return f"on probation, {each.probation_days} of {PROBATION_CLEAN_DAYS} clean days ({each.probation_cause})"
    return "warm" if each.limit >= each.full_limit else f"stage {(each.warm_up.stage if each.warm_up else 0) + 1}"


def _show_history(each: WarmUpStanding) -> None:
    history = page.leadmill().warm_up_history(page.now(), mailbox_id=each.mailbox_id)
    if not history:
        charts.explain_absence("Nothing yet: a mailbox is looked at once a day, after its midnight.")
        return
    chart = charts.figure(height=260)
    days = [day.day for day in history]
    chart.add_scatter(
        x=days,
        y=[day.day_limit for day in history],
        mode="lines+markers",
        line_shape="hv",
        name="Daily limit",
        marker_color=[charts.RED if day.change == "cut" else charts.TEAL for day in history],
        text=[f"{_words(day)}: {day.reason}" for day in history],
        hovertemplate="%{x}: %{y} a day<br>%{text}<extra></extra>",
    )
    chart.add_bar(
        x=days,
        y=[day.evidence.get("accepted", 0) for day in history],
        name="Accepted since the day before",
        marker_color="#D9DEE4",
    )
    charts.show(chart, key="warm_up_history")
    st.dataframe(
        [
            {"Day": moments.day_in_words(day.day), "What": _words(day), "Limit": day.day_limit, "Why": day.reason}
            for day in reversed(history)
        ],
        hide_index=True,
        width="stretch",
        key="warm_up_days",
    )


def _words(day: LimitDay) -> str:
    if day.kind == "probation":
        return f"probation: {PROBATION_CHANGES.get(day.change, day.change)}"
    return CHANGES.get(day.change, day.change)


def _curve_form() -> None:
    with st.expander("Choose how a pool or a mailbox warms up", icon=":material/edit:"):
        pools = [pool.name for pool in page.leadmill().pools()]
        boxes = [state.address for state in page.leadmill().mailboxes(page.now())]
        with st.form("warm_up_curve_form"):
            kind = st.radio("Of a", ["pool", "mailbox"], horizontal=True, key="curve_kind")
            name = st.selectbox("Pool or mailbox", [*pools, *boxes], key="curve_name")
            curve = st.text_input(
                "Curve",
                key="curve_text",
                placeholder="seed",
                help=f"{', '.join(CURVES)}, or daily limits such as 5,8,12,20; empty: back to the usual one.",
            )
            if st.form_submit_button("Save the curve", type="primary"):
                with page.attempt():
                    page.leadmill().set_warm_up_curve(page.actor(), kind, name or "", curve, as_of=page.now())
                    page.say_later(f"{name} warms up by {curve.strip() or 'the usual curve'}.")
                    st.rerun()

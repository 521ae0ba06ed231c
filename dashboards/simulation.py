"""What a plan will take: the production's planner played many times over an assumed pool or one of the ledger's."""

from __future__ import annotations

import charts
import page
import plotly.graph_objects as go
import streamlit as st

from leadmill.domain import moments
from leadmill.domain.guardrails import FALSE_PAUSES_A_MONTH, PRODUCTION, Thresholds
from leadmill.domain.simulation import Band, Simulation, stop_words, warning_words
from leadmill.ports.simulation import PlanOptions

RUNS = 40
ASSUMED = "An assumed pool"


def show() -> None:
    """A form, and what the last simulation said."""
    st.caption(
        "Plays rotation, limits, warm-up and guardrails as they are in production, many times, with chance deciding "
        "what bounces and who complains."
    )
    pools = [pool.name for pool in page.leadmill().pools()]
    source = st.selectbox("Mailboxes", [ASSUMED, *pools], key="simulation_pool")
    options = _form("" if source == ASSUMED else source)
    if options is not None:
        with page.attempt(), st.spinner("Playing it …"):
            st.session_state["simulation_found"] = page.leadmill().simulate(options, page.now())
    found = st.session_state.get("simulation_found")
    if found is not None:
        _show(found)


def _form(pool: str) -> PlanOptions | None:
    with st.form("simulation"):
        recipients = st.number_input("Recipients", 1, 5_000_000, 20_000, key="simulation_recipients")
        domains, boxes, cap = 10, 3, 40
        is_warm = False
        if not pool:
            first, second, third, fourth = st.columns(4, vertical_alignment="bottom")
            domains = first.number_input("Domains", 1, 200, domains, key="simulation_domains")
            boxes = second.number_input("Mailboxes on each", 1, 50, boxes, key="simulation_boxes")
            cap = third.number_input("Mails a day of each", 1, 100_000, cap, key="simulation_cap")
            is_warm = fourth.checkbox("Warm already", key="simulation_warm")
        left, middle, right = st.columns(3)
        steps = left.number_input("Mails a person gets at most", 1, 10, 1, key="simulation_steps")
        bounces = middle.number_input(
            "Bounces, %", 0.0, 100.0, None if pool else 2.0, key="simulation_bounces", help="Empty: the pool's own."
        )
        complaints = right.number_input(
            "Complaints, %", 0.0, 100.0, None if pool else 0.02, 0.01, format="%.3f", key="simulation_complaints"
        )
        with st.expander("Guardrails", icon=":material/shield:"):
            rules, budget = _rules()
        if not st.form_submit_button("Simulate", type="primary"):
            return None
    return PlanOptions(
        recipients=int(recipients),
        domains=int(domains),
        mailboxes_per_domain=int(boxes),
        daily_limit=int(cap),
        is_warm=is_warm,
        steps=int(steps),
        bounce_rate=None if bounces is None else bounces / 100,
        complaint_rate=None if complaints is None else complaints / 100,
        rules=rules,
        false_pauses_a_month=budget,
        pool=pool,
        runs=RUNS,
    )


def _rules() -> tuple[Thresholds, float]:
    """Fields for what guardrails act on, filled in with production's own; and the budget of false pauses."""
    st.caption("What if they acted sooner or later? Production keeps to the values that stand here at first.")
    one, two, three = st.columns(3)
    warns = one.number_input(
        "Bounces warn above, %", 0.1, 100.0, 100 * PRODUCTION.bounce_warns, 0.5, key="simulation_warns"
    )
    pauses = two.number_input(
        "Bounces pause above, %", 0.1, 100.0, 100 * PRODUCTION.bounce_pauses, 0.5, key="simulation_pauses"
    )
    complaints = three.number_input(
        "Complaints alert above, %", 0.01, 100.0, 100 * PRODUCTION.complaint_alerts, 0.05, key="simulation_alerts"
    )
    one, two, three, four = st.columns(4, vertical_alignment="bottom")
    window = one.number_input("Window, days", 1, 90, PRODUCTION.window_days, key="simulation_window")
    warn_sample = two.number_input(
        "Mails before a warning", 1, 100_000, PRODUCTION.warn_sample, key="simulation_warn_sample"
    )
    pause_sample = three.number_input(
        "Mails before a pause", 1, 100_000, PRODUCTION.pause_sample, key="simulation_pause_sample"
    )
    budget = four.number_input(
        "False pauses a month", 0.01, 1_000.0, FALSE_PAUSES_A_MONTH, key="simulation_false_pauses",
        help="The budget of the sequential test, of one pool.",
    )  # fmt: skip
    shares = (round(percent / 100, 6) for percent in (warns, pauses, complaints))
    return Thresholds(*shares, int(window), int(warn_sample), int(pause_sample)), float(budget)


def _show(found: Simulation) -> None:
    early, middle, late = (moments.day_in_words(day) if day else "later" for day in found.finish)
    one, two, three = st.columns(3)
    one.metric("Finished, half of the runs", middle, border=True, help=f"80 % of the runs: {early} to {late}.")
    two.metric("Bounces", _band(found.bounced), border=True, help="80 % of the runs.")
    three.metric("Days of mailboxes stopped", _band(found.stopped_days), border=True, help="80 % of the runs.")
    if found.finished_share < 1:
        st.warning(
            f"{1 - found.finished_share:.0%} of the runs did not finish within {found.world.most_days} days.",
            icon=":material/hourglass_bottom:",
        )
    charts.show(_chart(found), key="simulation_chart")
    rules = found.world.rules
    words = {**stop_words(rules), **warning_words(rules)}
    lines = [
        {
            "What guardrails do": words[name],
            "10 %": round(times.low),
            "Median": round(times.middle),
            "90 %": round(times.high),
        }
        for name, times in (*found.stops.items(), *found.warnings.items())
    ]
    if lines:
        st.dataframe(lines, hide_index=True, width="stretch", key="simulation_stops")
    st.caption(
        f"{found.runs} runs; pauses are lifted after {found.world.lift_after_days} days. docs/simulate.md says how."
    )


def _band(values: Band) -> str:
    return f"{values.low:,.0f} to {values.high:,.0f}"


def _chart(found: Simulation) -> go.Figure:
    chart, days = charts.figure(height=320), list(found.days)
    quiet = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    chart.add_scatter(x=days, y=[band.high for band in found.sent], **quiet)
    chart.add_scatter(
        x=days, y=[band.low for band in found.sent], fill="tonexty", fillcolor="rgba(31,95,168,0.18)", **quiet
    )
    chart.add_scatter(
        x=days,
        y=[band.middle for band in found.sent],
        name="Mails a day (median, 80 % interval)",
        mode="lines",
        line={"width": 2, "color": charts.BLUE},
        hovertemplate="%{y:,.0f}",
    )
    chart.update_yaxes(rangemode="tozero", tickformat=",")
    return chart

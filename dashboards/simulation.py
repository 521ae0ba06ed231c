"""What a plan will take: the production's planner played many times over an assumed pool or one of the ledger's."""

from __future__ import annotations

import charts
import page
import plotly.graph_objects as go
import streamlit as st

from leadmill.domain.simulation import STOPS, Band, Simulation
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
        pool=pool,
        runs=RUNS,
    )


def _show(found: Simulation) -> None:
    early, middle, late = (f"{day.day} {day:%b %Y}" if day else "later" for day in found.finish)
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
    lines = [
        {"What guardrails stop": STOPS[name], "10 %": stops.low, "Median": stops.middle, "90 %": stops.high}
        for name, stops in found.stops.items()
    ]
    if lines:
        st.dataframe(lines, hide_index=True, width="stretch")
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
        name="mails a day (median, 80 % interval)",
        mode="lines",
        line={"width": 2, "color": charts.BLUE},
        hovertemplate="%{y:,.0f}",
    )
    chart.update_yaxes(rangemode="tozero", tickformat=",")
    return chart

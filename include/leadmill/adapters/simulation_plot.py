"""A simulation as a page: mails by day and in all, medians with their 80 % intervals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leadmill.domain.simulation import Band, Simulation

_BLUE, _TEAL = "#1F5FA8", "#2A9D8F"


def write_plot(simulation: Simulation, path: Path) -> None:
    """Write the plot as one HTML file that holds all it needs."""
    figure(simulation).write_html(path, include_plotlyjs=True, full_html=True)


def figure(simulation: Simulation) -> Any:  # plotly has no types
    """Two panels over one time axis: mails a day, and mails until then."""
    from plotly.subplots import make_subplots

    world, (early, middle, late) = simulation.world, simulation.finish
    chart = make_subplots(rows=2, cols=1, shared_xaxes=True, subplot_titles=("Mails a day", "Mails in all"))
    for row, (bands, colour) in enumerate(((simulation.sent, _BLUE), (simulation.total, _TEAL)), start=1):
        _add_band(chart, simulation.days, bands, colour, row)
    ends = ", ".join(f"{day:%d %b %Y}" if day else "later" for day in (early, middle, late))
    chart.update_layout(
        title=f"{world.recipients:,} recipients, {len(world.mailboxes)} mailboxes: finished on {ends} "
        f"(10 %, half, 90 % of {simulation.runs} runs)",
        template="plotly_white",
        hovermode="x unified",
        showlegend=False,
    )
    chart.update_yaxes(rangemode="tozero", tickformat=",")
    return chart


def _add_band(chart: Any, days: Sequence[object], bands: Sequence[Band], colour: str, row: int) -> None:
    place = {"row": row, "col": 1}
    quiet = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    chart.add_scatter(x=list(days), y=[band.high for band in bands], **quiet, **place)
    chart.add_scatter(
        x=list(days),
        y=[band.low for band in bands],
        fill="tonexty",
        fillcolor="rgba(120,140,170,0.25)",
        **quiet,
        **place,
    )
    middle = {"mode": "lines", "line": {"width": 2, "color": colour}, "hovertemplate": "%{y:,.0f}"}
    chart.add_scatter(x=list(days), y=[band.middle for band in bands], name="median", **middle, **place)

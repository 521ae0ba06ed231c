"""Plotly figures with one look; every chart of the dashboards is made here or uses `figure()`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import streamlit as st

BLUE, TEAL, AMBER, RED, VIOLET, GREY = "#1F5FA8", "#2A9D8F", "#E09F3E", "#C8553D", "#7B6DAA", "#8793A0"
COLOURS = [BLUE, TEAL, AMBER, RED, VIOLET, GREY, "#8AB17D", "#457B9D"]
_TEXT, _GRID = "#1B2733", "#E6EAEF"
_FONT = "Inter, Segoe UI, Helvetica Neue, Arial, Liberation Sans, sans-serif"
_AXIS = {"gridcolor": _GRID, "linecolor": "#C4CDD7", "zeroline": False, "title_font_size": 12, "ticks": ""}

_DATES = [
    {"dtickrange": [None, 43_200_000], "value": "%H:%M\n%-d %b %Y"},
    {"dtickrange": [86_400_000, "M1"], "value": "%-d %b\n%Y"},
    {"dtickrange": ["M1", None], "value": "%b %Y"},
]
"""How an axis of moments is labelled, by the milliseconds from one label to the next."""

TEMPLATE = go.layout.Template(
    layout=go.Layout(
        font={"family": _FONT, "size": 13, "color": _TEXT},
        colorway=COLOURS,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis={
            **_AXIS,
            "showgrid": False,
            "automargin": True,
            "hoverformat": "%-d %b %Y, %H:%M",
        },
        yaxis={**_AXIS, "automargin": True},
        hoverlabel={"font": {"family": _FONT, "size": 13}, "bgcolor": "#FFFFFF", "bordercolor": _GRID},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "title": {"text": ""}},
        hovermode="x unified",
        bargap=0.28,
    )
)


def figure(*, height: int = 300) -> go.Figure:
    """An empty figure with the house's template; height in pixels."""
    return go.Figure(
        # A template's arrays are not taken over, so the labels of moments stand in each figure.
        layout={"template": TEMPLATE, "height": height, "xaxis": {"tickformatstops": _DATES}}
    )


def show(chart: go.Figure, *, key: str) -> None:
    """Put a figure on the page, full width, without the toolbar."""
    st.plotly_chart(chart, width="stretch", theme=None, key=key, config={"displayModeBar": False})


def explain_absence(reason: str) -> None:
    """In place of a chart that would be empty: why there is nothing, and what would change that."""
    st.info(reason, icon=":material/hourglass_empty:")


def funnel(stages: Sequence[tuple[str, int]]) -> go.Figure:
    """Bars from the first stage to the last, each with its count and its share of the first."""
    names, counts = [name for name, _ in stages], [count for _, count in stages]
    first = max(counts[0], 1) if counts else 1
    chart = figure(height=46 * len(stages) + 30)
    chart.add_bar(
        x=counts,
        y=names,
        orientation="h",
        marker_color=BLUE,
        marker_opacity=[1 - 0.1 * i for i in range(len(stages))],
        text=[f"{count:,} · {count / first:.1%}" for count in counts],
        textposition="auto",
        insidetextanchor="start",
        textangle=0,
        hovertemplate="%{y}: %{x:,}<extra></extra>",
        cliponaxis=False,
    )
    chart.update_layout(hovermode="closest", showlegend=False, margin={"r": 90})
    chart.update_xaxes(visible=False)
    chart.update_yaxes(autorange="reversed", showgrid=False)
    return chart


def lines(
    moments: Sequence[object], series: Mapping[str, Sequence[float | None]], *, as_rate: bool, height: int = 300
) -> go.Figure:
    """One line per series over time; a gap where a value is None. `as_rate`: values are shares of 1."""
    chart = figure(height=height)
    for name, values in series.items():
        chart.add_scatter(
            x=list(moments),
            y=list(values),
            name=name,
            mode="lines+markers",
            line={"width": 2},
            marker={"size": 5},
            connectgaps=False,
            hovertemplate="%{y:.1%}" if as_rate else "%{y:,}",
        )
    chart.update_yaxes(rangemode="tozero", tickformat=".0%" if as_rate else ",")
    return chart


def stacked_bars(
    categories: Sequence[object],
    series: Mapping[str, Sequence[int]],
    *,
    colours: Mapping[str, str] | None = None,
    height: int = 300,
    is_horizontal: bool = False,
) -> go.Figure:
    """Stacked bars, one colour per series; `categories` may be moments or names."""
    chart = figure(height=height)
    for name, values in series.items():
        along, up = (values, categories) if is_horizontal else (categories, values)
        chart.add_bar(
            x=list(along),
            y=list(up),
            name=name,
            orientation="h" if is_horizontal else "v",
            marker_color=(colours or {}).get(name),
            hovertemplate=("%{x:,}" if is_horizontal else "%{y:,}"),
        )
    chart.update_layout(barmode="stack", legend_traceorder="normal")
    if is_horizontal:
        chart.update_layout(hovermode="y unified")
        chart.update_yaxes(autorange="reversed", showgrid=False)
        chart.update_xaxes(tickformat=",", showgrid=True, gridcolor=_GRID)
    else:
        chart.update_yaxes(tickformat=",", rangemode="tozero")
    return chart

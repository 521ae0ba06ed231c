"""Sending domains against blacklists, and the history of the checks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import charts
import page
import senders
import streamlit as st

from leadmill.domain.access import Role
from leadmill.domain.blacklists import Outcome
from leadmill.ports.blacklists import Standing
from leadmill.ports.deliverability import SendingDomain

WORDS = {Outcome.LISTED: "listed", Outcome.UNKNOWN: "unknown", Outcome.CLEAN: "clean"}
COLOURS = {Outcome.LISTED: charts.RED, Outcome.UNKNOWN: "#D9DEE4", Outcome.CLEAN: charts.TEAL}
PERIODS = {"Last day": 1, "Last 7 days": 7, "Last 30 days": 30, "Last 90 days": 90}
EVERYTHING = "everything"


def show_domains() -> None:
    """The domains with what each list says of them, and the matrix of all checks."""
    found = page.leadmill().sending_domains(page.now())
    if not found:
        charts.explain_absence("No sending domain is set up yet. An admin adds them under Organisation.")
        return
    standings = page.leadmill().blacklist_status()
    by_subject = defaultdict(list)
    for standing in standings:
        by_subject[standing.subject].append(standing)
    st.dataframe(
        [
            _line(domain, [s for name in (domain.name, *domain.sending_ips) for s in by_subject[name]])
            for domain in found
        ],
        hide_index=True,
        width="stretch",
        column_config={
            "Status": st.column_config.TextColumn(width=250),
            "Reason": st.column_config.TextColumn(width=180),
        },
    )
    _show_actions(found)
    st.subheader("What each blacklist says", anchor=False)
    if not standings:
        charts.explain_absence("No blacklist was asked yet. The DAG check_blacklists asks every hour.")
        return
    charts.show(_matrix(found, standings), key="blacklist_matrix")
    st.caption(
        f"Asked last at {senders.moment(max(s.checked_at for s in standings))}. Unknown means that a list gave no "
        "usable answer (no reply in time, a refusal, or a list that fails its self-test): it is neither listed nor "
        "clean, and raises no alert. White: that list is not asked about such a name."
    )
    listed = [s for s in standings if s.outcome is Outcome.LISTED]
    for standing in listed:
        checks = f"{standing.consecutive} check{'s' if standing.consecutive > 1 else ''} in a row"
        st.error(
            f"**{standing.subject}** is listed by {standing.zone} since {senders.moment(standing.since)} "
            f"({checks}; answer {standing.answer}).",
            icon=":material/gpp_bad:",
        )


def _line(domain: SendingDomain, standings: Sequence[Standing]) -> dict[str, object]:
    counts = Counter(standing.outcome for standing in standings)
    said = ", ".join(f"{counts[outcome]} {WORDS[outcome]}" for outcome in WORDS if counts[outcome])
    limit = "no limit" if domain.daily_limit is None else f"{domain.daily_limit:,}"
    return {
        "Domain": domain.name,
        "Status": senders.status_words(domain.status, domain.cool_down_until),
        "Reason": domain.status_reason,
        "Blacklists": said or "not asked yet",
        "Mailboxes": domain.mailboxes,
        "Sent today": f"{domain.taken_today:,} of {limit}" if domain.daily_limit else f"{domain.taken_today:,}",
        "Sending IPs": ", ".join(domain.sending_ips) or "the provider's",
    }


def _show_actions(domains: Sequence[SendingDomain]) -> None:
    if page.actor().role is Role.VIEWER:
        return
    with st.expander("Pause or release a domain", icon=":material/pause_circle:"):
        name = st.selectbox("Domain", [domain.name for domain in domains], key="domain_chosen")
        chosen = next(domain for domain in domains if domain.name == name)
        senders.hold_form(
            "domain",
            hands={"domain": name},
            is_active=chosen.status == "active",
            pause=lambda reason: page.leadmill().pause_domain(page.actor(), name, reason=reason, as_of=page.now()),
            lift=lambda reason: page.leadmill().lift_domain_pause(page.actor(), name, reason=reason, as_of=page.now()),
        )


def _matrix(domains: Sequence[SendingDomain], standings: Sequence[Standing]) -> Any:
    ours = [name for domain in domains for name in (domain.name, *domain.sending_ips)]
    asked = {standing.subject for standing in standings}
    subjects = [*dict.fromkeys(name for name in ours if name in asked), *sorted(asked - set(ours))]
    zones = sorted({standing.zone for standing in standings})
    codes = {Outcome.CLEAN: 0, Outcome.UNKNOWN: 1, Outcome.LISTED: 2}
    cells: list[list[int | None]] = [[None] * len(zones) for _ in subjects]
    said = [[f"{zone} is not asked about {subject}" for zone in zones] for subject in subjects]
    for standing in standings:
        row, column = subjects.index(standing.subject), zones.index(standing.zone)
        cells[row][column] = codes[standing.outcome]
        answer = f" ({standing.answer})" if standing.answer else ""
        since = senders.moment(standing.since)
        said[row][column] = f"{standing.subject}<br>{standing.zone}: {WORDS[standing.outcome]}{answer}<br>since {since}"
    chart = charts.figure(height=120 + 24 * len(subjects))
    thirds = [(0, Outcome.CLEAN), (1, Outcome.UNKNOWN), (2, Outcome.LISTED)]
    scale = [
        step
        for place, outcome in thirds
        for step in ((place / 3, COLOURS[outcome]), ((place + 1) / 3, COLOURS[outcome]))
    ]
    chart.add_heatmap(
        z=cells,
        x=zones,
        y=subjects,
        text=said,
        hovertemplate="%{text}<extra></extra>",
        colorscale=scale,
        zmin=-0.5,
        zmax=2.5,
        showscale=False,
        xgap=2,
        ygap=2,
    )
    for outcome, word in WORDS.items():
        marker = {"symbol": "square", "size": 12, "color": COLOURS[outcome]}
        chart.add_scatter(x=[None], y=[None], mode="markers", name=word, marker=marker)
    chart.update_layout(hovermode="closest")
    chart.update_xaxes(tickangle=-35, side="bottom")
    chart.update_yaxes(autorange="reversed", showgrid=False)
    return chart


def show_history() -> None:
    """How the checks came out over time, and what changed for one name."""
    subjects = sorted({standing.subject for standing in page.leadmill().blacklist_status()})
    which, when = st.columns(2)
    subject = which.selectbox("Of", [EVERYTHING, *subjects], key="history_subject")
    since = page.now() - timedelta(days=PERIODS[when.selectbox("Period", list(PERIODS), index=1, key="history_period")])
    counts = page.leadmill().blacklist_timeline(since=since, subject="" if subject == EVERYTHING else subject)
    if not counts:
        charts.explain_absence(
            "No check in this period. The DAG check_blacklists asks every hour; or choose a longer one."
        )
        return
    series = {
        "listed": [c.listed for c in counts],
        "unknown": [c.unknown for c in counts],
        "clean": [c.clean for c in counts],
    }
    colours = {WORDS[outcome]: colour for outcome, colour in COLOURS.items()}
    charts.show(charts.stacked_bars([c.checked_at for c in counts], series, colours=colours), key="blacklist_timeline")
    if subject == EVERYTHING:
        st.caption("Answers of all lists about all names, check by check. Choose one name to see what changed for it.")
    else:
        _show_changes(subject, since)


def _show_changes(subject: str, since: datetime) -> None:
    changes = page.leadmill().blacklist_history(subject, since=since)
    st.dataframe(
        [{"When": c.checked_at, "Blacklist": c.zone, "Said": WORDS[c.outcome], "Answer": c.answer} for c in changes],
        hide_index=True,
        width="stretch",
        column_config={"When": st.column_config.DatetimeColumn("From (UTC)", format="D MMM YYYY, HH:mm")},
    )

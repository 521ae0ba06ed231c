"""One lead: its record, its score with reasons, when it reads mail, and its whole history."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import charts
import country_words
import lead_actions
import lead_list
import lead_mails
import page
import streamlit as st

from leadmill.domain import moments
from leadmill.ports.lead_search import LeadDetail, LeadEvent

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SUPPRESSED_FOR = {
    "unsubscribed": "This person unsubscribed",
    "complained": "This person marked a mail as spam",
    "hard_bounced": "The address does not exist",
    "refuses_us": "This address takes no mail from outside its company",
    "manual": "A colleague put this address on the list of those never to be mailed",
    "erased": "This person asked to be erased",
    "imported": "A file or the old system said not to mail this address",
}
KINDS = {
    "accepted": "taken by the provider",
    "delivered": "delivered",
    "deferred": "delayed",
    "bounced": "bounced",
    "rejected": "not sent: the provider held it back by its own list",
    "opted_out_before": "the provider's list says that this person left, or complained, before",
    "complained": "marked as spam",
    "unsubscribed": "unsubscribed",
    "opened": "opened",
    "clicked": "clicked a link",
    "replied": "replied",
    "auto_replied": "answered automatically",
    "unknown": "something unknown",
}
BOUNCES = {
    "hard": "bounced: the address is dead",
    "soft": "bounced: the server said to try later",
    "blocked": "bounced: the sender or the content was refused",
    "refuses_us": "bounced: the address takes no mail from outside",
}
BASES = {
    "own_history": "from this lead's own mails",
    "pooled_history": "from what other leads in this time zone did",
    "default": "the usual office mornings, since nothing is known yet",
}
ZONE_SOURCES = {
    "file": "the file said so",
    "country": "guessed from the country",
    "phone": "guessed from the phone number",
    "email_domain": "guessed from the e-mail domain",
    "default": "nothing tells where this lead is, so UTC is taken",
}


def show(lead_id: int) -> None:
    """The whole page of one lead, with a way back."""
    if st.button("All leads", icon=":material/arrow_back:", key="back_to_leads"):
        del st.query_params["lead"]
        st.rerun()
    detail = page.leadmill().lead_detail(page.actor(), lead_id)
    lead = detail.lead
    name = f"{lead['first_name']} {lead['last_name']}".strip() or lead["email"]
    known = " · ".join(filter(None, (lead["job_title"], lead["company"], lead["email"])))
    page.header(page.plain(name), page.plain(known))
    if lead["suppressed_for"]:
        said = SUPPRESSED_FOR.get(lead["suppressed_for"], "This address is on the list of those never to be mailed")
        st.warning(f"{said} ({_day(lead['suppressed_at'])}): no campaign mails it.", icon=":material/block:")
    lead_actions.show(lead)
    record, score = st.columns([2, 3], gap="large")
    with record:
        _show_record(lead)
    with score:
        _show_score(detail)
    _show_window(lead)
    lead_mails.show(detail)
    _show_events(detail)


def _show_record(lead: Any) -> None:
    st.subheader("Record", anchor=False)
    consent = f", given {_day(lead['consent_at'])}" if lead["consent_at"] else ""
    place = ", ".join(filter(None, (lead["city"], lead["region"], country_words.name_of(lead["country"]))))
    facts = {
        "Place": place,
        "Phone": lead["phone"],
        "Website": lead["website"],
        "Industry": lead["industry"],
        "Category": lead["category"],
        "Employees": f"{lead['employee_count']:,}" if lead["employee_count"] is not None else "",
        "Legal basis": lead_list.LEGAL_BASES.get(lead["legal_basis"], lead["legal_basis"]) + consent,
        "Source": lead["source"],
        "File": lead["file_name"] or "",
        "Arrived": _day(lead["created_at"]),
        "Changed": _day(lead["updated_at"]),
        **{str(key): str(value) for key, value in (lead["attributes"] or {}).items()},
    }
    known = [{"Field": field, "Value": value} for field, value in facts.items() if value]
    st.dataframe(known, hide_index=True, width="stretch", height="content")


def _show_score(detail: LeadDetail) -> None:
    st.subheader("Score", anchor=False)
    lead = detail.lead
    if lead["probability"] is None:
        charts.explain_absence("Not scored yet. The DAG score_leads scores new leads within minutes of their import.")
        return
    share = f"{lead['probability']:.1%}"
    st.markdown(f"**{share}** likely to click or reply within 30 days of a mail · as of {_day(lead['scored_at'])}")
    if lead["is_base_rate"]:
        charts.explain_absence(
            "Not enough history yet: every lead gets the base rate. Reasons appear once 500 leads were mailed and 10 "
            "of them answered."
        )
    elif not lead["reasons"]:
        charts.explain_absence("Nothing known of this lead moves its score away from the average.")
    else:
        charts.show(_reasons_chart(lead["reasons"]), key="score_reasons")
        st.caption("To the right: makes an answer more likely; to the left: less.")
    if len(detail.scores) > 1:
        moments = [point.as_of for point in detail.scores]
        series = {"Score": [point.probability for point in detail.scores]}
        charts.show(charts.lines(moments, series, as_rate=True, height=180), key="score_history")


def _reasons_chart(reasons: list[dict[str, Any]]) -> Any:
    chart = charts.figure(height=52 * len(reasons) + 30)
    effects = [reason["effect"] for reason in reasons]
    chart.add_bar(
        x=effects,
        y=[reason["label"] for reason in reasons],
        orientation="h",
        marker_color=[charts.TEAL if effect > 0 else charts.RED for effect in effects],
        text=["raises the score" if effect > 0 else "lowers the score" for effect in effects],
        textposition="auto",
        hoverinfo="skip",
    )
    chart.update_layout(showlegend=False)
    low, high = min(0, *effects), max(0, *effects)
    room = 0.4 * (high - low)  # for the words beside a short bar
    chart.update_xaxes(visible=False, zeroline=True, range=[low - room, high + room])
    chart.update_yaxes(autorange="reversed", showgrid=False)
    return chart


def _show_window(lead: Any) -> None:
    st.subheader("When this lead reads mail", anchor=False)
    if lead["local_hours"] is None:
        charts.explain_absence("No send-time window yet. The DAG plan_send_windows plans new leads after scoring.")
        return
    charts.show(_week(lead["local_hours"]), key="send_window")
    st.caption(
        f"Best hours in {lead['window_zone']} ({ZONE_SOURCES[lead['zone_source']]}; {lead['zone_confidence']:.0%} "
        "sure), "
        f"{BASES[lead['basis']]} ({lead['window_confidence']:.0%} of it is evidence). Darker is better."
    )


def _week(local_hours: list[int]) -> Any:
    cells: list[list[float | None]] = [[None] * 24 for _ in DAYS]
    said = [[f"{day} {hour}:00: not planned" for hour in range(24)] for day in DAYS]
    for rank, index in enumerate(local_hours):
        day, hour = divmod(index, 24)
        cells[day][hour] = 1 - rank / (len(local_hours) + 1)
        said[day][hour] = f"{DAYS[day]} {hour}:00-{hour}:59: number {rank + 1} of {len(local_hours)}"
    chart = charts.figure(height=230)
    chart.add_heatmap(
        z=cells,
        x=list(range(24)),
        y=list(DAYS),
        text=said,
        hovertemplate="%{text}<extra></extra>",
        colorscale=[[0, "#D6E4F2"], [1, charts.BLUE]],
        zmin=0,
        zmax=1,
        showscale=False,
        xgap=2,
        ygap=2,
    )
    chart.update_layout(hovermode="closest")
    chart.update_xaxes(
        tickvals=list(range(0, 24, 3)), ticktext=[f"{hour}:00" for hour in range(0, 24, 3)], range=[-0.5, 23.5]
    )
    chart.update_yaxes(autorange="reversed", showgrid=False)
    return chart


def _show_events(detail: LeadDetail) -> None:
    st.subheader("What came back", anchor=False)
    if not detail.events:
        charts.explain_absence(
            "Nothing came back yet. Events show here a few minutes after the provider tells of them."
        )
        return
    people = [event for event in detail.events if not event.machine]
    machines = [event for event in detail.events if event.machine]
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"**By people and mail servers** ({len(people)})")
        _event_table(people, "Nothing by a person or mail server yet.")
    with right:
        st.markdown(f"**By machines** ({len(machines)}): never counted as interest")
        _event_table(machines, "No mail programme or scanner has touched a mail.")


def _event_table(events: list[LeadEvent], none: str) -> None:
    if not events:
        st.caption(none)
        return
    st.dataframe(
        [
            {
                "When": event.occurred_at,
                "What": BOUNCES.get(event.bounce_kind or "") or KINDS.get(event.kind, event.kind),
                "Detail": event.machine_reason.replace("_", " ") or event.url,
            }
            for event in events
        ],
        hide_index=True,
        width="stretch",
        column_config={"When": st.column_config.DatetimeColumn("When (UTC)", format="D MMM YYYY, HH:mm:ss")},
    )


def _day(moment: datetime | None) -> str:
    return moments.day_in_words(moment) if moment else "date unknown"

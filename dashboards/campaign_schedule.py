"""The schedule of a draft: when mails may go out, from when to when, and how long follow-ups wait."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import campaign_words
import page
import streamlit as st
from campaign_editing import key

from leadmill.domain.campaigns import DELAY_DAYS_LIMIT, HOURS_A_DAY, CampaignDraft, Timing

WITH_HOUR = {Timing.LOCAL_TIME, Timing.UTC_TIME}
USUAL_HOUR = 9
FIRST_DAYS = 30
"""How far away the end is that the page proposes."""


def edit(draft: CampaignDraft) -> CampaignDraft:
    """Widgets for the schedule; returns the draft as it is now."""
    left, right = st.columns(2, gap="large")
    with left:
        draft = _edit_timing(draft)
    with right:
        draft = _edit_period(draft)
        draft = _edit_delays(draft)
        draft = replace(draft, weight=choose_weight(draft.weight, key("weight")))
        return _edit_tracking(draft)


def _edit_timing(draft: CampaignDraft) -> CampaignDraft:
    timing = st.radio(
        "When does each mail go out?",
        list(campaign_words.TIMINGS),
        format_func=lambda t: campaign_words.TIMINGS[t][0],
        captions=[explained for _, explained in campaign_words.TIMINGS.values()],
        index=list(campaign_words.TIMINGS).index(draft.timing),
        key=key("timing"),
    )
    hour = None
    if timing in WITH_HOUR:
        hours: list[int | None] = list(range(HOURS_A_DAY))
        if timing is Timing.UTC_TIME:
            hours = [None, *hours]
        hour = st.selectbox(
            "Hour",
            hours,
            format_func=lambda h: "at the start's own time" if h is None else f"{h}:00",
            index=hours.index(draft.send_hour if draft.send_hour in hours else USUAL_HOUR),
            key=key("hour"),
        )
    return replace(draft, timing=timing, send_hour=hour)


def _edit_period(draft: CampaignDraft) -> CampaignDraft:
    now = page.now()
    start = _moment("Start", "Start as soon as it is approved", draft.starts_at, now + timedelta(days=1), "start")
    usual_end = (start or now) + timedelta(days=FIRST_DAYS)
    end = _moment("End", "Without an end", draft.ends_at, usual_end, "end")
    if start and end and end <= start:
        st.error("The end must come after the start.", icon=":material/error:")
    return replace(draft, starts_at=start, ends_at=end)


def _moment(label: str, none: str, stored: datetime | None, usual: datetime, name: str) -> datetime | None:
    """A date and time in UTC, or none."""
    if st.checkbox(none, value=stored is None, key=key(f"{name}_none")):
        return None
    at = (stored or usual).astimezone(UTC)
    day, hour = st.columns(2)
    date = day.date_input(f"{label} on", at.date(), format="DD.MM.YYYY", key=key(f"{name}_day"))
    clock = hour.time_input(
        f"{label} at (UTC)", time(at.hour, at.minute) if stored else time(USUAL_HOUR), step=900, key=key(f"{name}_time")
    )
    return datetime.combine(date, clock, tzinfo=UTC)


def _edit_delays(draft: CampaignDraft) -> CampaignDraft:
    steps = list(draft.steps)
    for number in range(2, len(steps) + 1):
        step = steps[number - 1]
        days = st.number_input(
            f"Days before follow-up {number - 1}",
            0,
            DELAY_DAYS_LIMIT,
            value=step.delay_days,
            key=key(f"content_{number}_delay"),
            help="Counted from when the mail before went out to that lead. No follow-up goes to a lead who replied, "
            "unsubscribed, complained, or whose mail bounced.",
        )
        steps[number - 1] = replace(step, delay_days=int(days))
    return replace(draft, steps=tuple(steps))


def choose_weight(stored: float, name: str) -> float:
    """A choice of the campaign's share of its pool."""
    weights = sorted({*campaign_words.WEIGHTS, stored})
    return st.selectbox(
        "Beside other campaigns of the pool",
        weights,
        format_func=campaign_words.weight,
        index=weights.index(stored),
        key=name,
        help="Campaigns that have mails due share each mailbox's day. Follow-ups go before first mails.",
    )


def _edit_tracking(draft: CampaignDraft) -> CampaignDraft:
    opens = st.toggle("Track opens", value=draft.track_opens, key=key("track_opens"))
    clicks = st.toggle("Track clicks", value=draft.track_clicks, key=key("track_clicks"))
    return replace(draft, track_opens=opens, track_clicks=clicks)

"""The schedule of a draft: when mails may go out, from when to when, and how long follow-ups wait."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import campaign_contacts
import campaign_words
import page
import streamlit as st
from campaign_editing import key

from leadmill.domain.campaigns import DELAY_DAYS_LIMIT, HOURS_A_DAY, CampaignDraft, Timing
from leadmill.domain.send_days import BEST_OF_DAYS, MOST_BEST_OF_DAYS, USUAL_WORKING_DAYS, WEEKDAYS, SendDays

WITH_HOUR = {Timing.LOCAL_TIME, Timing.UTC_TIME}
USUAL_HOUR = 9
FIRST_DAYS = 30
"""How far away the end is that the page proposes."""

ON_WORKING_DAYS, ON_EVERY_DAY, ON_CHOSEN_DAYS = "On working days", "On every day", "On chosen days"
DAY_RULES = {
    ON_WORKING_DAYS: "Of the lead's country: Monday to Friday in most, Sunday to Thursday in some.",
    ON_EVERY_DAY: "Also at weekends.",
    ON_CHOSEN_DAYS: "The same weekdays for every lead.",
}


def edit(draft: CampaignDraft) -> CampaignDraft:
    """Widgets for the schedule; returns the draft as it is now."""
    left, right = st.columns(2, gap="large")
    with left:
        draft = _edit_days(_edit_timing(draft))
    with right:
        draft = _edit_period(draft)
        draft = campaign_contacts.edit_ending(_edit_delays(draft))
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
    best_of_days = draft.best_of_days
    if timing is Timing.BEST_TIME:
        best_of_days = st.number_input(
            "Best hour within how many sending days",
            1,
            MOST_BEST_OF_DAYS,
            value=draft.best_of_days,
            key=key("best_of_days"),
            help=f"More days find a better hour, and mails wait longer; {BEST_OF_DAYS} is usual. Where the pool has no "
            "room in a lead's best hour, the lead's next hours have to do.",
        )
    return replace(draft, timing=timing, send_hour=hour, best_of_days=int(best_of_days))


def _edit_days(draft: CampaignDraft) -> CampaignDraft:
    stored = draft.send_days.weekdays
    now = ON_WORKING_DAYS if stored is None else ON_EVERY_DAY if set(stored) == set(WEEKDAYS) else ON_CHOSEN_DAYS
    rule = st.radio(
        "On which days of the lead?",
        list(DAY_RULES),
        captions=list(DAY_RULES.values()),
        index=list(DAY_RULES).index(now),
        key=key("days"),
    )
    weekdays: tuple[int, ...] | None = None if rule == ON_WORKING_DAYS else WEEKDAYS
    if rule == ON_CHOSEN_DAYS:
        chosen = st.pills(
            "Days",
            list(WEEKDAYS),
            selection_mode="multi",
            format_func=lambda day: campaign_words.WEEKDAYS[day - 1],
            default=list(stored if now == ON_CHOSEN_DAYS and stored else USUAL_WORKING_DAYS),
            key=key("weekdays"),
        )
        weekdays = tuple(sorted(chosen))
        if not weekdays:
            st.error("Choose at least one day of the week on which mails go out.", icon=":material/error:")
    skips = st.toggle(
        "Not on public holidays",
        value=draft.send_days.skips_holidays,
        key=key("skips_holidays"),
        help="Of the lead's country, the whole country's ones. A lead without a country has none.",
    )
    return replace(draft, send_days=SendDays(weekdays, skips))


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
            help="Calendar days where the lead lives: mailed on a Tuesday, one day later is Wednesday, at the hour of "
            "the timing; the next sending day where that day is none. No follow-up goes to a lead who replied, "
            "unsubscribed, complained, or whose mail bounced for good.",
        )
        steps[number - 1] = replace(step, delay_days=int(days))
    if len(steps) < 2:  # noqa: PLR2004 - without a follow-up there is nothing to end
        return replace(draft, steps=tuple(steps))
    ends = st.toggle(
        "A full mailbox ends the sequence",
        value=draft.ends_on_any_bounce,
        key=key("ends_on_any_bounce"),
        help="Otherwise a bounce that may pass (a full mailbox, a block) only delays the next mail by a week. An "
        "address that does not exist ends the sequence in any case.",
    )
    return replace(draft, steps=tuple(steps), ends_on_any_bounce=ends)


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

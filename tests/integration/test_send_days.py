"""Days on which a campaign sends: weekends and public holidays of the lead's country, at every timing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadmill.adapters.ledger.calendars import PostgresCalendars
from leadmill.bootstrap import App
from leadmill.domain.campaigns import Step, Timing, Variant
from leadmill.domain.send_days import EVERY_DAY, MISSES_TO_ANY_HOUR, OFFICE_HOURS, WORKING_DAYS, SendDays
from leadmill.ports.calendars import CountryCalendar
from tests.campaign_world import (
    ANALYST,
    HTML,
    NOW,
    approved_campaign,
    check,
    execute,
    make_draft,
    make_lead,
    make_leads,
    make_pool,
    sends,
    set_organisation,
)
from tests.integration.test_plan_campaigns import accept, due_by_lead, release, set_window
from tests.integration.test_send_window import ask

FRIDAY = datetime(2026, 3, 6, 14, tzinfo=UTC)
EVE_OF_EASTER = datetime(2026, 4, 2, 14, tzinfo=UTC)  # a Thursday; Good Friday and Easter Monday are German holidays
TIMINGS = [Timing.AS_SOON_AS_POSSIBLE, Timing.BEST_TIME, Timing.LOCAL_TIME, Timing.UTC_TIME]
EVERY_MORNING = [day * 24 + 9 for day in range(7)]


def first_day(app: App, at: datetime, timing: Timing, send_days: SendDays, **lead: str) -> date:
    """The lead's own day on which its first mail becomes due, planned at a moment."""
    lead_id = make_lead(app, f"{timing}@people.test", **lead)
    set_window(app, lead_id, lead.get("time_zone", "UTC"), EVERY_MORNING)
    hour = 9 if timing in {Timing.LOCAL_TIME, Timing.UTC_TIME} else None
    campaign = approved_campaign(app, timing=timing, send_hour=hour, send_days=send_days, best_of_days=1)
    app.plan_campaigns(at)
    return due_by_lead(app, campaign)[lead_id][0].astimezone(ZoneInfo(lead.get("time_zone", "UTC"))).date()


@pytest.mark.parametrize("timing", TIMINGS)
def test_no_timing_sends_at_a_weekend_or_on_a_holiday_of_the_lead_s_country(app: App, timing: Timing) -> None:
    at = EVE_OF_EASTER + timedelta(days=1)
    assert first_day(app, at, timing, WORKING_DAYS, country="DE") == date(2026, 4, 7)


@pytest.mark.parametrize("timing", TIMINGS)
def test_every_day_stays_every_day(app: App, timing: Timing) -> None:
    at = datetime(2026, 3, 7, 8, tzinfo=UTC)  # a Saturday
    assert first_day(app, at, timing, EVERY_DAY, country="DE") == date(2026, 3, 7)


@pytest.mark.parametrize(
    ("country", "expected"),
    [("DE", 9), ("EG", 8), ("", 9), ("XX", 9), ("IR", 7)],  # Egypt works on Sunday, Iran on Saturday
)
def test_a_weekend_is_that_of_the_lead_s_country(app: App, country: str, expected: int) -> None:
    at = FRIDAY + timedelta(hours=9)
    days = SendDays(weekdays=None)
    assert first_day(app, at, Timing.LOCAL_TIME, days, country=country) == date(2026, 3, expected)


def test_the_day_that_counts_is_the_lead_s_also_for_an_hour_in_utc(app: App) -> None:
    """Friday 16:00 in UTC is Saturday morning in Auckland, Sunday's 16:00 is its Monday, and 9:00 its Sunday evening."""
    asked = {"timing": "utc_time", "zone": "Pacific/Auckland", "weekdays": [1, 2, 3, 4, 5], "earliest": FRIDAY}
    assert ask(app, hour=16, **asked)["due_at"] == datetime(2026, 3, 8, 16, tzinfo=UTC)
    assert ask(app, hour=9, **asked)["due_at"] == datetime(2026, 3, 9, 9, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles", "UTC", "Pacific/Auckland", "Asia/Kathmandu"])
@pytest.mark.parametrize("earliest", ["2026-03-06T23:30", "2026-03-07T09:13", "2026-03-08T14:59"])  # clocks change
@pytest.mark.parametrize("delay", [0, 1, 3])
def test_a_fixed_local_hour_stays_when_the_weekend_moves_the_day(
    app: App, zone: str, earliest: str, delay: int
) -> None:
    at = datetime.fromisoformat(earliest).replace(tzinfo=UTC)
    asked = {"timing": "local_time", "weekdays": [1, 2, 3, 4, 5], "delay": delay}
    due = ask(app, hour=9, zone=zone, earliest=at, **asked)["due_at"].astimezone(ZoneInfo(zone))
    assert (due.hour, due.minute) == (9, 0)
    assert due.isoweekday() <= 5
    assert due >= at


def test_chosen_days_are_the_same_in_every_country(app: App) -> None:
    days = SendDays(weekdays=(2, 3, 4))
    assert first_day(app, FRIDAY, Timing.LOCAL_TIME, days, country="EG") == date(2026, 3, 10)


@pytest.mark.parametrize("timing", TIMINGS)
def test_a_follow_up_whose_day_is_at_a_weekend_goes_out_on_the_next_sending_day_at_its_hour(
    app: App, timing: Timing
) -> None:
    (lead,) = make_leads(app, 1)
    set_window(app, lead, "UTC", EVERY_MORNING)
    hour = 9 if timing in {Timing.LOCAL_TIME, Timing.UTC_TIME} else None
    steps = (Step((Variant("A", "Hello", HTML),)), Step((Variant("A", "Once more", HTML),), delay_days=2))
    campaign = approved_campaign(
        app, timing=timing, send_hour=hour, send_days=WORKING_DAYS, best_of_days=1, steps=steps
    )
    app.plan_campaigns(NOW)
    first = sends(app, campaign, "step = 1")[0]["send_id"]
    thursday = datetime(2026, 3, 5, 11, 20, tzinfo=UTC)
    accept(app, first, thursday)
    (released,) = release(app, [first], thursday)
    monday = datetime(2026, 3, 9, 9, tzinfo=UTC)
    expected = monday.replace(hour=11, minute=20) if timing is Timing.AS_SOON_AS_POSSIBLE else monday
    assert released["due_at"] == expected


@pytest.mark.parametrize(
    ("timing", "hour", "closes"),
    [
        ("as_soon_as_possible", None, "2026-03-07T00:00"),
        ("utc_time", None, "2026-03-07T00:00"),
        ("local_time", 22, "2026-03-07T00:00"),
        ("local_time", 15, "2026-03-06T19:00"),
    ],
)
def test_no_window_reaches_into_a_weekend(app: App, timing: str, hour: int | None, closes: str) -> None:
    found = ask(app, timing=timing, hour=hour, earliest=FRIDAY, weekdays=[1, 2, 3, 4, 5])
    assert found["window_ends_at"] == datetime.fromisoformat(closes).replace(tzinfo=UTC)


@pytest.mark.parametrize("timing", TIMINGS)
def test_who_misses_the_window_on_a_friday_waits_for_monday(app: App, timing: Timing) -> None:
    (lead,) = make_leads(app, 1)
    set_window(app, lead, "UTC", EVERY_MORNING)
    hour = 9 if timing in {Timing.LOCAL_TIME, Timing.UTC_TIME} else None
    campaign = approved_campaign(app, timing=timing, send_hour=hour, send_days=WORKING_DAYS, best_of_days=1)
    app.plan_campaigns(FRIDAY.replace(hour=8))
    assert due_by_lead(app, campaign)[lead][0].date() == FRIDAY.date()
    assert app.plan_campaigns(datetime(2026, 3, 7, 0, tzinfo=UTC))["rolled"] == 1
    assert due_by_lead(app, campaign)[lead][0].date() == date(2026, 3, 9)


@given(
    earliest=st.integers(0, 120 * 24 * 60).map(lambda m: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=m)),
    zone=st.sampled_from(["UTC", "Pacific/Auckland", "America/New_York", "Asia/Tehran"]),
    weekdays=st.lists(st.integers(1, 7), min_size=1, max_size=7, unique=True),
    hours=st.lists(st.integers(0, 167), min_size=1, max_size=9, unique=True),
    timing=st.sampled_from(TIMINGS),
    hour=st.integers(0, 23),
    delay=st.integers(0, 9),
    misses=st.sampled_from([0, 1, MISSES_TO_ANY_HOUR, 400]),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_send_is_due_on_a_sending_day_and_its_window_ends_on_one(app: App, earliest: datetime, **asked) -> None:
    """Whatever is asked: never early, never on another day, and at the hour that was set."""
    misses, zone, hour = asked.pop("misses"), asked["zone"], asked["hour"]
    found = ask(app, earliest=earliest, missed_windows=misses, best_of_days=2, **asked)
    due, closes = found["due_at"].astimezone(ZoneInfo(zone)), found["window_ends_at"]
    assert found["due_at"] >= earliest
    assert due.isoweekday() in asked["weekdays"]
    if closes is not None:
        last = (closes - timedelta(microseconds=1)).astimezone(ZoneInfo(zone))
        assert last.isoweekday() in asked["weekdays"] or closes - found["due_at"] == timedelta(minutes=10)
    if asked["timing"] == Timing.UTC_TIME:
        assert found["due_at"].hour == hour
    if asked["timing"] == Timing.BEST_TIME and misses >= MISSES_TO_ANY_HOUR:
        assert OFFICE_HOURS[0] <= due.hour < OFFICE_HOURS[1]


def test_nobody_waits_for_ever_for_an_hour_in_which_no_mailbox_is_free(app: App) -> None:
    """A lead that reads at three in the night, and mailboxes that are always full by then."""
    (lead,) = make_leads(app, 1)
    set_window(app, lead, "UTC", [3])
    campaign = approved_campaign(app, timing=Timing.BEST_TIME)
    now, hours = NOW, []
    app.plan_campaigns(now)
    while (due := due_by_lead(app, campaign)[lead])[0].hour == 3:
        assert due[1]
        now = due[1]
        hours.append(due[0])
        assert app.plan_campaigns(now)["rolled"] == 1
    assert len(hours) == MISSES_TO_ANY_HOUR
    assert due[0].hour == OFFICE_HOURS[0]
    assert due[1] == due[0].replace(hour=OFFICE_HOURS[1])
    assert due[0] - now < timedelta(days=1)


def test_a_pool_that_cannot_hold_everybody_in_one_hour_uses_the_next_best_hours_too(app: App) -> None:
    """Two mailboxes of 40 a day send 40 in an hour at most (FASTEST_DAY): 100 leads of one zone need three hours."""
    for lead in make_leads(app, 100):
        set_window(app, lead, "UTC", [33, 10, 57, 81, 105])
    campaign = approved_campaign(app, timing=Timing.BEST_TIME)
    app.plan_campaigns(NOW)
    due = [at for at, _ in due_by_lead(app, campaign).values()]
    used = {at: due.count(at) for at in due}
    assert set(used) == {NOW.replace(hour=10), NOW.replace(day=3, hour=9), NOW.replace(day=4, hour=9)}
    assert min(used.values()) >= 15


def test_a_few_leads_all_get_their_very_best_hour(app: App) -> None:
    for lead in make_leads(app, 20):
        set_window(app, lead, "UTC", [33, 10, 57])
    campaign = approved_campaign(app, timing=Timing.BEST_TIME)
    app.plan_campaigns(NOW)
    assert {at for at, _ in due_by_lead(app, campaign).values()} == {NOW.replace(day=3, hour=9)}


def calendars(app: App) -> dict[str, int]:
    with app.database.transaction() as connection:
        rows = connection.execute("select country, count(*) as n from ledger.holidays group by country").fetchall()
    return {row["country"]: row["n"] for row in rows}


def test_holidays_are_loaded_once_when_a_campaign_asks_and_again_when_a_year_begins(app: App) -> None:
    make_leads(app, 1)
    approved_campaign(app, send_days=EVERY_DAY)
    app.plan_campaigns(NOW)
    assert calendars(app) == {}
    execute(app, "update ledger.campaigns set skips_holidays = true")
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: app.plan_campaigns(NOW), range(3)))
    known = calendars(app)
    assert len(known) > 150
    assert known["DE"] == 18  # nine a year for the whole country
    execute(app, "delete from ledger.holidays where country = 'DE'")
    app.plan_campaigns(NOW)
    assert "DE" not in calendars(app)  # nothing to load: still known until the end of next year
    app.plan_campaigns(NOW + timedelta(days=365))
    assert calendars(app)["DE"] == 18


def test_a_newer_list_replaces_the_older_one_whole(app: App) -> None:
    ledger, until = PostgresCalendars(app.database), date(2028, 1, 1)
    old = [
        CountryCalendar("DE", (1, 2, 3, 4, 5), (date(2026, 5, 1), date(2026, 10, 3))),
        CountryCalendar("DD", (1,), ()),
    ]
    new = [CountryCalendar("DE", (1, 2, 3, 4), (date(2026, 5, 1), date(2026, 5, 2)))]
    ledger.replace(old, version="holidays 1", until=until)
    assert ledger.are_needed("holidays 2", until, asked=True)
    assert not ledger.are_needed("holidays 2", until)
    for _ in range(2):
        assert ledger.replace(new, version="holidays 2", until=until) == 2
    assert not ledger.are_needed("holidays 2", until, asked=True)
    with app.database.transaction() as connection:
        days = connection.execute("select country, day from ledger.holidays order by day").fetchall()
        working = connection.execute("select country, working_days from ledger.calendars").fetchall()
    assert [(row["country"], row["day"].day) for row in days] == [("DE", 1), ("DE", 2)]
    assert [(row["country"], row["working_days"]) for row in working] == [("DE", [1, 2, 3, 4])]


def test_a_draft_keeps_its_days(app: App) -> None:
    set_organisation(app)
    pool = make_pool(app)
    for days in (WORKING_DAYS, EVERY_DAY, SendDays((2, 4), skips_holidays=True)):
        campaign = app.create_campaign(ANALYST, make_draft(pool, send_days=days, best_of_days=5), NOW)
        assert (app.campaign(campaign).draft.send_days, app.campaign(campaign).draft.best_of_days) == (days, 5)
        changed = make_draft(pool, send_days=SendDays((7,)))
        app.edit_campaign(ANALYST, campaign, changed, NOW)
        assert app.campaign(campaign).draft.send_days == SendDays((7,))


def test_pre_flight_says_when_no_allowed_day_is_left_before_the_end(app: App) -> None:
    make_leads(app, 3)
    make_lead(app, "cairo@people.test", country="EG")
    set_organisation(app)
    pool = make_pool(app)
    weekend = {"starts_at": FRIDAY + timedelta(hours=9), "timing": Timing.LOCAL_TIME, "send_hour": 9}

    def told(**changes: object):
        found = check(app, make_draft(pool, send_days=SendDays(weekdays=None), **weekend | changes), "send_days")
        assert found
        return found.result, found.message

    until_monday = datetime(2026, 3, 9, 8, tzinfo=UTC)
    assert told(ends_at=until_monday) == (
        "warning",
        "3 first mails have no day and hour to go out before the campaign's end, and would expire.",
    )
    assert told(ends_at=datetime(2026, 3, 7, 12, tzinfo=UTC))[0] == "error"
    assert told() == (
        "ok",
        "First mails become due on 8 Mar 2026 to 9 Mar 2026; they go out on working days where the lead lives.",
    )

"""Warm-up and capacity: what a mailbox may send, and when that changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadmill.domain.mailboxes import Binding, Mailbox, SenderStatus, capacity, day_limit, start_of_next_day
from leadmill.domain.spread import Spread
from leadmill.domain.warm_up import warm_up_limit

NOW = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)


def make_mailbox(**values: object) -> Mailbox:
    base = {
        "mailbox_id": 1,
        "domain_id": 1,
        "account_id": 1,
        "pool_id": 1,
        "time_zone": "UTC",
        "day": NOW.date(),
        "daily_limit": 40,
        "account_spread": Spread.AS_FAST_AS_POSSIBLE,
    }
    return Mailbox(**(base | values))


def test_warm_up_follows_the_seed_rule() -> None:
    assert [warm_up_limit(age, full_limit=40) for age in range(16)] == [
        5, 5, 6, 7, 8, 9, 10, 12, 14, 17, 20, 24, 29, 35, 40, 40
    ]  # fmt: skip


@given(st.integers(-5, 400), st.integers(0, 60))
def test_warm_up_never_exceeds_the_full_limit_and_never_falls(age: int, full: int) -> None:
    today, tomorrow = warm_up_limit(age, full_limit=full), warm_up_limit(age + 1, full_limit=full)
    assert 0 <= today <= tomorrow <= full


@given(st.integers(6, 40))
def test_warm_up_never_grows_faster_than_a_fifth_a_day(age: int) -> None:
    assert warm_up_limit(age + 1, full_limit=1000) <= 1.2 * (warm_up_limit(age, full_limit=1000) + 1)


def test_a_warm_up_that_begins_tomorrow_sends_nothing_today() -> None:
    mailbox = make_mailbox(warm_up_started_on=NOW.date() + timedelta(days=1))
    assert capacity(mailbox, NOW).remaining == 0


def test_a_warm_up_that_has_not_begun_is_said_to_wait_for_its_first_day() -> None:
    waiting = capacity(make_mailbox(warm_up_started_on=NOW.date() + timedelta(days=9)), NOW)
    assert (waiting.binding, waiting.relaxes_at) == (Binding.WARM_UP, datetime(2026, 3, 11, tzinfo=UTC))


@pytest.mark.parametrize(
    ("values", "binding"),
    [
        ({"status": SenderStatus.PAUSED}, Binding.MAILBOX_PAUSED),
        ({"domain_status": SenderStatus.PAUSED}, Binding.DOMAIN_PAUSED),
        ({"account_status": SenderStatus.PAUSED}, Binding.ACCOUNT_PAUSED),
        (
            {"status": SenderStatus.COOLING_DOWN, "cool_down_until": NOW + timedelta(days=1)},
            Binding.MAILBOX_COOLING_DOWN,
        ),
        (
            {"domain_status": SenderStatus.COOLING_DOWN, "domain_cool_down_until": NOW + timedelta(days=1)},
            Binding.DOMAIN_COOLING_DOWN,
        ),
        ({"next_send_at": NOW + timedelta(seconds=5)}, Binding.MINIMUM_GAP),
        ({"account_next_send_at": NOW + timedelta(seconds=5)}, Binding.ACCOUNT_WAITS),
        ({"taken_today": 40}, Binding.MAILBOX_DAY),
        ({"warm_up_started_on": NOW.date(), "taken_today": 5}, Binding.WARM_UP),
        ({"hourly_limit": 3, "taken_this_hour": 3}, Binding.MAILBOX_HOUR),
        ({"domain_daily_limit": 9, "domain_taken_today": 9}, Binding.DOMAIN_DAY),
        ({"account_daily_limit": 9, "account_taken": 12}, Binding.ACCOUNT_DAY),
        ({"provider_daily_limit": 9, "account_taken": 4, "provider_others": 5}, Binding.PROVIDER_DAY),
        ({"account_spread": Spread.EVEN, "spread_until": NOW + timedelta(minutes=5)}, Binding.SPREAD),
    ],
)
def test_each_limit_stops_a_mailbox_and_is_named(values: dict, binding: Binding) -> None:
    found = capacity(make_mailbox(**values), NOW)
    assert (found.remaining, found.binding) == (0, binding)
    assert found.relaxes_at is None or found.relaxes_at > NOW


def test_a_cool_down_that_is_over_stops_nobody() -> None:
    mailbox = make_mailbox(status=SenderStatus.COOLING_DOWN, cool_down_until=NOW)
    assert capacity(mailbox, NOW).remaining == 40


def test_a_gap_lets_one_mail_go_at_a_time() -> None:
    assert capacity(make_mailbox(min_gap_seconds=90), NOW).remaining == 1


@given(st.integers(0, 60), st.integers(0, 60), st.none() | st.integers(0, 20), st.integers(0, 25))
def test_capacity_is_never_above_any_limit(taken: int, limit: int, hourly: int | None, hour_taken: int) -> None:
    mailbox = make_mailbox(daily_limit=limit, taken_today=taken, hourly_limit=hourly, taken_this_hour=hour_taken)
    remaining = capacity(mailbox, NOW).remaining
    assert 0 <= remaining <= max(0, day_limit(mailbox) - taken)
    assert hourly is None or remaining <= max(0, hourly - hour_taken)


def test_the_day_ends_at_midnight_of_the_mailboxs_zone_even_when_clocks_change() -> None:
    assert start_of_next_day(date(2026, 3, 2), "Asia/Kolkata") == datetime(2026, 3, 2, 18, 30, tzinfo=UTC)
    assert start_of_next_day(date(2026, 3, 28), "Europe/Berlin") == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert start_of_next_day(date(2026, 3, 29), "Europe/Berlin") == datetime(2026, 3, 29, 22, tzinfo=UTC)

"""A day that is no burst: even spread, gaps and their jitter."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadmill.domain.mailboxes import Binding, Mailbox, capacity, pause_after
from leadmill.domain.spread import FASTEST_DAY, GAP_JITTER, Spread, chance, is_even, jittered_gap, seconds_a_mail

MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)  # a Monday; the mailbox's day ends at 18:00
EVENING = MORNING.replace(hour=18)


def make_mailbox(**values: object) -> Mailbox:
    base = {"mailbox_id": 1, "domain_id": 1, "account_id": 1, "pool_id": 1, "time_zone": "UTC", "daily_limit": 40}
    return Mailbox(**({"day": MORNING.date()} | base | values))


def sent_at(
    mailbox: Mailbox, start: datetime, end: datetime, *, closes_at: datetime | None = None, seed: int = 3
) -> list[datetime]:
    """The moments at which a mailbox that never lacks work sends, looked at every twenty seconds."""
    now, taken, pause = start, mailbox.taken_today, None
    moments: list[datetime] = []
    while now < end:
        until = pause.spread_until if pause else None
        gap = pause.gap_until if pause else None
        values = {name: getattr(mailbox, name) for name in mailbox.__dataclass_fields__}
        standing = Mailbox(**(values | {"taken_today": taken, "spread_until": until, "next_send_at": gap}))
        free = capacity(standing, now).remaining
        if free:
            pause = pause_after(standing, free, now=now, closes_at=closes_at, seed=seed + int(now.timestamp()))
            moments += [now] * free
            taken += free
        now += timedelta(seconds=20)
    return moments


@pytest.mark.parametrize(("daily_limit", "even"), [(40, True), (200, True), (201, False), (100_000, False)])
def test_a_persons_mailbox_is_spread_unless_its_account_says_otherwise(daily_limit: int, even: bool) -> None:
    assert is_even(None, daily_limit) is even
    assert is_even(Spread.EVEN, daily_limit)
    assert not is_even(Spread.AS_FAST_AS_POSSIBLE, daily_limit)


@pytest.mark.parametrize("seed", range(5))
def test_a_day_of_forty_mails_is_spread_from_morning_to_evening(seed: int) -> None:
    moments = sent_at(make_mailbox(), MORNING, EVENING, seed=seed)
    assert len(moments) >= 39
    by_hour = [sum(1 for at in moments if at.hour == hour) for hour in range(8, 18)]
    assert max(by_hour) <= 7
    assert min(by_hour) >= 2


@pytest.mark.parametrize("seed", range(5))
def test_windows_of_three_hours_get_the_days_mails_out(seed: int) -> None:
    closes = MORNING + timedelta(hours=3)
    moments = sent_at(make_mailbox(), MORNING, closes, closes_at=closes, seed=seed)
    assert len(moments) >= 37
    assert max(sum(1 for at in moments if start <= at < start + timedelta(minutes=15)) for start in moments) <= 7


def test_a_late_start_catches_up_without_a_burst() -> None:
    late = MORNING + timedelta(hours=9)  # one hour of the day is left
    moments = sent_at(make_mailbox(), late, EVENING)
    assert 12 <= len(moments) <= 24
    fastest = FASTEST_DAY / 40
    assert all(b - a >= 0.5 * fastest for a, b in itertools.pairwise(moments))


def test_a_hundred_thousand_a_day_go_out_in_steps_of_a_minute_where_even_is_asked_for() -> None:
    mailbox = make_mailbox(daily_limit=100_000, account_spread=Spread.EVEN)
    found = capacity(mailbox, MORNING)
    assert found.binding is Binding.SPREAD
    assert 100 <= found.remaining <= 200
    assert found.relaxes_at is not None
    assert timedelta(seconds=50) < found.relaxes_at - MORNING < timedelta(seconds=70)
    assert capacity(make_mailbox(daily_limit=100_000), MORNING).remaining == 100_000


@given(
    limit=st.integers(1, 5000), taken=st.integers(0, 5000), minute=st.integers(0, 24 * 60 - 1), left=st.integers(1, 600)
)
def test_spread_never_stops_a_mailbox_for_longer_than_its_day(limit: int, taken: int, minute: int, left: int) -> None:
    now = MORNING.replace(hour=0) + timedelta(minutes=minute)
    closes = now + timedelta(minutes=left)
    seconds = seconds_a_mail(limit, taken, zone="UTC", now=now, closes_at=closes)
    if taken >= limit:
        assert seconds == 0
    else:
        slowest = max(timedelta(days=1) / 2, FASTEST_DAY / limit)
        assert FASTEST_DAY.total_seconds() / limit <= seconds + 1e-9 <= slowest.total_seconds() + 1e-6


@given(st.integers(0, 10**15), st.integers(1, 10**6))
def test_jitter_is_always_the_same_for_a_seed_and_never_below_the_gap(seed: int, mailbox_id: int) -> None:
    assert 0 <= chance(seed, mailbox_id) < 1
    gap = jittered_gap(90, seed=seed, mailbox_id=mailbox_id)
    assert gap == jittered_gap(90, seed=seed, mailbox_id=mailbox_id)
    assert timedelta(seconds=90) <= gap <= timedelta(seconds=90 * (1 + GAP_JITTER))


def test_jitter_differs_from_mailbox_to_mailbox_and_from_claim_to_claim() -> None:
    assert len({chance(seed, box) for seed in range(30) for box in range(30)}) == 900
    mean = sum(chance(seed, box) for seed in range(100) for box in range(100)) / 10_000
    assert 0.48 < mean < 0.52


def test_a_mailbox_that_is_not_spread_waits_only_for_its_gap() -> None:
    fast = make_mailbox(account_spread=Spread.AS_FAST_AS_POSSIBLE, min_gap_seconds=60)
    pause = pause_after(fast, 1, now=MORNING, closes_at=None, seed=1)
    assert pause.spread_until is None
    assert pause.gap_until is not None
    assert timedelta(seconds=60) <= pause.gap_until - MORNING <= timedelta(seconds=90)

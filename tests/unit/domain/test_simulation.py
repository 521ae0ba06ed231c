"""Simulations play the production's rules: they keep its limits, and agree with arithmetic where nothing goes wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadmill.domain.capacity import MailboxLimit, days_needed
from leadmill.domain.guardrails import COOL_DOWN, Thresholds
from leadmill.domain.mailboxes import Mailbox
from leadmill.domain.simulated_run import run_once
from leadmill.domain.simulation import Rate, Run, World, simulate

DAY = date(2026, 11, 23)  # a Monday
CLEAN = {"bounce_rate": Rate(0.0), "complaint_rate": Rate(0.0), "reply_rate": Rate(0.0)}


def boxes(domains: int, each: int, *, limit: int = 40, warm: bool = False, **values: object) -> tuple[Mailbox, ...]:
    started = None if warm else DAY
    return tuple(
        Mailbox(n + 1, n // each + 1, 1, 1, "UTC", DAY, limit, warm_up_started_on=started, **values)
        for n in range(domains * each)
    )


def run(world: World, seed: int = 1) -> Run:
    return run_once(world, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("recipients", "warm"), [(1, True), (1_200, True), (1_201, True), (5_000, False), (20_000, False)]
)
def test_where_nothing_goes_wrong_it_takes_the_days_that_the_limits_say(recipients: int, warm: bool) -> None:
    found = run(World(recipients, boxes(10, 3, warm=warm), DAY, **CLEAN))
    limits = [MailboxLimit(40, None if warm else DAY)] * 30
    assert len(found.sent) == days_needed(recipients, limits, first_day=DAY)
    assert found.finished_on == DAY + timedelta(days=len(found.sent) - 1)
    assert sum(found.sent) == recipients
    assert not found.stops


@given(
    seed=st.integers(0, 50),
    bounce=st.sampled_from([0.0, 0.02, 0.1]),
    complaint=st.sampled_from([0.0, 0.005]),
    steps=st.integers(1, 3),
    domain_limit=st.none() | st.integers(10, 100),
)
@settings(max_examples=25, deadline=None)
def test_no_day_is_above_a_limit_and_nobody_is_mailed_more_often_than_there_are_steps(
    seed: int, bounce: float, complaint: float, steps: int, domain_limit: int | None
) -> None:
    world = World(
        300, boxes(2, 2, domain_daily_limit=domain_limit), DAY, steps=steps, most_days=40,
        bounce_rate=Rate(bounce), complaint_rate=Rate(complaint),
    )  # fmt: skip
    found = run(world, seed)
    assert max(found.sent) <= min(4 * 40, 2 * (domain_limit or 10_000))
    assert found.sent[0] <= 4 * 5
    assert sum(found.sent) <= 300 * steps
    if found.finished_on is not None:
        assert sum(found.sent) >= 300


def test_the_same_seed_gives_the_same_simulation_and_another_one_another() -> None:
    world = World(2_000, boxes(4, 2), DAY, complaint_rate=Rate(0.002))
    first, again, other = (simulate(world, run_once, runs=4, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.bounced != other.bounced


def test_bad_lists_are_stopped_and_take_longer() -> None:
    good = simulate(World(3_000, boxes(5, 2, warm=True), DAY), run_once, runs=5, seed=1)
    bad = simulate(World(3_000, boxes(5, 2, warm=True), DAY, bounce_rate=Rate(0.12)), run_once, runs=5, seed=1)
    stopped = sum(band.middle for name, band in bad.stops.items() if name.startswith(("bounce", "half")))
    assert stopped >= 5
    assert bad.stopped_days.middle > good.stopped_days.middle
    assert good.finish[1] is not None
    assert bad.finish[1] is None or bad.finish[1] > good.finish[1]


def test_nobody_lifting_pauses_ends_the_sending() -> None:
    world = World(5_000, boxes(2, 2, warm=True), DAY, complaint_rate=Rate(0.05), lift_after_days=None, most_days=30)
    found = run(world)
    assert found.finished_on is None
    assert sum(found.sent[3:]) == 0


def test_a_spam_block_cools_the_domain_down_for_two_weeks_and_it_returns_low() -> None:
    world = World(3_000, boxes(1, 2, warm=True), DAY, block_rate=Rate(0.3), most_days=25, **CLEAN)
    found = run(world)
    assert found.stops["spam_block"] >= 1
    first = found.sent.index(0)
    back = next(n for n, mails in enumerate(found.sent) if n > first and mails)
    assert back - first == COOL_DOWN.days
    assert found.sent[back] == 20  # two mailboxes at a quarter of 40


def test_follow_ups_wait_their_days_and_go_before_first_mails() -> None:
    world = World(60, boxes(1, 1, limit=20, warm=True), DAY, steps=2, step_delay_days=3, **CLEAN)
    found = run(world)
    # First mails on three days, then the follow-ups of each of these days.
    assert found.sent == [20, 20, 20, 20, 20, 20]


def test_weekends_off_are_kept() -> None:
    found = run(World(2_500, boxes(5, 2, warm=True), DAY, weekdays=frozenset(range(5)), **CLEAN))
    assert [mails for n, mails in enumerate(found.sent) if n % 7 in {5, 6}] == [0, 0]


def test_hourly_limits_of_a_recipient_domain_stretch_the_campaign() -> None:
    world = World(1_000, boxes(2, 1, limit=1_000, warm=True), DAY, **CLEAN)
    assert len(run(world).sent) == 1
    limited = replace(world, family_shares={"gmail": 0.5}, hourly_limits={"gmail": 10})
    assert run(limited).sent == [700, 200, 100]  # 500 to others, and 2 domains x 10 an hour x 10 hours to Gmail


def test_a_history_leaves_its_rate_uncertain_and_an_assumption_does_not() -> None:
    chance = np.random.default_rng(1)
    assert {Rate(0.03).draw(chance) for _ in range(5)} == {0.03}
    drawn = [Rate(0.03, 500).draw(chance) for _ in range(300)]
    assert 0.026 < float(np.mean(drawn)) < 0.034
    assert 0.004 < float(np.std(drawn)) < 0.012


@pytest.mark.parametrize(
    ("rules", "name", "happens"),
    [
        (Thresholds(), "bounce_rate_too_high", False),
        (Thresholds(bounce_warns=0.01, bounce_pauses=0.02, pause_sample=40), "bounce_rate_too_high", True),
        (Thresholds(bounce_warns=0.02, bounce_pauses=0.02, pause_sample=1_000_000), "bounce_rate_too_high", False),
        (Thresholds(bounce_warns=0.02, bounce_pauses=0.02, pause_sample=400, window_days=2), "bounce_rate_too_high", False),
        (Thresholds(), "bounce_rate_high", True),
        (Thresholds(bounce_warns=0.5, bounce_pauses=0.5), "bounce_rate_high", False),
        (Thresholds(warn_sample=1_000_000), "bounce_rate_high", False),
        (Thresholds(complaint_alerts=0.5), "content_review", False),
        (Thresholds(complaint_alerts=0.001), "content_review", True),
    ],
)  # fmt: skip
def test_the_thresholds_of_a_simulation_are_those_that_its_guardrails_act_on(
    rules: Thresholds, name: str, happens: bool
) -> None:
    world = World(
        2_000, boxes(5, 2, warm=True), DAY, bounce_rate=Rate(0.035), complaint_rate=Rate(0.01), lift_after_days=1,
        false_pauses_a_month=0.001, rules=rules,
    )  # fmt: skip
    found = simulate(world, run_once, runs=2, seed=1)
    assert (name in (found.stops | found.warnings)) is happens

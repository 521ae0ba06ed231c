"""Guardrails: which rates warn, pause and cool down, and that a healthy sender is left alone."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadmill.domain.guardrails import (
    Action,
    DayOfMail,
    Finding,
    Health,
    bounce_evidence,
    chance_of_at_least,
    content_is_doubtful,
    half_are_stopped,
    judge_domain,
    judge_mailbox,
    pause_threshold,
)

DAYS = st.lists(
    st.integers(0, 60).flatmap(lambda sent: st.integers(0, sent).map(lambda bounced: DayOfMail(sent, bounced))),
    max_size=30,
)
POOL = pause_threshold(30 * 40 * 30)


def found(verdicts: list) -> set[tuple[Finding, Action]]:
    return {(v.finding, v.action) for v in verdicts}


def test_three_percent_warn_and_five_percent_pause_once_the_sample_is_large_enough() -> None:
    assert judge_mailbox(Health(200, hard_bounced=6)) == []
    assert found(judge_mailbox(Health(200, hard_bounced=7))) == {(Finding.BOUNCE_RATE_HIGH, Action.WARN)}
    assert found(judge_mailbox(Health(200, hard_bounced=10))) == {(Finding.BOUNCE_RATE_HIGH, Action.WARN)}
    assert found(judge_mailbox(Health(200, hard_bounced=11))) == {(Finding.BOUNCE_RATE_TOO_HIGH, Action.PAUSE)}
    assert found(judge_mailbox(Health(199, hard_bounced=11))) == {(Finding.BOUNCE_RATE_HIGH, Action.WARN)}


def test_a_small_sample_pauses_only_when_chance_can_hardly_explain_it() -> None:
    def judged(sent: int, bounced: int) -> set[tuple[Finding, Action]]:
        days = [DayOfMail(sent, bounced)]
        return found(judge_mailbox(Health(sent, hard_bounced=bounced), days=days, threshold=POOL))

    assert judged(5, 1) == judged(20, 4) == judged(40, 5) == set()
    pauses = {(Finding.BOUNCES_BEYOND_CHANCE, Action.PAUSE)}
    assert judged(20, 7) == judged(40, 8) == judged(10, 10) == pauses


def test_a_pause_by_the_sequential_test_carries_its_numbers() -> None:
    days = [DayOfMail(40, 0), DayOfMail(40, 8)]
    (verdict,) = judge_mailbox(Health(80, hard_bounced=8), days=days, threshold=POOL)
    assert verdict.evidence["test_threshold"] == 36_000
    assert verdict.evidence["test_value"] == round(math.exp(bounce_evidence(days))) >= 36_000
    assert (verdict.evidence["test_sent"], verdict.evidence["test_bounced"]) == (80, 8)


@given(DAYS)
def test_the_evidence_is_the_sum_over_every_day_on_which_the_change_may_have_happened(days: list[DayOfMail]) -> None:
    def log_ratio(later: list[DayOfMail]) -> float:
        bounced, sent = sum(d.bounced for d in later), sum(d.sent for d in later)
        return bounced * math.log(4.0) + (sent - bounced) * math.log(0.92 / 0.98)

    value = bounce_evidence(days)
    logs = [math.log(day.sent) + log_ratio(days[k:]) for k, day in enumerate(days) if day.sent]
    if not logs:
        assert value == -math.inf
        return
    high = max(logs)  # the sum itself is beyond a float for a thousand bounces
    assert value == pytest.approx(
        high + math.log(math.fsum(math.exp(each - high) for each in logs)), rel=1e-9, abs=1e-9
    )


@given(DAYS, st.data())
def test_one_bounce_more_never_lowers_the_evidence_and_older_days_never_do(days: list[DayOfMail], data) -> None:
    value = bounce_evidence(days)
    assert bounce_evidence(days[1:]) <= value + 1e-9
    open_days = [n for n, day in enumerate(days) if day.bounced < day.sent]
    if open_days:
        n = data.draw(st.sampled_from(open_days))
        worse = [*days[:n], DayOfMail(days[n].sent, days[n].bounced + 1), *days[n + 1 :]]
        assert bounce_evidence(worse) > value


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.floats(0.001, 0.02))
def test_below_the_healthy_rate_the_evidence_grows_by_no_more_than_the_mails_sent(
    mails: list[int], rate: float
) -> None:
    """The law behind the budget: E[R] <= mails sent, here summed exactly over every outcome of each day."""
    mean = 0.0
    for sent in mails:
        likelihood = math.fsum(
            math.comb(sent, k) * rate**k * (1 - rate) ** (sent - k) * 4.0**k * (0.92 / 0.98) ** (sent - k)
            for k in range(sent + 1)
        )
        assert likelihood <= 1 + 1e-9
        mean = (mean + sent) * likelihood
    assert mean <= sum(mails) * (1 + 1e-9)


@given(st.integers(100, 10**7), st.floats(0.1, 20))
def test_the_budget_divides_what_the_pool_sends_in_a_month(mails: int, budget: float) -> None:
    assert mails / pause_threshold(mails, false_pauses_a_month=budget) <= budget + 1e-9


def test_a_healthy_pool_of_thirty_is_paused_less_than_once_a_month() -> None:
    dice = np.random.default_rng(4)
    months, pauses, history = 24, 0, [[] for _ in range(30)]
    for _ in range(months * 30):
        for days in history:
            days.append(DayOfMail(40, int(dice.binomial(40, 0.02))))
            window = Health(40 * len(days[-14:]), hard_bounced=sum(d.bounced for d in days[-14:]))
            if any(v.action is Action.PAUSE for v in judge_mailbox(window, days=days[-28:], threshold=POOL)):
                pauses += 1
                days.clear()
    assert pauses <= months


def test_a_jump_to_eight_percent_is_caught_within_days() -> None:
    dice, waits = random.Random(5), []
    for _ in range(60):
        days = [DayOfMail(40, sum(dice.random() < 0.02 for _ in range(40))) for _ in range(20)]
        while bounce_evidence(days[-28:]) < math.log(POOL):
            days.append(DayOfMail(40, sum(dice.random() < 0.08 for _ in range(40))))
        waits.append(len(days) - 20)
    assert sorted(waits)[len(waits) // 2] <= 5


def test_any_complaint_pauses_a_mailbox() -> None:
    assert found(judge_mailbox(Health(1, complained=1))) == {(Finding.COMPLAINT, Action.PAUSE)}


def test_a_domain_alerts_above_one_complaint_in_a_thousand() -> None:
    assert judge_domain(Health(999, complained=5)) == []
    assert judge_domain(Health(2000, complained=2)) == []
    assert found(judge_domain(Health(2000, complained=3))) == {(Finding.COMPLAINT_RATE_HIGH, Action.ALERT)}


def test_a_blocked_domain_cools_down_but_one_filters_verdict_does_not() -> None:
    assert judge_domain(Health(20, blocked=2)) == []
    assert judge_domain(Health(500, blocked=3)) == []
    assert found(judge_domain(Health(40, blocked=3))) == {(Finding.SPAM_BLOCK, Action.COOL_DOWN)}


@pytest.mark.parametrize(
    ("mailboxes", "stopped", "pauses"), [(1, 1, False), (2, 1, True), (3, 1, False), (3, 2, True), (4, 2, True)]
)
def test_a_domain_pauses_with_half_of_its_mailboxes(mailboxes: int, stopped: int, pauses: bool) -> None:
    assert half_are_stopped(mailboxes, stopped) is pauses


def test_a_content_is_held_for_a_rate_and_not_for_one_person() -> None:
    assert not content_is_doubtful(1, 10)
    assert content_is_doubtful(2, 1_999)
    assert not content_is_doubtful(2, 2_000)


@given(st.integers(0, 60), st.integers(1, 60), st.floats(0.001, 0.5))
def test_the_binomial_tail_is_a_probability_and_falls(successes: int, trials: int, rate: float) -> None:
    here, further = (chance_of_at_least(n, trials, rate) for n in (successes, successes + 1))
    assert 0 <= further <= here + 1e-12 <= 1 + 1e-9


def test_the_binomial_tail_holds_for_thousands_of_mails() -> None:
    assert chance_of_at_least(3, 50, 0.02) == pytest.approx(0.0784, abs=1e-4)
    assert chance_of_at_least(120, 5000, 0.02) == pytest.approx(0.0262, abs=2e-3)

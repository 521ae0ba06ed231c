"""Guardrails: which rates warn, pause and cool down, and that a healthy sender is left alone."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from leadmill.domain.guardrails import Action, Finding, Health, chance_of_at_least, judge_domain, judge_mailbox


def found(verdicts: list) -> set[tuple[Finding, Action]]:
    return {(v.finding, v.action) for v in verdicts}


def test_three_percent_warn_and_five_percent_pause_once_the_sample_is_large_enough() -> None:
    assert judge_mailbox(Health(200, hard_bounced=6)) == []
    assert found(judge_mailbox(Health(200, hard_bounced=7))) == {(Finding.BOUNCE_RATE_HIGH, Action.WARN)}
    assert found(judge_mailbox(Health(200, hard_bounced=10))) == {(Finding.BOUNCE_RATE_HIGH, Action.WARN)}
    assert found(judge_mailbox(Health(200, hard_bounced=11))) == {(Finding.BOUNCE_RATE_TOO_HIGH, Action.PAUSE)}


def test_a_small_sample_pauses_only_when_chance_can_hardly_explain_it() -> None:
    assert judge_mailbox(Health(19, hard_bounced=19)) == []
    assert judge_mailbox(Health(40, hard_bounced=7)) == []
    assert found(judge_mailbox(Health(40, hard_bounced=8))) == {(Finding.BOUNCE_RATE_TOO_HIGH, Action.PAUSE)}
    assert found(judge_mailbox(Health(20, hard_bounced=6))) == {(Finding.BOUNCE_RATE_TOO_HIGH, Action.PAUSE)}


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


@given(st.integers(0, 60), st.integers(1, 60), st.floats(0.001, 0.5))
def test_the_binomial_tail_is_a_probability_and_falls(successes: int, trials: int, rate: float) -> None:
    here, further = (chance_of_at_least(n, trials, rate) for n in (successes, successes + 1))
    assert 0 <= further <= here + 1e-12 <= 1 + 1e-9


def test_early_pauses_hit_a_healthy_mailbox_less_than_once_in_five_hundred_days() -> None:
    dice = random.Random(4)
    days = 5000
    paused = sum(
        any(v.action is Action.PAUSE for v in judge_mailbox(Health(40, sum(dice.random() < 0.02 for _ in range(40)))))
        for _ in range(days)
    )
    assert paused <= days / 500

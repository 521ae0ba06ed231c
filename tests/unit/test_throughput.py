"""A lane's rate, by which it claims: steady where its answers come in bursts."""

from __future__ import annotations

import pytest

from leadmill.domain.throughput import Throughput


def test_the_rate_is_steady_though_answers_come_in_bursts() -> None:
    """4,000 a second, a thousand at a time; looked at at odd moments, some between two bursts, some just behind one."""
    throughput = Throughput(over=0.4)
    looks = [0.3, 0.36, 0.52, 0.76, 0.9, 1.01, 1.3, 1.55, 1.6, 1.98, 2.01, 2.3]

    rates = [throughput.per_second(int(at / 0.25) * 1_000, at=at) for at in looks]

    assert all(2_000 <= rate <= 6_700 for rate in rates), rates


def test_a_lane_that_stands_still_is_slow_at_once_and_one_that_goes_on_is_judged_by_what_it_does_now() -> None:
    throughput = Throughput(over=0.4)
    throughput.per_second(2_000, at=0.5)

    assert throughput.per_second(2_000, at=30.5) == 0
    assert throughput.per_second(2_400, at=31.0) == pytest.approx(800)


def test_the_first_look_is_at_nothing() -> None:
    assert Throughput(over=0.4).per_second(0, at=0.0) == 0

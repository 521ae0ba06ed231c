"""Warm-up and probation: grow on evidence, hold without it, shrink against it."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadmill.domain.guardrails import Health
from leadmill.domain.warm_up import (
    CURVES,
    PROBATION_CLEAN_DAYS,
    SEED_CURVE,
    Change,
    Evidence,
    WarmUp,
    curve_of,
    judge_growth,
    limit_of,
    next_day,
    next_probation_day,
    probation_limit,
)
from leadmill.errors import InputInvalid

DAY = date(2026, 3, 2)
CLEAN = Health(40)


def go_on(warm_up: WarmUp, *, accepted: int | None = None, health: Health = CLEAN, full: int = 40):
    limit = limit_of(warm_up, SEED_CURVE, full_limit=full)
    used = limit if accepted is None else accepted
    return next_day(warm_up, SEED_CURVE, full_limit=full, accepted=used, health=health, day=DAY)


def test_with_mail_and_clean_evidence_a_warm_up_follows_the_seed_rule_to_the_full_limit() -> None:
    warm_up, limits, changes = WarmUp(), [5], []
    for _ in range(14):
        step = go_on(warm_up)
        warm_up = step.warm_up
        limits.append(step.limit)
        changes.append(step.change)
    assert limits == [5, 5, 6, 7, 8, 9, 10, 12, 14, 17, 20, 24, 29, 35, 40]
    assert changes == [Change.ADVANCED] * 13 + [Change.FINISHED]
    assert go_on(warm_up).change is Change.HELD


def test_a_day_without_mail_or_with_too_little_of_it_does_not_advance() -> None:
    stands = WarmUp(stage=8)
    assert (go_on(stands, accepted=0).change, go_on(stands, accepted=0).warm_up) == (Change.HELD, stands)
    assert go_on(stands, accepted=6).change is Change.HELD
    assert go_on(stands, accepted=7).change is Change.ADVANCED


def test_bad_evidence_cuts_a_quarter_and_the_way_back_goes_on_from_there() -> None:
    cut = go_on(WarmUp(stage=10), health=Health(50, hard_bounced=6))  # 20 a day
    assert (cut.change, cut.limit, cut.warm_up.last_cut_on) == (Change.CUT, 15, DAY)
    assert limit_of(cut.warm_up, SEED_CURVE, full_limit=40) == 15
    back = go_on(cut.warm_up)
    assert (back.change, back.limit, back.warm_up.cut_limit) == (Change.ADVANCED, 17, None)


def test_doubtful_evidence_holds() -> None:
    held = go_on(WarmUp(stage=10), health=Health(50, hard_bounced=3))
    assert (held.change, held.limit) == (Change.HELD, 20)


@pytest.mark.parametrize(
    ("health", "evidence"),
    [
        (Health(0), Evidence.CLEAN),
        (Health(5, hard_bounced=1), Evidence.CLEAN),  # too few to say anything
        (Health(19, hard_bounced=3), Evidence.CLEAN),
        (Health(50, hard_bounced=2), Evidence.CLEAN),
        (Health(50, hard_bounced=3), Evidence.DOUBTFUL),
        (Health(50, hard_bounced=5), Evidence.BAD),
        (Health(200, hard_bounced=5), Evidence.CLEAN),
        (Health(200, hard_bounced=12), Evidence.BAD),
        (Health(500, complained=1), Evidence.BAD),
        (Health(50, blocked=2), Evidence.DOUBTFUL),
        (Health(30, blocked=2), Evidence.BAD),
        (Health(1000, blocked=5), Evidence.CLEAN),
    ],
)
def test_what_a_week_of_mails_says(health: Health, evidence: Evidence) -> None:
    judged = judge_growth(health)
    assert judged.evidence is evidence
    assert judged.reason


CURVE = st.sampled_from([*CURVES.values(), curve_of("5,8,12,20"), curve_of("1"), curve_of("3,3,3")])
HEALTH = st.builds(Health, st.integers(0, 300), st.integers(0, 20), st.integers(0, 5), st.integers(0, 1))


@given(CURVE, st.integers(0, 100), st.lists(st.tuples(HEALTH, st.integers(0, 100)), max_size=40))
def test_a_limit_stays_between_nothing_and_full_and_grows_one_stage_a_day(curve, full, days) -> None:
    warm_up = WarmUp()
    for health, accepted in days:
        before = limit_of(warm_up, curve, full_limit=full)
        step = next_day(warm_up, curve, full_limit=full, accepted=accepted, health=health, day=DAY)
        after = limit_of(step.warm_up, curve, full_limit=full)
        assert after == step.limit
        assert 0 <= after <= full
        assert step.warm_up.stage <= warm_up.stage + (step.change in {Change.ADVANCED, Change.FINISHED})
        if step.change is Change.CUT:
            assert after <= before
            assert after >= int(0.75 * before)
        elif step.change is Change.HELD:
            assert (after, step.warm_up) == (before, warm_up)
        else:
            assert accepted > 0
            assert after >= before
            assert after <= curve.limit(warm_up.stage + 1, full_limit=full)
        warm_up = step.warm_up


@given(CURVE, st.integers(1, 300), st.integers(0, 60))
def test_a_curve_never_falls_and_a_stage_is_found_by_its_limit(curve, full: int, stage: int) -> None:
    limit = curve.limit(stage, full_limit=full)
    assert curve.limit(stage + 1, full_limit=full) >= limit
    assert curve.limit(curve.stage_of(limit, full_limit=full), full_limit=full) <= limit


def test_a_list_of_limits_is_a_curve_and_ends_warm() -> None:
    curve = curve_of(" 5, 10,20 ")
    assert [curve.limit(stage, full_limit=50) for stage in range(5)] == [5, 10, 20, 50, 50]
    assert curve_of(curve.name) == curve
    assert curve_of("") is SEED_CURVE


@pytest.mark.parametrize("text", ["fast", "5,4", "0,1", "5;6", "-1", "5,,6", "٣", "1" * 9])
def test_what_is_no_curve_is_refused_in_words(text: str) -> None:
    with pytest.raises(InputInvalid):
        curve_of(text)


def test_probation_is_a_quarter_until_a_week_of_clean_days_with_mail() -> None:
    assert [probation_limit(n) for n in (0, 1, 3, 40)] == [0, 1, 1, 10]
    days = 0
    for number in range(PROBATION_CLEAN_DAYS):
        assert not next_probation_day(days, accepted=0, health=CLEAN).is_over
        step = next_probation_day(days, accepted=5, health=CLEAN)
        days = step.clean_days
        assert step.is_over is (number == PROBATION_CLEAN_DAYS - 1)


def test_bad_evidence_begins_a_probation_anew() -> None:
    step = next_probation_day(5, accepted=5, health=Health(30, complained=1))
    assert (step.clean_days, step.begins_anew, step.is_over) == (0, True, False)

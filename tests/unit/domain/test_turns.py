"""Laws of turns: fair shares by weight, no hoarding, follow-ups first, and nobody stops the others."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadmill.domain.turns import OTHERS_SHARE, Standing, Turns, in_turn, moved_on

WEIGHTS = st.sampled_from([0.5, 1.0, 2.0, 4.0])


def play(
    backlog: dict[int, int], weights: dict[int, float], rooms: list[int], turns: Turns | None = None
) -> tuple[list[Counter[int]], Turns]:
    """First mails that each claim takes for each campaign."""
    turns, left, taken = turns or Turns(), dict(backlog), []
    for room in rooms:
        standing = [Standing(c, mails, turns.of(c), weights[c]) for c, mails in left.items()]
        _, first_mails = in_turn([], standing, owed=turns.owed, room=room)
        taken.append(Counter(first_mails))
        for campaign_id in first_mails:
            left[campaign_id] -= 1
        turns = moved_on(turns, weights, first_mails=taken[-1], follow_ups=Counter(), most_ahead=1_000)
    return taken, turns


@given(
    weights=st.lists(WEIGHTS, min_size=2, max_size=6),
    rooms=st.lists(st.integers(0, 40), min_size=1, max_size=12),
)
def test_campaigns_that_have_mail_due_share_by_weight_whatever_the_claims_are_like(
    weights: list[float], rooms: list[int]
) -> None:
    by_id = dict(enumerate(weights, start=1))
    taken, _ = play(dict.fromkeys(by_id, 10_000), by_id, rooms)
    mails = sum(taken, Counter())
    assert mails.total() == sum(rooms)
    for one, its in by_id.items():
        for other, others in by_id.items():
            assert abs(mails[one] / its - mails[other] / others) <= 1 / its + 1 / others + 1e-9


@given(st.dictionaries(st.integers(1, 5), st.integers(0, 30), min_size=1), st.lists(st.integers(1, 9), max_size=12))
def test_no_room_is_wasted_while_a_mail_waits_and_none_goes_twice(backlog: dict[int, int], rooms: list[int]) -> None:
    taken, _ = play(backlog, dict.fromkeys(backlog, 1.0), rooms)
    mails = sum(taken, Counter())
    assert mails.total() == min(sum(rooms), sum(backlog.values()))
    assert all(mails[c] <= count for c, count in backlog.items())


def test_a_small_campaign_does_not_wait_for_a_large_one() -> None:
    taken, _ = play({1: 400, 2: 10}, {1: 1.0, 2: 1.0}, [20])
    assert taken == [Counter({1: 10, 2: 10})]


def test_a_campaign_that_was_paused_brings_no_turns_along() -> None:
    weights = {1: 1.0, 2: 1.0}
    _, turns = play({1: 500}, weights, [400])
    taken, _ = play({1: 100, 2: 100}, weights, [40], turns)
    assert abs(taken[0][1] - taken[0][2]) <= 2


def test_follow_ups_go_before_first_mails_of_their_own_campaign_to_the_last() -> None:
    assert in_turn([1] * 40, [Standing(1, 400)], owed=0, room=40) == ([1] * 40, [])
    assert in_turn([1] * 30, [Standing(1, 400)], owed=0, room=40) == ([1] * 30, [1] * 10)


def test_a_wave_of_follow_ups_leaves_others_their_share_and_no_more() -> None:
    follow_ups, first_mails = in_turn([1] * 100, [Standing(1, 400), Standing(2, 400)], owed=0, room=40)
    assert (len(follow_ups), first_mails) == (32, [2] * 8)
    follow_ups, first_mails = in_turn([1] * 100, [Standing(1, 400), Standing(2, 3)], owed=0, room=40)
    assert (len(follow_ups), first_mails) == (37, [2] * 3), "what they don't need is the follow-ups'"


@given(st.lists(st.integers(1, 7), min_size=40, max_size=80))
def test_others_get_their_share_however_small_the_claims(rooms: list[int]) -> None:
    turns, weights, sent = Turns(), {1: 1.0, 2: 1.0}, Counter()
    for room in rooms:
        follow_ups, first = in_turn(
            [1] * 50, [Standing(1, 900, turns.of(1)), Standing(2, 900, turns.of(2))], owed=turns.owed, room=room
        )
        sent += Counter({"follow-ups": len(follow_ups), "first": len(first)})
        assert 1 not in first
        turns = moved_on(turns, weights, first_mails=Counter(first), follow_ups=Counter(follow_ups), most_ahead=40)
    assert sent["first"] == pytest.approx(sum(rooms) * OTHERS_SHARE, abs=1.5)


def test_follow_ups_put_a_campaign_ahead_by_a_day_at_most() -> None:
    turns = moved_on(Turns(), {1: 1.0}, first_mails=Counter(), follow_ups=Counter({1: 5_000}), most_ahead=40)
    assert turns.of(1) == 40
    taken, _ = play({1: 100, 2: 100}, {1: 1.0, 2: 1.0}, [60], turns)
    assert taken == [Counter({2: 50, 1: 10})]

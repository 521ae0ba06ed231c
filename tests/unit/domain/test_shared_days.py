"""Campaigns that share a pool's days: what fair turns change against first come, first served."""

from __future__ import annotations

from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

from leadmill.domain.shared_days import Load, play_days


def test_a_campaign_of_ten_beside_one_of_four_hundred_is_done_on_its_first_day() -> None:
    loads = [Load(1, {0: 400}), Load(2, {0: 10})]
    before, after = (play_days(loads, lambda _: 40, is_fair=fair) for fair in (False, True))
    assert (before[2].done_on, after[2].done_on) == (10, 0)
    assert (before[1].done_on, after[1].done_on) == (9, 10)


def test_follow_ups_leave_on_their_day_instead_of_after_the_last_first_mail() -> None:
    loads = [Load(1, {0: 400}, (3,))]
    before, after = (play_days(loads, lambda _: 40, is_fair=fair)[1] for fair in (False, True))
    assert (before.on_their_day, before.median_delay) == (0.0, 7.0)
    assert (after.on_their_day, after.median_delay) == (1.0, 0.0)
    assert (before.done_on, after.done_on) == (19, 21), "the last follow-ups wait for their gap, too"


def test_weights_share_the_days_and_what_one_leaves_the_other_gets() -> None:
    found = play_days([Load(1, {0: 100}, weight=3.0), Load(2, {0: 100})], lambda _: 40)
    assert [found[1].sent[:2], found[2].sent[:2]] == [[30, 30], [10, 10]]
    assert found[1].done_on == 3
    assert found[2].done_on == 4


@given(
    audience=st.integers(1, 300), steps=st.integers(0, 9), gap=st.integers(1, 5), room=st.integers(1, 60),
    others=st.integers(0, 200),
)  # fmt: skip
@with_settings(max_examples=30, deadline=None)
def test_every_mail_goes_once_and_a_campaign_alone_keeps_each_gap(
    audience: int, steps: int, gap: int, room: int, others: int
) -> None:
    loads = [Load(1, {0: audience}, (gap,) * steps), Load(2, {0: others})]
    found = play_days(loads, lambda _: room, most_days=5_000)
    assert sum(found[1].sent) == loads[0].mails
    assert sum(found[2].sent) == others
    alone = play_days(loads[:1], lambda _: room, most_days=5_000)[1]
    assert set(alone.late) <= {0}, (
        "at most a day's mails went out on a day, so at most a day's follow-ups are due on one"
    )

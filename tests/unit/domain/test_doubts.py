"""Doubts are grouped by what they come from, and silence is read by what was heard of others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadmill.domain.doubts import SAME_INCIDENT_WITHIN, Cause, Doubt, Hint, Surroundings, cause_of, hint_of, incidents

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def make_doubt(send_id: int, *, lane: str = "a", code: str = "lease_expired", minutes: float = 0) -> Doubt:
    at = NOON + timedelta(minutes=minutes)
    return Doubt(
        send_id=send_id, campaign_id=1, campaign_name="c", campaign_status="running", step=1, lead_id=send_id,
        lead_name="Jo", email="jo@people.test", subject="s", mailbox_address="box@brand.test", lane=lane,
        provider="smtp", claimed_at=at, since=at, code=code,
    )  # fmt: skip


DOUBTS = st.lists(
    st.builds(
        make_doubt,
        st.integers(1, 10_000),
        lane=st.sampled_from("abc"),
        code=st.sampled_from(["lease_expired", "no-answer", "http-502"]),
        minutes=st.floats(0, 3_000),
    ),
    unique_by=lambda d: d.send_id,
    max_size=30,
)


@given(DOUBTS)
def test_each_doubt_is_in_exactly_one_incident_of_its_lane_and_cause(doubts: list[Doubt]) -> None:
    found = incidents(doubts)
    assert sorted(d.send_id for i in found for d in i.doubts) == sorted(d.send_id for d in doubts)
    for incident in found:
        assert {(d.lane, d.cause) for d in incident.doubts} == {(incident.lane, incident.cause)}
        times = [d.claimed_at for d in incident.doubts]
        assert times == sorted(times)
        assert all(b - a <= SAME_INCIDENT_WITHIN for a, b in pairwise(times))


@given(DOUBTS)
def test_the_order_in_which_doubts_are_read_does_not_matter(doubts: list[Doubt]) -> None:
    assert incidents(doubts) == incidents(reversed(doubts))


def test_two_crashes_an_hour_apart_are_two_incidents() -> None:
    assert [len(i.doubts) for i in incidents([make_doubt(1), make_doubt(2, minutes=1), make_doubt(3, minutes=61)])] == [
        2,
        1,
    ]


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("lease_expired", Cause.WORKER_DIED),
        ("restored", Cause.RESTORED),
        ("no-answer", Cause.NO_ANSWER),
        ("http-504", Cause.GATEWAY),
        ("", Cause.NO_ANSWER),
    ],
)
def test_a_code_tells_its_cause(code: str, cause: Cause) -> None:
    assert cause_of(code) is cause


@pytest.mark.parametrize(
    ("taken", "reported", "hint"),
    [
        (0, 0, Hint.TOO_FEW_TO_TELL),
        (19, 19, Hint.TOO_FEW_TO_TELL),
        (20, 16, Hint.PROBABLY_NOT_SENT),
        (20, 15, Hint.SILENCE_SAYS_NOTHING),
        (500, 0, Hint.SILENCE_SAYS_NOTHING),
    ],
)
def test_silence_says_something_only_where_the_account_reports(taken: int, reported: int, hint: Hint) -> None:
    assert hint_of(Surroundings(taken, reported)) is hint


def test_a_doubt_counts_as_lost_two_weeks_after_it_began() -> None:
    assert make_doubt(1).lost_at == NOON + timedelta(days=14)

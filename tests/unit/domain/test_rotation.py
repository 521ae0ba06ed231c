"""Laws of rotation, for any sends and any mailboxes."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from leadmill.domain.rotation import (
    AssignmentReason,
    Candidate,
    DueSend,
    LeftReason,
    Rotation,
    rotate,
    shrunk_bounce_rates,
)


def mailbox(mailbox_id: int, **values: int) -> Candidate:
    base = {"domain_id": 1, "pool_id": 1, "remaining": 40, "taken_today": 0, "day_limit": 40}
    return Candidate(mailbox_id=mailbox_id, **(base | values))


def due(count: int, **values: int | None) -> list[DueSend]:
    return [DueSend(send_id=n, **({"pool_id": 1} | values)) for n in range(1, count + 1)]


def plain(sends: list[DueSend], mailboxes: list[Candidate], **limits: object) -> Rotation:
    return rotate(sends, mailboxes, **({"domain_remaining": {}, "account_remaining": None, "seed": 7} | limits))


@st.composite
def situations(draw: st.DrawFn) -> dict[str, object]:
    mailboxes = [
        Candidate(
            mailbox_id=n,
            domain_id=draw(st.integers(1, 3)),
            pool_id=draw(st.integers(1, 2)),
            remaining=draw(st.integers(0, 6)),
            taken_today=draw(st.integers(0, 40)),
            day_limit=draw(st.integers(0, 50)),
            delivered=draw(st.integers(0, 300)),
            bounced=draw(st.integers(0, 30)),
        )
        for n in range(1, draw(st.integers(0, 6)) + 1)
    ]
    ids = st.none() | st.integers(1, 7)
    sends = [DueSend(n, draw(st.integers(1, 3)), draw(ids), draw(ids)) for n in range(1, draw(st.integers(0, 25)) + 1)]
    return {
        "due": sends,
        "mailboxes": mailboxes,
        "domain_remaining": draw(st.dictionaries(st.integers(1, 3), st.integers(0, 8))),
        "account_remaining": draw(st.none() | st.integers(0, 15)),
        "seed": draw(st.integers(0, 9)),
    }


@given(situations())
def test_no_limit_is_ever_exceeded_and_each_send_is_assigned_once_or_left(situation: dict) -> None:
    result = rotate(**situation)
    boxes = {m.mailbox_id: m for m in situation["mailboxes"]}
    used = Counter(a.mailbox_id for a in result.assignments)
    assert all(count <= boxes[m].remaining for m, count in used.items())
    domains = Counter(boxes[a.mailbox_id].domain_id for a in result.assignments)
    assert all(count <= situation["domain_remaining"].get(d, count) for d, count in domains.items())
    if situation["account_remaining"] is not None:
        assert len(result.assignments) <= situation["account_remaining"]
    assigned = [a.send_id for a in result.assignments]
    assert sorted([*assigned, *result.left]) == [s.send_id for s in situation["due"]]


@given(situations())
def test_the_same_seed_gives_the_same_rotation(situation: dict) -> None:
    assert rotate(**situation) == rotate(**situation)


@given(situations())
def test_a_follow_up_only_ever_goes_out_from_its_own_mailbox(situation: dict) -> None:
    sticky = {s.send_id: s.sticky_mailbox_id for s in situation["due"] if s.sticky_mailbox_id is not None}
    for a in rotate(**situation).assignments:
        if a.send_id in sticky:
            assert a.mailbox_id == sticky[a.send_id]
            assert a.reason is AssignmentReason.STICKY


@given(situations())
def test_a_send_goes_out_from_a_mailbox_of_its_pool(situation: dict) -> None:
    pools = {m.mailbox_id: m.pool_id for m in situation["mailboxes"]}
    wanted = {s.send_id: s for s in situation["due"]}
    for a in rotate(**situation).assignments:
        assert a.reason is AssignmentReason.STICKY or pools[a.mailbox_id] == wanted[a.send_id].pool_id


@given(situations())
def test_nothing_is_left_while_a_mailbox_of_its_pool_could_take_it(situation: dict) -> None:
    result = rotate(**situation)
    boxes = {m.mailbox_id: m for m in situation["mailboxes"]}
    used = Counter(a.mailbox_id for a in result.assignments)
    domains = Counter(boxes[a.mailbox_id].domain_id for a in result.assignments)
    if situation["account_remaining"] is not None and len(result.assignments) >= situation["account_remaining"]:
        return
    free = {
        m.pool_id
        for m in boxes.values()
        if used[m.mailbox_id] < m.remaining
        and domains[m.domain_id] < situation["domain_remaining"].get(m.domain_id, 10**6)
    }
    wanted = {s.send_id: s for s in situation["due"]}
    for send_id, reason in result.left.items():
        assert reason is LeftReason.STICKY_MAILBOX_FULL or wanted[send_id].pool_id not in free


@given(st.integers(1, 8), st.integers(0, 120), st.integers(0, 99))
def test_equal_mailboxes_are_loaded_evenly(boxes: int, sends: int, seed: int) -> None:
    result = plain(due(sends), [mailbox(n) for n in range(boxes)], seed=seed)
    used = Counter(dict.fromkeys(range(boxes), 0))
    used.update(a.mailbox_id for a in result.assignments)
    assert max(used.values()) - min(used.values()) <= 1


@given(st.integers(2, 10), st.integers(0, 99))
def test_at_equal_load_the_healthiest_mailbox_goes_first(bounced: int, seed: int) -> None:
    boxes = [mailbox(1, delivered=200, bounced=bounced), mailbox(2, delivered=200, bounced=0)]
    assert plain(due(1), boxes, seed=seed).assignments[0].mailbox_id == 2


def test_a_mailbox_without_history_is_judged_like_its_pool() -> None:
    rates = shrunk_bounce_rates(
        [mailbox(1, delivered=1000, bounced=10), mailbox(2), mailbox(3, delivered=3, bounced=1)]
    )
    assert rates[1] < rates[2] < rates[3] < 0.03


def test_a_bouncing_mailbox_waits_until_the_clean_ones_are_full() -> None:
    boxes = [mailbox(1, delivered=400, bounced=28), mailbox(2, delivered=400)]
    assert {a.mailbox_id for a in plain(due(30), boxes).assignments} == {2}
    assert Counter(a.mailbox_id for a in plain(due(60), boxes).assignments) == {2: 40, 1: 20}


def test_a_retry_prefers_the_mailbox_it_had_but_does_not_insist() -> None:
    boxes = [mailbox(1, taken_today=30), mailbox(2)]
    assert plain(due(1, preferred_mailbox_id=1), boxes).assignments[0].reason is AssignmentReason.RETRY
    assert plain(due(1, preferred_mailbox_id=9), boxes).assignments[0].mailbox_id == 2


def test_an_assignment_says_why() -> None:
    found = plain(due(1), [mailbox(1, taken_today=10), mailbox(2, taken_today=20)]).assignments[0]
    assert (found.mailbox_id, found.reason, found.fill, found.candidates) == (1, AssignmentReason.ROTATION, 0.25, 2)

"""Laws of rotation, for any sends and any mailboxes."""

from __future__ import annotations

import heapq
import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from leadmill.domain.mailboxes import Binding
from leadmill.domain.rotation import DueSend, LeftReason, Rotation, rotate
from leadmill.domain.rotation_limits import HEALTH_WEIGHT, AssignmentReason, Candidate, shrunk_bounce_rates

FAMILIES = ["", "gmail", "yahoo"]


def mailbox(mailbox_id: int, **values: int) -> Candidate:
    base = {"domain_id": 1, "pool_id": 1, "remaining": 40, "taken_today": 0, "day_limit": 40}
    return Candidate(mailbox_id=mailbox_id, **(base | values))


def due(count: int, **values: int | str | None) -> list[DueSend]:
    return [DueSend(send_id=n, **({"pool_id": 1} | values)) for n in range(1, count + 1)]


def plain(sends: list[DueSend], mailboxes: list[Candidate], **limits: object) -> Rotation:
    no_limits = {"domain_remaining": {}, "account_remaining": None, "recipient_remaining": {}, "seed": 7}
    return rotate(sends, mailboxes, **(no_limits | limits))


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
    sends = [
        DueSend(n, draw(st.integers(1, 3)), draw(ids), draw(ids), draw(st.sampled_from(FAMILIES)))
        for n in range(1, draw(st.integers(0, 25)) + 1)
    ]
    pairs = st.tuples(st.integers(1, 3), st.sampled_from(FAMILIES[1:]))
    return {
        "due": sends,
        "mailboxes": mailboxes,
        "domain_remaining": draw(st.dictionaries(st.integers(1, 3), st.integers(0, 8))),
        "account_remaining": draw(st.none() | st.integers(0, 15)),
        "recipient_remaining": draw(st.dictionaries(pairs, st.integers(0, 4))),
        "seed": draw(st.integers(0, 9)),
    }


def used_limits(situation: dict, result: Rotation) -> tuple[Counter, Counter, Counter]:
    """Mails by mailbox, by sending domain, and by sending domain and recipient family."""
    boxes = {m.mailbox_id: m for m in situation["mailboxes"]}
    wanted = {s.send_id: s for s in situation["due"]}
    sent = [(boxes[c.mailbox_id], wanted[send_id].recipient_family) for send_id, c in result.assignments()]
    return (
        Counter(box.mailbox_id for box, _ in sent),
        Counter(box.domain_id for box, _ in sent),
        Counter((box.domain_id, family) for box, family in sent),
    )


@given(situations())
def test_no_limit_is_ever_exceeded_and_each_send_is_assigned_once_or_left(situation: dict) -> None:
    result = rotate(**situation)
    boxes = {m.mailbox_id: m for m in situation["mailboxes"]}
    by_mailbox, by_domain, by_family = used_limits(situation, result)
    assert all(count <= boxes[m].remaining for m, count in by_mailbox.items())
    assert all(count <= situation["domain_remaining"].get(d, count) for d, count in by_domain.items())
    assert all(count <= situation["recipient_remaining"].get(pair, count) for pair, count in by_family.items())
    if situation["account_remaining"] is not None:
        assert by_mailbox.total() <= situation["account_remaining"]
    assigned = [send_id for send_id, _ in result.assignments()]
    assert sorted([*assigned, *result.left]) == [s.send_id for s in situation["due"]]
    assert result.mails_by_mailbox() == by_mailbox


@given(situations())
def test_the_same_seed_gives_the_same_rotation(situation: dict) -> None:
    assert rotate(**situation) == rotate(**situation)


@given(situations())
def test_a_follow_up_only_ever_goes_out_from_its_own_mailbox(situation: dict) -> None:
    sticky = {s.send_id: s.sticky_mailbox_id for s in situation["due"] if s.sticky_mailbox_id is not None}
    for send_id, choice in rotate(**situation).assignments():
        if send_id in sticky:
            assert (choice.mailbox_id, choice.reason) == (sticky[send_id], AssignmentReason.STICKY)
        else:
            assert choice.reason is not AssignmentReason.STICKY


@given(situations())
def test_a_send_goes_out_from_a_mailbox_of_its_pool(situation: dict) -> None:
    pools = {m.mailbox_id: m.pool_id for m in situation["mailboxes"]}
    wanted = {s.send_id: s for s in situation["due"]}
    for send_id, choice in rotate(**situation).assignments():
        assert choice.reason is AssignmentReason.STICKY or pools[choice.mailbox_id] == wanted[send_id].pool_id


@given(situations())
def test_nothing_is_left_while_a_mailbox_of_its_pool_could_take_it(situation: dict) -> None:
    result = rotate(**situation)
    by_mailbox, by_domain, by_family = used_limits(situation, result)
    account = situation["account_remaining"]
    if account is not None and by_mailbox.total() >= account:
        return
    wanted = {s.send_id: s for s in situation["due"]}
    for send_id, reason in result.left.items():
        send = wanted[send_id]
        pair = [
            (m, (m.domain_id, send.recipient_family))
            for m in situation["mailboxes"]
            if send.pool_id == m.pool_id or send.sticky_mailbox_id is not None
        ]
        free = [
            m
            for m, key in pair
            if by_mailbox[m.mailbox_id] < m.remaining
            and by_domain[m.domain_id] < situation["domain_remaining"].get(m.domain_id, 10**6)
            and by_family[key] < situation["recipient_remaining"].get(key, 10**6)
        ]
        if send.sticky_mailbox_id is not None:
            free = [m for m in free if m.mailbox_id == send.sticky_mailbox_id]
        assert not free, reason


def one_by_one(sends: int, boxes: list[Candidate], seed: int) -> Counter[int]:
    """What the level has to equal: each mail in turn to the mailbox with the least burden."""
    rates = shrunk_bounce_rates(boxes)
    order = list(range(len(boxes)))
    random.Random(seed).shuffle(order)
    tie = {boxes[i].mailbox_id: place for place, i in enumerate(order)}
    health = {b.mailbox_id: HEALTH_WEIGHT * rates[b.mailbox_id] for b in boxes}
    limit = {b.mailbox_id: max(1, b.day_limit) for b in boxes}
    used = {b.mailbox_id: b.taken_today for b in boxes}
    left = {b.mailbox_id: b.remaining for b in boxes}
    heap = [(used[b] / limit[b] + health[b], tie[b], b) for b in used if left[b]]
    heapq.heapify(heap)
    taken: Counter[int] = Counter()
    for _ in range(sends):
        if not heap:
            break
        _, _, b = heapq.heappop(heap)
        taken[b] += 1
        used[b] += 1
        left[b] -= 1
        if left[b]:
            heapq.heappush(heap, (used[b] / limit[b] + health[b], tie[b], b))
    return taken


@given(
    boxes=st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 300), st.integers(1, 400), st.integers(0, 9)),
        min_size=1, max_size=12,
    ),
    sends=st.integers(0, 900),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_the_level_is_what_handing_mails_out_one_by_one_ends_in(boxes: list[tuple], sends: int, seed: int) -> None:
    """Up to the rounding of a float where two slots cost the same."""
    made = [
        mailbox(n, taken_today=taken, remaining=room, day_limit=limit, delivered=200, bounced=bounced)
        for n, (taken, room, limit, bounced) in enumerate(boxes)
    ]
    found, wanted = plain(due(sends), made, seed=seed).mails_by_mailbox(), one_by_one(sends, made, seed)
    assert found.total() == wanted.total()
    rates = shrunk_bounce_rates(made)
    costs = {m.mailbox_id: (m.taken_today, m.day_limit, HEALTH_WEIGHT * rates[m.mailbox_id]) for m in made}

    def burden(box: int, mails: int) -> float:
        taken, limit, health = costs[box]
        return (taken + mails) / limit + health

    dearest_taken = max((burden(b, n - 1) for b, n in found.items() if n), default=0.0)
    for m in made:
        n = found[m.mailbox_id]
        assert n == m.remaining or burden(m.mailbox_id, n) >= dearest_taken - 1e-9


@given(st.integers(1, 8), st.integers(0, 120), st.integers(0, 99))
def test_equal_mailboxes_are_loaded_evenly(boxes: int, sends: int, seed: int) -> None:
    used = Counter(dict.fromkeys(range(boxes), 0))
    used.update(plain(due(sends), [mailbox(n) for n in range(boxes)], seed=seed).mails_by_mailbox())
    assert max(used.values()) - min(used.values()) <= 1


@given(st.integers(2, 10), st.integers(0, 99))
def test_at_equal_load_the_healthiest_mailbox_goes_first(bounced: int, seed: int) -> None:
    boxes = [mailbox(1, delivered=200, bounced=bounced), mailbox(2, delivered=200, bounced=0)]
    assert plain(due(1), boxes, seed=seed).mails_by_mailbox() == {2: 1}


def test_a_mailbox_without_history_is_judged_like_its_pool() -> None:
    rates = shrunk_bounce_rates(
        [mailbox(1, delivered=1000, bounced=10), mailbox(2), mailbox(3, delivered=3, bounced=1)]
    )
    assert rates[1] < rates[2] < rates[3] < 0.03


def test_a_bouncing_mailbox_waits_until_the_clean_ones_are_full() -> None:
    boxes = [mailbox(1, delivered=400, bounced=28), mailbox(2, delivered=400)]
    assert plain(due(30), boxes).mails_by_mailbox() == {2: 30}
    assert plain(due(60), boxes).mails_by_mailbox() == {2: 40, 1: 20}


def test_a_retry_prefers_the_mailbox_it_had_but_does_not_insist() -> None:
    boxes = [mailbox(1, taken_today=30), mailbox(2)]
    found = dict(plain(due(1, preferred_mailbox_id=1), boxes).assignments())[1]
    assert (found.mailbox_id, found.reason) == (1, AssignmentReason.RETRY)
    assert plain(due(1, preferred_mailbox_id=9), boxes).mails_by_mailbox() == {2: 1}


def test_follow_ups_go_before_the_mails_that_any_mailbox_can_take() -> None:
    sends = [*due(40), DueSend(99, 1, sticky_mailbox_id=1)]
    found = plain(sends, [mailbox(1)])
    assert 99 not in found.left
    assert list(found.left.values()) == [LeftReason.NO_CAPACITY]


def test_an_early_send_is_not_left_for_a_later_one_beyond_its_block() -> None:
    found = plain(due(12_000), [mailbox(1, remaining=7_000, day_limit=10_000)])
    assert max(send_id for send_id, _ in found.assignments()) == 7_000


def test_a_full_recipient_domain_holds_its_own_mails_back_and_nobody_elses() -> None:
    sends = [DueSend(n, 1, recipient_family="gmail" if n % 2 else "") for n in range(1, 21)]
    boxes = [mailbox(1, domain_id=1), mailbox(2, domain_id=2)]
    found = plain(sends, boxes, recipient_remaining={(1, "gmail"): 0, (2, "gmail"): 3})
    assert Counter(found.left.values()) == {LeftReason.RECIPIENT_LIMIT: 7}
    to_gmail = [choice for _, choice in found.assignments() if choice.recipient_family == "gmail"]
    assert [choice.mailbox_id for choice in to_gmail] == [2, 2, 2]
    assert found.mails_by_mailbox().total() == 13


def test_a_choice_says_why_and_what_bound_the_others() -> None:
    boxes = [
        mailbox(1, taken_today=10),
        mailbox(2, taken_today=20),
        Candidate(3, 1, 1, 0, 40, 40, binding=Binding.MAILBOX_DAY),
        Candidate(4, 1, 1, 0, 3, 40, binding=Binding.SPREAD),
        Candidate(5, 1, 1, 0, 4, 40, binding=Binding.SPREAD),
        mailbox(6, domain_id=2),
        mailbox(7, domain_id=3),
    ]
    found = plain(
        due(1, recipient_family="gmail"), boxes, domain_remaining={3: 0}, recipient_remaining={(2, "gmail"): 0}
    )
    choice = dict(found.assignments())[1]
    assert (choice.mailbox_id, choice.reason, choice.fill) == (1, AssignmentReason.ROTATION, 0.25)
    assert choice.candidates == 2
    assert choice.others_bound == {"mailbox_day": 1, "spread": 2, "recipient_hour": 1, "domain_day": 1}

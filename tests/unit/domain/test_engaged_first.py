"""Rotation gives the most engaged leads to the mailboxes that warm up, and breaks no limit for it."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from leadmill.domain.rotation import Candidate, DueSend, rotate

SCORES = st.lists(st.floats(0, 1, allow_nan=False), min_size=1, max_size=60)
BOXES = st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=6)


def handed_out(scores: list[float], boxes: list[tuple[int, bool]], *, engaged: bool) -> dict[int, int]:
    due = [DueSend(n, 1, engagement=score if engaged else 0.0) for n, score in enumerate(scores)]
    mailboxes = [Candidate(n, n, 1, room, 0, 40, is_warming_up=young) for n, (room, young) in enumerate(boxes)]
    found = rotate(due, mailboxes, domain_remaining={}, account_remaining=None, recipient_remaining={}, seed=7)
    return {send_id: choice.mailbox_id for send_id, choice in found.assignments()}


@given(SCORES, BOXES)
def test_nobody_at_a_warm_mailbox_is_more_engaged_than_somebody_at_a_warming_one(scores, boxes) -> None:
    chosen = handed_out(scores, boxes, engaged=True)
    young = [scores[send] for send, box in chosen.items() if boxes[box][1]]
    warm = [scores[send] for send, box in chosen.items() if not boxes[box][1]]
    assert not (young and warm) or min(young) >= max(warm)


@given(SCORES, BOXES)
def test_each_mailbox_sends_as_many_as_without(scores, boxes) -> None:
    with_it, without = (Counter(handed_out(scores, boxes, engaged=e).values()) for e in (True, False))
    assert with_it == without
    assert all(mails <= boxes[box][0] for box, mails in with_it.items())

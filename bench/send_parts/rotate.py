"""Rotation: 200,000 due sends over 300 mailboxes, and one claim: `python bench/send.py rotate [sends] [rounds]`.

Peers, in the same rounds: a loop that hands each mail to the top of a heap, and (at a fortieth of the size, since it is
so slow) a loop over `min()`. Both know the mailbox's and the domain's limit only, not those of recipient domains.
"""

from __future__ import annotations

import heapq
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable

from leadmill.domain.rotation import DueSend, rotate
from leadmill.domain.rotation_limits import HEALTH_WEIGHT, Candidate, shrunk_bounce_rates

MAILBOXES, DOMAINS, FOLLOW_UPS = 300, 100, 0.2
FAMILIES = ("gmail",) * 4 + ("microsoft",) * 2 + ("yahoo",) + ("",) * 5
SMALL = 40


def world(sends: int, seed: int) -> tuple[list[DueSend], list[Candidate], dict[int, int]]:
    """Due sends (a fifth of them follow-ups) and mailboxes with room for 1.2 times as many."""
    chance = random.Random(seed)
    limit = max(1, int(1.2 * sends / MAILBOXES))
    boxes = [
        Candidate(n, n % DOMAINS, 1, limit, chance.randrange(limit // 4 + 1), 2 * limit, 400, chance.randrange(12))
        for n in range(MAILBOXES)
    ]
    due = [
        DueSend(
            n, 1, chance.randrange(MAILBOXES) if chance.random() < FOLLOW_UPS else None, None, chance.choice(FAMILIES)
        )
        for n in range(sends)
    ]
    return due, boxes, dict.fromkeys(range(DOMAINS), 4 * limit)


def ours(due: list[DueSend], boxes: list[Candidate], domains: dict[int, int], *, families: bool) -> Counter[int]:
    room = max(1, len(due) // DOMAINS // 2)
    limits = {(d, f): room for d in domains for f in ("gmail", "microsoft", "yahoo")} if families else {}
    found = rotate(due, boxes, domain_remaining=domains, account_remaining=None, recipient_remaining=limits, seed=1)
    return found.mails_by_mailbox()


def heap_loop(due: list[DueSend], boxes: list[Candidate], domains: dict[int, int]) -> Counter[int]:
    """Leadmill's own rotation before this one, without its explanations."""
    rates = shrunk_bounce_rates(boxes)
    left, by_id = {b.mailbox_id: b.remaining for b in boxes}, {b.mailbox_id: b for b in boxes}
    domain_left, taken = dict(domains), Counter()
    used = {b.mailbox_id: b.taken_today for b in boxes}

    def burden(box: int) -> float:
        return used[box] / by_id[box].day_limit + HEALTH_WEIGHT * rates[box]

    def can(box: int) -> bool:
        return left[box] > 0 and domain_left[by_id[box].domain_id] > 0

    heap = [(burden(box), box) for box in left]
    heapq.heapify(heap)
    for send in due:
        chosen = send.sticky_mailbox_id
        if chosen is not None:
            if not can(chosen):
                continue
        else:
            while heap:
                known, box = heap[0]
                if not can(box):
                    heapq.heappop(heap)
                elif known < (now := burden(box)):
                    heapq.heapreplace(heap, (now, box))
                else:
                    chosen = box
                    break
            if chosen is None:
                continue
        left[chosen] -= 1
        used[chosen] += 1
        domain_left[by_id[chosen].domain_id] -= 1
        taken[chosen] += 1
    return taken


def min_loop(due: list[DueSend], boxes: list[Candidate], domains: dict[int, int]) -> Counter[int]:
    """What one writes first: look at every mailbox for every mail."""
    rates = shrunk_bounce_rates(boxes)
    by_id = {b.mailbox_id: b for b in boxes}
    used, taken, domain_left = {b.mailbox_id: b.taken_today for b in boxes}, Counter(), dict(domains)
    for send in due:
        free = [
            b.mailbox_id
            for b in (boxes if send.sticky_mailbox_id is None else [by_id[send.sticky_mailbox_id]])
            if taken[b.mailbox_id] < b.remaining and domain_left[b.domain_id] > 0
        ]
        if free:
            chosen = min(free, key=lambda m: used[m] / by_id[m].day_limit + HEALTH_WEIGHT * rates[m])
            used[chosen] += 1
            taken[chosen] += 1
            domain_left[by_id[chosen].domain_id] -= 1
    return taken


def timed(work: Callable[[], Counter[int]]) -> tuple[float, int]:
    start = time.process_time()
    found = work()
    return time.process_time() - start, found.total()


def main() -> None:
    sends, rounds = (int(sys.argv[n]) if len(sys.argv) > n else standard for n, standard in ((1, 200_000), (2, 3)))
    names = ("rotate", "rotate, recipient limits", "rotate, a claim of 2,000", "heap loop", f"min() loop at 1/{SMALL}")
    times: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        large, small, claim = world(sends, number), world(sends // SMALL, number), world(2_000, number)
        works = (
            lambda w=large: ours(*w, families=False),
            lambda w=large: ours(*w, families=True),
            lambda w=claim: ours(*w, families=True),
            lambda w=large: heap_loop(*w),
            lambda w=small: min_loop(*w),
        )
        for name, work in zip(names, works, strict=True):
            seconds, assigned = timed(work)
            times[name].append(seconds)
            print(f"round {number + 1}: {name:28} {seconds:8.3f} s for {assigned:,} assigned")
    middle = {name: statistics.median(found) for name, found in times.items()}
    per_send = {name: middle[name] / {names[2]: 2_000, names[4]: sends // SMALL}.get(name, sends) for name in names}
    print(f"\n{sends:,} sends x {MAILBOXES} mailboxes, CPU, median of {rounds}:")
    for name in names:
        ratio = per_send[name] / per_send["rotate, recipient limits"]
        print(f"  {name:28} {middle[name]:8.3f} s {1e6 * per_send[name]:9.2f} us a send {ratio:8.1f} x ours")


if __name__ == "__main__":
    main()

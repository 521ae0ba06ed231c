"""Turns of campaigns: what a claim took moves them on, in the claim's own transaction (ADR 0030)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.rows import DictRow

from leadmill.adapters.ledger.assignments import LaneCapacity
from leadmill.domain.turns import OTHERS_SHARE
from leadmill.sql import query


def take_turns(
    connection: psycopg.Connection[DictRow], claimed: Mapping[str, Sequence[Any]], lane: LaneCapacity
) -> None:
    """Count claimed mails (the rows' values by field) for their campaigns; one that was claimed before counts not."""
    names = ("campaign_id", "pool_id", "step", "is_first_claim")
    counted = Counter(zip(*(claimed[name] for name in names), strict=True))
    mails: dict[int, tuple[int, Counter[bool]]] = {}
    for (campaign_id, pool_id, step, is_first_claim), count in counted.items():
        if is_first_claim:
            mails.setdefault(campaign_id, (pool_id, Counter()))[1][step > 1] += count
    if not mails:
        return
    a_day: Counter[int] = Counter()
    for mailbox in lane.mailboxes.values():
        a_day[mailbox.pool_id] += mailbox.daily_limit
    connection.execute(
        query("ledger/turns", "take_turns"),
        {
            "campaign_ids": list(mails),
            "first_mails": [of[False] for _, of in mails.values()],
            "follow_ups": [of[True] for _, of in mails.values()],
            "most_aheads": [a_day[pool_id] for pool_id, _ in mails.values()],
            "others_share": OTHERS_SHARE,
        },
        prepare=True,
    )

"""What the leads of claimed follow-ups got before: asked beside their fields, and not at all for first mails."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import lru_cache
from typing import NamedTuple

import psycopg
from psycopg.rows import DictRow

from leadmill.adapters.ledger.array_text import bigints
from leadmill.adapters.ledger.due_queue import Columns
from leadmill.adapters.ledger.tuple_rows import tuple_rows
from leadmill.domain.threads import EarlierMail, given_message_id
from leadmill.sql import query


class MailBefore(NamedTuple):
    """One row of `mails_before`, column by column; `config` is JSON."""

    send_id: int
    earlier_send_id: int
    variant_id: int
    domain: str
    provider: str
    config: str
    provider_id: str


Asked = psycopg.Cursor[MailBefore] | None


def ask_for_threads(connection: psycopg.Connection[DictRow], taken: Columns) -> Asked:
    """Send the question for the follow-ups among the rows; None where there are none."""
    if max(taken["step"]) == 1:
        return None
    follow_ups = [send_id for send_id, step in zip(taken["send_id"], taken["step"], strict=True) if step > 1]
    cursor = connection.cursor(row_factory=tuple_rows(MailBefore), binary=True)
    return cursor.execute(query("ledger/claims", "mails_before"), {"send_ids": bigints(follow_ups)}, prepare=True)


def threads_of(asked: Asked) -> dict[int, tuple[EarlierMail, ...]]:
    """The mails before by the follow-up's send id, first to last, once the pipeline has ended."""
    found = defaultdict[int, list[EarlierMail]](list)
    for row in asked.fetchall() if asked is not None else ():
        given = given_message_id(row.provider, _config(row.config), row.provider_id)
        found[row.send_id].append(EarlierMail(row.earlier_send_id, row.variant_id, row.domain, given))
    return {send_id: tuple(mails) for send_id, mails in found.items()}


@lru_cache(maxsize=256)
def _config(text: str) -> dict[str, object]:
    config: dict[str, object] = json.loads(text)
    return config

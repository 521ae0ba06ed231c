"""Who is put off by its server, in Postgres: `ports.weather.WeatherLedger`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import psycopg
from psycopg.rows import DictRow

from leadmill.adapters.ledger.database import Database
from leadmill.adapters.ledger.results import cancel_follow_ups
from leadmill.adapters.ledger.retrying import in_transaction
from leadmill.domain.weather import GIVEN_UP_CODE, PUT_OFF_WAITS, STALE_AFTER, PutOff, Standing
from leadmill.errors import NotFound
from leadmill.ports.weather import LaneStanding, Refused
from leadmill.sql import query

_SUBJECT = "ledger/weather"


class LedgerWeather:
    """Small transactions, none of which a mail waits for while its server works."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_off(self, refused: Refused, *, now: datetime) -> PutOff:
        name = "put_off_account" if refused.mailbox_id is None else "put_off_mailbox"
        values = {
            "mailbox_id": refused.mailbox_id,
            "lane": refused.lane,
            "now": now,
            "stale_before": now - STALE_AFTER,
            "first_count": 0 if refused.is_throttling else 1,
            "asked": refused.asked,
            "waits": list(PUT_OFF_WAITS),
            "reply": refused.reply,
        }
        with self._database.transaction() as connection:
            row = connection.execute(query(_SUBJECT, name), values).fetchone()
        if row is None:
            raise NotFound(f"The mailbox or lane {refused.lane!r} that was put off does not exist any more.")
        return PutOff(**row)

    def works_again(self, mailbox_ids: Sequence[int], lane: str | None, *, now: datetime) -> None:
        with self._database.transaction() as connection:  # account before mailbox: the order of a claim's locks
            if lane is not None:
                connection.execute(query(_SUBJECT, "account_works"), {"lane": lane, "now": now})
            if mailbox_ids:
                connection.execute(query(_SUBJECT, "mailboxes_work"), {"mailbox_ids": list(mailbox_ids)})

    def count_in_a_row(self, standings: Mapping[int, Standing]) -> None:
        ordered = sorted(standings)
        values = {
            "mailbox_ids": ordered,
            "counts": [standings[mailbox_id].in_a_row for mailbox_id in ordered],
            "send_ids": [standings[mailbox_id].last_send_id for mailbox_id in ordered],
        }
        with self._database.transaction() as connection:
            connection.execute(query(_SUBJECT, "count_in_a_row"), values)

    def forgive_attempts(self, send_ids: Sequence[int]) -> None:
        with self._database.transaction() as connection:
            connection.execute(query(_SUBJECT, "forgive_attempts"), {"send_ids": list(send_ids)})

    def lane_standing(self, lane: str) -> LaneStanding:
        with self._database.transaction() as connection:
            row = connection.execute(query(_SUBJECT, "put_off_in_lane"), {"lane": lane}).fetchone()
        return LaneStanding(**row) if row else LaneStanding(0, 0)

    def give_up(self, lane: str, *, before: datetime, soon: datetime, now: datetime) -> int:
        def work(connection: psycopg.Connection[DictRow]) -> int:
            values = {"lane": lane, "before": before, "soon": soon, "code": GIVEN_UP_CODE, "now": now}
            rows = connection.execute(query(_SUBJECT, "give_up_sends"), values).fetchall()
            cancel_follow_ups(connection, [row["send_id"] for row in rows], cause="refused", as_of=now)
            return len(rows)

        return in_transaction(self._database, work)

"""Warm-ups and probations in Postgres: `ports.warm_ups.WarmUpLedger`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from leadmill.adapters.ledger.audit import record_audit
from leadmill.adapters.ledger.database import Database
from leadmill.domain.access import Actor
from leadmill.domain.guardrails import Health
from leadmill.domain.warm_up import (
    EVIDENCE_DAYS,
    Change,
    WarmUp,
    WarmUpDay,
    curve_of,
    limit_of,
    probation_limit,
)
from leadmill.errors import NotFound
from leadmill.ports.warm_ups import LimitDay, ProbationMove, WarmUpDue, WarmUpMove, WarmUpStanding
from leadmill.sql import query

_SUBJECT = "ledger/warm_up"


def warm_up_of(row: Mapping[str, Any]) -> WarmUp | None:
    """The row's warm-up; None where the mailbox has none."""
    return None if row["stage"] is None else WarmUp(row["stage"], row["cut_limit"], row["last_cut_on"])


class LedgerWarmUps:
    """A new day is written only over the day that it was made from, so that two sweeps at once count as one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def warm_ups_due(self, *, as_of: datetime) -> list[WarmUpDue]:
        with self._database.transaction() as connection:
            rows = connection.execute(_sql("warm_ups_due"), {"as_of": as_of, "evidence_days": EVIDENCE_DAYS})
            return [_due(row) for row in rows]

    def probations_due(self, *, as_of: datetime) -> list[WarmUpDue]:
        with self._database.transaction() as connection:
            return [_due(row) for row in connection.execute(_sql("probations_due"), {"as_of": as_of})]

    def save_warm_ups(self, moves: Sequence[WarmUpMove]) -> int:
        if not moves:
            return 0
        with self._database.transaction() as connection:
            written = _ids(
                connection.execute(
                    _sql("move_warm_ups"),
                    {
                        **_keys([move.found for move in moves]),
                        "stages": [move.new.warm_up.stage for move in moves],
                        "cut_limits": [move.new.warm_up.cut_limit for move in moves],
                        "cut_ons": [move.new.warm_up.last_cut_on for move in moves],
                        "changes": [move.new.change.value for move in moves],
                        "reasons": [move.new.reason for move in moves],
                    },
                )
            )
            # A mailbox that was warm already and stays so has no history worth a row a day.
            told = [move for move in moves if move.found.mailbox_id in written and not _was_warm(move)]
            _tell(connection, "warm_up", [(move.found, _told(move.new)) for move in told])
        return len(written)

    def save_probations(self, moves: Sequence[ProbationMove]) -> int:
        if not moves:
            return 0
        with self._database.transaction() as connection:
            written = _ids(
                connection.execute(
                    _sql("move_probations"),
                    {
                        **_keys([move.found for move in moves]),
                        "clean_days": [move.new.clean_days for move in moves],
                        "over": [move.new.is_over for move in moves],
                        "anew": [move.new.begins_anew for move in moves],
                    },
                )
            )
            told = [(move.found, _told_probation(move)) for move in moves if move.found.mailbox_id in written]
            _tell(connection, "probation", told)
        return len(written)

    def standings(self) -> list[WarmUpStanding]:
        with self._database.transaction() as connection:
            return [_standing(row) for row in connection.execute(_sql("warm_up_standings"))]

    def history(self, *, since: date, mailbox_id: int | None = None) -> list[LimitDay]:
        with self._database.transaction() as connection:
            rows = connection.execute(_sql("limit_history"), {"since": since, "mailbox_id": mailbox_id})
            return [LimitDay(**row) for row in rows]

    def set_curve(self, actor: Actor, kind: str, name: str, curve: str, *, as_of: datetime) -> None:
        with self._database.transaction() as connection:
            row = connection.execute(_sql(f"set_{kind}_curve"), {"name": name, "curve": curve}).fetchone()
            if row is None:
                raise NotFound(f"There is no {kind} {name!r}.")
            details = {"curve": curve}
            record_audit(connection, actor, f"{kind}.set_warm_up", (kind, row["id"]), at=as_of, details=details)


def start_warm_up(connection: psycopg.Connection[DictRow], mailbox_id: int, as_of: datetime) -> None:
    """Within the transaction that sets a mailbox up: let its warm-up begin, once."""
    connection.execute(_sql("start_warm_up"), {"mailbox_id": mailbox_id, "as_of": as_of})


def start_probations(
    connection: psycopg.Connection[DictRow],
    *,
    cause: str,
    as_of: datetime,
    mailbox_ids: Sequence[int] = (),
    domain_ids: Sequence[int] = (),
) -> None:
    """Within the transaction that lets them send again: begin at a low limit."""
    values = {"mailbox_ids": list(mailbox_ids), "domain_ids": list(domain_ids), "cause": cause, "as_of": as_of}
    connection.execute(_sql("start_probations"), values)


def _due(row: DictRow) -> WarmUpDue:
    return WarmUpDue(
        mailbox_id=row["mailbox_id"],
        full_limit=row["full_limit"],
        curve=row["curve"],
        evaluated_on=row["evaluated_on"],
        day=row["day"],
        accepted=row["accepted"],
        health=Health(row["sent"], row["hard_bounced"], row["blocked"], row["complained"]),
        warm_up=warm_up_of(row),
        clean_days=row.get("clean_days"),
    )


def _standing(row: DictRow) -> WarmUpStanding:
    warm_up, full = warm_up_of(row), row["full_limit"]
    limit = full if warm_up is None else limit_of(warm_up, curve_of(row["curve"]), full_limit=full)
    same = "mailbox_id address pool full_limit curve started_on last_advanced_on reason"
    return WarmUpStanding(
        **{name: row[name] for name in same.split()},
        warm_up=warm_up,
        limit=limit if row["probation_days"] is None else probation_limit(limit),
        probation_days=row["probation_days"],
        probation_since=row["probation_since"],
        probation_cause=row["probation_cause"],
    )


def _keys(found: Sequence[WarmUpDue]) -> dict[str, list[Any]]:
    return {
        "mailbox_ids": [each.mailbox_id for each in found],
        "evaluated_ons": [each.evaluated_on for each in found],
        "days": [each.day for each in found],
    }


def _ids(rows: psycopg.Cursor[DictRow]) -> set[int]:
    return {row["mailbox_id"] for row in rows}


def _was_warm(move: WarmUpMove) -> bool:
    found = move.found
    if found.warm_up is None or move.new.change is not Change.HELD:
        return False
    return limit_of(found.warm_up, curve_of(found.curve), full_limit=found.full_limit) >= found.full_limit


def _told(new: WarmUpDay) -> tuple[str, int, int, str]:
    return new.change.value, new.warm_up.stage, new.limit, new.reason


def _told_probation(move: ProbationMove) -> tuple[str, int, int, str]:
    change = "finished" if move.new.is_over else "cut" if move.new.begins_anew else "held"
    if move.new.clean_days > (move.found.clean_days or 0) and not move.new.is_over:
        change = "advanced"
    return change, move.new.clean_days, move.limit, move.new.reason


def _tell(
    connection: psycopg.Connection[DictRow], kind: str, days: Sequence[tuple[WarmUpDue, tuple[str, int, int, str]]]
) -> None:
    if not days:
        return
    connection.execute(
        _sql("record_limit_days"),
        {
            "mailbox_ids": [found.mailbox_id for found, _ in days],
            "kinds": [kind] * len(days),
            "days": [found.day for found, _ in days],
            "changes": [told[0] for _, told in days],
            "stages": [told[1] for _, told in days],
            "limits": [told[2] for _, told in days],
            "reasons": [told[3] for _, told in days],
            "evidences": [Jsonb({"accepted": found.accepted} | asdict(found.health)) for found, _ in days],
        },
    )


def _sql(name: str) -> str:
    return query(_SUBJECT, name)

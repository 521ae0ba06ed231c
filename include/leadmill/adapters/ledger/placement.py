"""Seed inboxes and placement tests in Postgres: `ports.placement.PlacementLedger`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

import psycopg
from psycopg.rows import DictRow

from leadmill.adapters.ledger.assignments import Assigned, LaneCapacity, take_quota
from leadmill.adapters.ledger.audit import record_audit
from leadmill.adapters.ledger.capacities import channel_of, sender_of
from leadmill.adapters.ledger.claims import ClaimRequest, Lane, lock_lane
from leadmill.adapters.ledger.database import Database
from leadmill.adapters.ledger.retrying import in_transaction
from leadmill.domain.access import Actor
from leadmill.domain.mailboxes import Mailbox, account_remaining
from leadmill.domain.rotation_limits import domain_remaining
from leadmill.ports.placement import Found, OpenTest, PlacementCounts, PlacementMail, PlannedTest, SeedInbox, SeedState
from leadmill.sql import query

_SUBJECT = "ledger/placement"


class LedgerPlacements:
    """A test mail is written with its quota before it goes out, like a campaign's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_seed(self, actor: Actor, seed: SeedInbox, *, as_of: datetime) -> int:
        details = {name: value for name, value in asdict(seed).items() if name != "secret_ref"}
        with self._database.transaction() as connection:
            row = connection.execute(_sql("upsert_seed"), asdict(seed) | {"as_of": as_of}).fetchone()
            assert row is not None  # noqa: S101 - an upsert always returns its row
            verb = "add" if row["is_new"] else "update"
            record_audit(connection, actor, f"seed.{verb}", ("seed", row["id"]), at=as_of, details=details)
        return int(row["id"])

    def seeds(self) -> list[SeedState]:
        names = SeedInbox.__dataclass_fields__
        with self._database.transaction() as connection:
            return [
                SeedState(
                    row["seed_id"], SeedInbox(**{name: row[name] for name in names}), row["read_at"], row["read_error"]
                )
                for row in connection.execute(_sql("seeds"))
            ]

    def lanes(self) -> list[str]:
        with self._database.transaction() as connection:
            return [row["name"] for row in connection.execute(_sql("sending_lanes"))]

    def plan_tests(self, lane: str, *, family: str, now: datetime) -> list[PlannedTest]:
        return in_transaction(self._database, lambda connection: _plan(connection, lane, family, now))

    def record_tests(self, results: Mapping[int, tuple[str, str]]) -> None:
        values = {
            "test_ids": list(results),
            "states": [state for state, _ in results.values()],
            "codes": [code for _, code in results.values()],
        }
        with self._database.transaction() as connection:
            connection.execute(_sql("record_tests"), values)

    def open_tests(self, *, since: datetime) -> list[OpenTest]:
        with self._database.transaction() as connection:
            return [
                OpenTest(row["test_id"], row["seed_id"], row["token"], row["state"] == "sent", row["claimed_at"])
                for row in connection.execute(_sql("open_tests"), {"since": since})
            ]

    def place_tests(self, found: Mapping[int, Found], *, as_of: datetime) -> None:
        if not found:
            return
        values = {
            "test_ids": list(found),
            "placements": [each.placement.value for each in found.values()],
            "folders": [each.folder for each in found.values()],
            "as_of": as_of,
        }
        with self._database.transaction() as connection:
            connection.execute(_sql("place_tests"), values)

    def seed_read(self, seed_id: int, error: str, *, as_of: datetime) -> None:
        with self._database.transaction() as connection:
            connection.execute(_sql("seed_read"), {"seed_id": seed_id, "error": error, "as_of": as_of})

    def placements(self, *, since: datetime) -> list[PlacementCounts]:
        with self._database.transaction() as connection:
            return [PlacementCounts(**row) for row in connection.execute(_sql("placements"), {"since": since})]

    def recent_tests(self, *, since: datetime, limit: int = 500) -> list[PlacementMail]:
        with self._database.transaction() as connection:
            rows = connection.execute(_sql("recent_tests"), {"since": since, "row_limit": limit})
            return [PlacementMail(**row) for row in rows]


def _plan(connection: psycopg.Connection[DictRow], name: str, family: str, now: datetime) -> list[PlannedTest]:
    lane = lock_lane(connection, ClaimRequest(name, "", now, 0))
    usable = _with_room(lane.capacity)
    rows = connection.execute(
        _sql("plan_tests"),
        {
            "mailbox_ids": [m.mailbox_id for m in usable],
            "days": [m.day for m in usable],
            "family": family,
            "now": lane.time,
        },
    ).fetchall()
    recipients: Counter[tuple[int, str]] = Counter()
    kept = [row for row in rows if _fits(row, lane.capacity, recipients)]
    if len(kept) < len(rows):
        dropped = [row["test_id"] for row in rows if row not in kept]
        connection.execute(_sql("drop_tests"), {"test_ids": dropped})
    if kept:
        take_quota(connection, _taken(kept, recipients), lane.capacity)
    return [_planned(row, lane) for row in kept]


def _with_room(lane: LaneCapacity) -> list[Mailbox]:
    """The mailboxes that may send one mail each, all at once, by the limits that they share."""
    usable = lane.usable
    domains = domain_remaining(usable)
    account = account_remaining(usable[0]) if usable else None
    left = len(usable) if account is None else max(0, account[0])
    found: list[Mailbox] = []
    for mailbox in usable:
        if len(found) < left and domains.get(mailbox.domain_id, 1) > 0:
            found.append(mailbox)
            if mailbox.domain_id in domains:
                domains[mailbox.domain_id] -= 1
    return found


def _fits(row: DictRow, lane: LaneCapacity, recipients: Counter[tuple[int, str]]) -> bool:
    """Whether the hour's limit of the seed inbox's own domain has room; counts the mail if it has."""
    family = lane.recipients.family(row["seed_address"])
    if not family:
        return True
    key = (lane.mailboxes[row["mailbox_id"]].domain_id, family)
    if recipients[key] >= lane.recipients.remaining.get(key, 1 << 30):
        return False
    recipients[key] += 1
    return True


def _taken(rows: list[DictRow], recipients: Counter[tuple[int, str]]) -> Assigned:
    """What the test mails take of every limit, as a claim's sends do."""
    return Assigned(
        send_ids=(),
        mailbox_ids=(),
        reasons=(),
        situation="{}",
        mails=Counter(row["mailbox_id"] for row in rows),
        recipients=recipients,
        left={},
        closes_at=None,
    )


def _planned(row: DictRow, lane: Lane) -> PlannedTest:
    mailbox = lane.rows[row["mailbox_id"]]
    return PlannedTest(
        test_id=row["test_id"],
        mailbox_id=row["mailbox_id"],
        token=row["token"],
        recipient=row["seed_address"],
        sender=sender_of(mailbox),
        channel=channel_of(mailbox, lane.account),
    )


def _sql(name: str) -> str:
    return query(_SUBJECT, name)

"""Accounts, domains and mailboxes in Postgres: `ports.mailboxes.SenderRegistry`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from leadmill.adapters.ledger.audit import record_audit
from leadmill.adapters.ledger.capacities import capacity_rows, mailbox_of
from leadmill.adapters.ledger.database import Database
from leadmill.adapters.ledger.holds import record_hold
from leadmill.adapters.ledger.warm_ups import start_probations, start_warm_up
from leadmill.domain.access import SYSTEM, Actor
from leadmill.domain.dkim import DkimKeyRef
from leadmill.domain.guardrails import EVIDENCE_DAYS, WINDOW_DAYS, DayOfMail, Health
from leadmill.domain.mailboxes import SenderStatus, capacity, day_limit
from leadmill.errors import NotFound
from leadmill.ports.holds import Cause
from leadmill.ports.mailboxes import (
    AccountSetup,
    EndedCoolDown,
    MailboxHealth,
    MailboxSetup,
    MailboxState,
    StatusChange,
)
from leadmill.sql import query

_SUBJECT = "ledger/mailboxes"
_DAYS_THAT_GROW = timedelta(days=3)
"""Mailbox days that may be today in some zone, and what a clock that was set back writes to."""


class LedgerMailboxes:
    """Every change and its audit line are one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_account(self, actor: Actor, account: AccountSetup, *, as_of: datetime) -> int:
        values = asdict(account) | {"config": Jsonb(dict(account.config))}
        details = {"provider": account.provider, "config": dict(account.config)}
        return self._save(actor, "account", account.name, values, details, as_of)

    def save_domain(
        self,
        actor: Actor,
        name: str,
        *,
        sending_ips: Sequence[str],
        daily_limit: int | None,
        dkim_keys: Sequence[DkimKeyRef] | None,
        as_of: datetime,
    ) -> int:
        details = {"name": name, "sending_ips": list(sending_ips), "daily_limit": daily_limit}
        values = details | {"dkim_keys": None if dkim_keys is None else Jsonb([asdict(key) for key in dkim_keys])}
        if dkim_keys is not None:
            details["dkim_selectors"] = [key.selector for key in dkim_keys]
        return self._save(actor, "domain", name, values, details, as_of)

    def save_mailbox(self, actor: Actor, mailbox: MailboxSetup, *, as_of: datetime) -> int:
        values = asdict(mailbox)
        ids = {
            "account_id": self._named("account_named", "provider account", mailbox.account)["account_id"],
            "pool_id": self._named("pool_named", "pool", mailbox.pool)["pool_id"],
            "domain_id": self._named("domain_named", "sending domain", mailbox.domain)["domain_id"],
        }
        details = {
            "domain": mailbox.domain,
            "account": mailbox.account,
            "pool": mailbox.pool,
            "daily_limit": mailbox.daily_limit,
        }
        return self._save(actor, "mailbox", mailbox.address, values | ids, details, as_of)

    def _save(
        self,
        actor: Actor,
        kind: str,
        name: str,
        values: Mapping[str, Any],
        details: Mapping[str, object],
        as_of: datetime,
    ) -> int:
        with self._database.transaction() as connection:
            before = None
            if kind == "mailbox":
                before = connection.execute(query(_SUBJECT, "lock_zone"), {"address": name}).fetchone()
            row = connection.execute(query(_SUBJECT, f"upsert_{kind}"), {**values, "as_of": as_of}).fetchone()
            assert row is not None  # noqa: S101 - an upsert always returns its row
            if kind == "mailbox":
                start_warm_up(connection, int(row["id"]), as_of)
                if before and before["time_zone"] != values["time_zone"]:
                    moved = {"mailbox_id": row["id"], "since": as_of - _DAYS_THAT_GROW}
                    connection.execute(query(_SUBJECT, "carry_usage_over"), moved)
            verb = "add" if row["is_new"] else "update"
            record_audit(connection, actor, f"{kind}.{verb}", (kind, name), at=as_of, details=details)
            return int(row["id"])

    def _named(self, statement: str, kind: str, name: str) -> DictRow:
        with self._database.transaction() as connection:
            row = connection.execute(query(_SUBJECT, statement), {"name": name}).fetchone()
        if row is None:
            raise NotFound(f"There is no {kind} {name!r}; add it first.")
        return row

    def provider_of(self, account: str) -> str:
        return str(self._named("account_named", "provider account", account)["provider"])

    def preset_of(self, account: str) -> str:
        return str(self._named("account_named", "provider account", account)["preset"])

    def pool(self, name: str) -> tuple[list[str], str]:
        row = self._named("pool_named", "pool", name)
        return row["accepts_legal_bases"], row["override_reason"]

    def mailboxes(self, *, as_of: datetime) -> list[MailboxState]:
        with self._database.transaction() as connection:
            return [_state_of(row, as_of) for row in capacity_rows(connection, now=as_of)]

    def change_mailbox(self, actor: Actor, mailbox_id: int, change: StatusChange, *, as_of: datetime) -> bool:
        key = {"mailbox_id": mailbox_id}
        with self._database.transaction() as connection:
            if connection.execute(query(_SUBJECT, "find_mailbox"), key).fetchone() is None:
                raise NotFound(f"There is no mailbox {mailbox_id}.")
            return _change(connection, actor, "mailbox", key, change, as_of)

    def change_domain(self, actor: Actor, name: str, change: StatusChange, *, as_of: datetime) -> bool:
        self._named("domain_named", "sending domain", name)
        with self._database.transaction() as connection:
            return _change(connection, actor, "domain", {"name": name}, change, as_of)

    def change_account(self, actor: Actor, name: str, change: StatusChange, *, as_of: datetime) -> bool:
        self._named("account_named", "provider account", name)
        with self._database.transaction() as connection:
            return _change(connection, actor, "account", {"name": name}, change, as_of)

    def end_cool_downs(self, *, as_of: datetime) -> list[EndedCoolDown]:
        ended: list[EndedCoolDown] = []
        with self._database.transaction() as connection:
            for kind in ("domain", "mailbox"):
                rows = connection.execute(query(_SUBJECT, f"end_{kind}_cool_downs"), {"as_of": as_of}).fetchall()
                for row in rows:
                    subject = (kind, row["id"])
                    record_audit(connection, SYSTEM, f"{kind}.end_cool_down", subject, at=as_of)
                    over = StatusChange(SenderStatus.ACTIVE, "its time is over")
                    record_hold(connection, SYSTEM, subject, over, as_of=as_of)
                    _return_low(connection, subject, "cool-down", as_of)
                    ended.append(EndedCoolDown(row["id"] if kind == "mailbox" else None, row.get("name", "")))
        return ended

    def mailbox_address(self, mailbox_id: int) -> str:
        with self._database.transaction() as connection:
            row = connection.execute(query(_SUBJECT, "mailbox_address"), {"mailbox_id": mailbox_id}).fetchone()
        if row is None:
            raise NotFound(f"There is no mailbox {mailbox_id}.")
        return str(row["address"])

    def health(self, *, as_of: datetime) -> list[MailboxHealth]:
        since = (as_of - timedelta(days=WINDOW_DAYS)).date()
        long_since = (as_of - timedelta(days=EVIDENCE_DAYS)).date()
        with self._database.transaction() as connection:
            days = {
                row["mailbox_id"]: tuple(map(DayOfMail, row["sent"], row["bounced"]))
                for row in connection.execute(query(_SUBJECT, "mailbox_days"), {"since": long_since})
            }
            rows = connection.execute(query(_SUBJECT, "mailbox_health"), {"since": since})
            return [
                MailboxHealth(
                    mailbox_id=row["mailbox_id"],
                    domain=row["domain"],
                    status=SenderStatus(row["status"]),
                    domain_status=SenderStatus(row["domain_status"]),
                    health=Health(row["sent"], row["hard_bounced"], row["blocked"], row["complained"]),
                    days=days.get(row["mailbox_id"], ()),
                    pool_id=row["pool_id"],
                    daily_limit=row["daily_limit"],
                    is_stopped_by_evidence=row["is_stopped_by_evidence"],
                    is_stopped_lately=row["is_stopped_lately"],
                )
                for row in rows
            ]


def _change(
    connection: psycopg.Connection[DictRow],
    actor: Actor,
    kind: str,
    key: Mapping[str, object],
    change: StatusChange,
    as_of: datetime,
) -> bool:
    values = {
        "status": change.status.value,
        "reason": "" if change.status is SenderStatus.ACTIVE else change.reason,
        "until": change.until,
        "evidence": Jsonb(dict(change.evidence)),
        "as_of": as_of,
    }
    row = connection.execute(query(_SUBJECT, f"set_{kind}_status"), {**values, **key}).fetchone()
    if row is None:
        return False
    _keep_hold(connection, actor, (kind, row["id"]), row, change, as_of)
    verbs = {SenderStatus.ACTIVE: "release", SenderStatus.PAUSED: "pause", SenderStatus.COOLING_DOWN: "cool_down"}
    details = dict(change.evidence) | ({"until": change.until.isoformat()} if change.until else {})
    subject = (kind, key.get("name", row["id"]))
    record_audit(
        connection,
        actor,
        f"{kind}.{verbs[change.status]}",
        subject,
        at=as_of,
        reason=change.reason,
        details=details,
    )
    return True


def _keep_hold(
    connection: psycopg.Connection[DictRow],
    actor: Actor,
    subject: tuple[str, int],
    row: Mapping[str, Any],
    change: StatusChange,
    as_of: datetime,
) -> None:
    """Keep what the change did to the subject's hold; a domain's cool-down goes on beneath a pause and after it."""
    stands = SenderStatus(row.get("status", change.status))
    if change.status is SenderStatus.COOLING_DOWN and stands is SenderStatus.PAUSED:
        values = {"kind": subject[0], "subject_id": subject[1], "reason": change.reason}
        connection.execute(query("ledger/holds", "note_cool_down"), values)
        return
    ended = record_hold(connection, actor, subject, change, as_of=as_of)
    if change.status is not SenderStatus.ACTIVE or not ended:
        return
    if stands is SenderStatus.COOLING_DOWN:
        goes_on = StatusChange(stands, ended["cool_down_reason"], until=row["until"], cause=Cause.EVIDENCE.value)
        record_hold(connection, SYSTEM, subject, goes_on, as_of=as_of)
    elif _was_for_evidence(ended) or row.get("has_cooled"):
        _return_low(connection, subject, ended["reason"], as_of)


def _was_for_evidence(ended: Mapping[str, str]) -> bool:
    return ended["status"] == SenderStatus.COOLING_DOWN or ended["cause"] == Cause.EVIDENCE


def _return_low(connection: psycopg.Connection[DictRow], subject: tuple[str, int], cause: str, as_of: datetime) -> None:
    """Whatever comes back from a cool-down or a guardrail's pause is on probation first."""
    kind, number = subject
    if kind == "mailbox":
        start_probations(connection, mailbox_ids=[number], cause=cause, as_of=as_of)
    elif kind == "domain":
        start_probations(connection, domain_ids=[number], cause=cause, as_of=as_of)


def _state_of(row: Mapping[str, Any], as_of: datetime) -> MailboxState:
    mailbox = mailbox_of(row)
    same = "address display_name domain account provider pool status_reason domain_status_reason status_since"
    return MailboxState(
        mailbox=mailbox,
        **{name: row[name] for name in same.split()},
        day_limit=day_limit(mailbox),
        accepted_today=row["accepted_today"],
        capacity=capacity(mailbox, as_of),
    )

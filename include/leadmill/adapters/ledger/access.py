"""Users in the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import DictRow

from leadmill.adapters.ledger.audit import record_audit
from leadmill.adapters.ledger.database import Database
from leadmill.domain.access import SYSTEM, Actor, Role
from leadmill.errors import Conflict, NotFound
from leadmill.ports.access import Credentials, NewUser, User
from leadmill.sql import query

_FIRST_USER_LOCK = 7316503


class LedgerUsers:
    """`ports.access.Users` in Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_first(self, user: NewUser, *, as_of: datetime) -> bool:
        with self._database.transaction() as connection:
            connection.execute("select pg_advisory_xact_lock(%s)", [_FIRST_USER_LOCK])
            row = connection.execute(query("ledger/access", "add_first_user"), _columns(user, as_of)).fetchone()
            if row:
                record_audit(connection, SYSTEM, "user.add", ("user", row["user_id"]), at=as_of, reason="first start")
            return row is not None

    def add(self, user: NewUser, *, as_of: datetime) -> int:
        with self._database.transaction() as connection:
            return add_user(connection, Actor(user.email, user.role), user, as_of=as_of, reason="registered")

    def credentials(self, email: str) -> Credentials | None:
        with self._database.transaction() as connection:
            row = connection.execute(query("ledger/access", "credentials_by_email"), {"email": email}).fetchone()
            return Credentials(**row) if row else None

    def credentials_of(self, user_id: int) -> Credentials:
        with self._database.transaction() as connection:
            row = connection.execute(query("ledger/access", "credentials_by_id"), {"user_id": user_id}).fetchone()
            return Credentials(**_found(row, user_id))

    def record_failed_login(self, user_id: int, *, max_failures: int, locked_until: datetime) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                query("ledger/access", "record_failed_login"),
                {"user_id": user_id, "max_failures": max_failures, "locked_until": locked_until},
            )

    def users(self) -> Sequence[User]:
        with self._database.transaction() as connection:
            rows = connection.execute(query("ledger/access", "list_users")).fetchall()
            return [User(**{**row, "role": Role(row["role"])}) for row in rows]

    def change_role(self, actor: Actor, user_id: int, role: Role, *, as_of: datetime) -> None:
        with self._database.transaction() as connection:
            if role is not Role.ADMIN:
                _keep_an_administrator(connection, user_id)
            row = connection.execute(
                query("ledger/access", "change_role"), {"user_id": user_id, "role": role.value}
            ).fetchone()
            _found(row, user_id)
            record_audit(connection, actor, "user.role", ("user", user_id), at=as_of, details={"role": role.value})

    def set_active(self, actor: Actor, user_id: int, *, is_active: bool, as_of: datetime) -> None:
        with self._database.transaction() as connection:
            if not is_active:
                _keep_an_administrator(connection, user_id)
                connection.execute(query("ledger/access", "revoke_sessions_of"), {"user_id": user_id, "as_of": as_of})
            row = connection.execute(
                query("ledger/access", "set_active"), {"user_id": user_id, "is_active": is_active}
            ).fetchone()
            _found(row, user_id)
            action = "user.reactivate" if is_active else "user.deactivate"
            record_audit(connection, actor, action, ("user", user_id), at=as_of)

    def change_password(self, actor: Actor, user_id: int, password_hash: str, *, as_of: datetime) -> None:
        with self._database.transaction() as connection:
            row = connection.execute(
                query("ledger/access", "change_password"), {"user_id": user_id, "password_hash": password_hash}
            ).fetchone()
            _found(row, user_id)
            connection.execute(query("ledger/access", "revoke_sessions_of"), {"user_id": user_id, "as_of": as_of})
            record_audit(connection, actor, "user.password", ("user", user_id), at=as_of)


def add_user(
    connection: psycopg.Connection[DictRow], actor: Actor, user: NewUser, *, as_of: datetime, reason: str
) -> int:
    """Add a user in a transaction of the caller's; its id.

    Raises:
        Conflict: The address has a user.
    """
    row = connection.execute(query("ledger/access", "add_user"), _columns(user, as_of)).fetchone()
    if row is None:
        raise Conflict("That e-mail address already has a user; log in, or ask an administrator for a new password.")
    details = {"role": user.role.value}
    record_audit(connection, actor, "user.add", ("user", row["user_id"]), at=as_of, reason=reason, details=details)
    return int(row["user_id"])


def _columns(user: NewUser, as_of: datetime) -> Mapping[str, Any]:
    return {**asdict(user), "role": user.role.value, "as_of": as_of}


def _found(row: DictRow | None, user_id: int) -> DictRow:
    if row is None:
        raise NotFound(f"There is no user {user_id}.")
    return row


def _keep_an_administrator(connection: psycopg.Connection[DictRow], user_id: int) -> None:
    admins = {row["user_id"] for row in connection.execute(query("ledger/access", "lock_administrators"))}
    if admins == {user_id}:
        raise Conflict("This is the last active administrator; make somebody else one first.")

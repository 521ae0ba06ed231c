"""Invitations and sessions in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import DictRow

from leadmill.adapters.ledger.access import add_user
from leadmill.adapters.ledger.audit import record_audit
from leadmill.adapters.ledger.database import Database
from leadmill.domain.access import Actor, Role
from leadmill.errors import Conflict, NotFound
from leadmill.ports.access import Invitation, NewUser, SessionHolder
from leadmill.sql import query


class LedgerInvitations:
    """`ports.access.Invitations` in Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def invite(
        self, actor: Actor, email: str, role: Role, token_hash: bytes, *, as_of: datetime, expires_at: datetime
    ) -> int:
        with self._database.transaction() as connection:
            connection.execute(query("ledger/access", "withdraw_open_invitations"), {"email": email, "as_of": as_of})
            row = connection.execute(
                query("ledger/access", "add_invitation"),
                {
                    "email": email,
                    "role": role.value,
                    "token_hash": token_hash,
                    "invited_by": actor.email,
                    "as_of": as_of,
                    "expires_at": expires_at,
                },
            ).fetchone()
            if row is None:
                raise Conflict("That e-mail address already has a user.")
            subject = ("invitation", row["invitation_id"])
            record_audit(connection, actor, "user.invite", subject, at=as_of, details={"role": role.value})
            return int(row["invitation_id"])

    def open_invitations(self, *, as_of: datetime) -> Sequence[Invitation]:
        with self._database.transaction() as connection:
            rows = connection.execute(query("ledger/access", "open_invitations"), {"as_of": as_of}).fetchall()
            return [_invitation(row) for row in rows]

    def find(self, token_hash: bytes, *, as_of: datetime) -> Invitation | None:
        with self._database.transaction() as connection:
            row = connection.execute(
                query("ledger/access", "find_invitation"), {"token_hash": token_hash, "as_of": as_of}
            ).fetchone()
            return _invitation(row) if row else None

    def accept(self, token_hash: bytes, full_name: str, password_hash: str, *, as_of: datetime) -> int:
        with self._database.transaction() as connection:
            row = connection.execute(
                query("ledger/access", "accept_invitation"), {"token_hash": token_hash, "as_of": as_of}
            ).fetchone()
            if row is None:
                raise NotFound("This invitation was used, withdrawn or has expired; ask for a new one.")
            user = NewUser(row["email"], full_name, Role(row["role"]), password_hash)
            reason = f"invited by {row['invited_by']}"
            return add_user(connection, Actor(user.email, user.role), user, as_of=as_of, reason=reason)

    def withdraw(self, actor: Actor, invitation_id: int, *, as_of: datetime) -> None:
        with self._database.transaction() as connection:
            row = connection.execute(
                query("ledger/access", "withdraw_invitation"), {"invitation_id": invitation_id, "as_of": as_of}
            ).fetchone()
            if row is None:
                raise NotFound(f"There is no open invitation {invitation_id}.")
            record_audit(connection, actor, "user.withdraw_invitation", ("invitation", invitation_id), at=as_of)


class LedgerSessions:
    """`ports.access.Sessions` in Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, session_id: UUID, user_id: int, *, as_of: datetime, expires_at: datetime) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                query("ledger/access", "open_session"),
                {"session_id": session_id, "user_id": user_id, "as_of": as_of, "expires_at": expires_at},
            )
            connection.execute(query("ledger/access", "forget_failed_logins"), {"user_id": user_id})

    def holder(self, session_id: UUID, *, as_of: datetime) -> SessionHolder | None:
        with self._database.transaction() as connection:
            row = connection.execute(
                query("ledger/access", "session_holder"), {"session_id": session_id, "as_of": as_of}
            ).fetchone()
        if row is None:
            return None
        actor = Actor(row["email"], Role(row["role"]))
        return SessionHolder(row["user_id"], row["session_id"], row["full_name"], actor)

    def revoke(self, session_id: UUID, *, as_of: datetime) -> None:
        with self._database.transaction() as connection:
            connection.execute(query("ledger/access", "revoke_session"), {"session_id": session_id, "as_of": as_of})

    def revoke_all(self, actor: Actor, user_id: int, *, as_of: datetime) -> int:
        with self._database.transaction() as connection:
            ended = connection.execute(
                query("ledger/access", "revoke_sessions_of"), {"user_id": user_id, "as_of": as_of}
            ).fetchall()
            details = {"sessions": len(ended)}
            record_audit(connection, actor, "user.sign_out_everywhere", ("user", user_id), at=as_of, details=details)
            return len(ended)


def _invitation(row: DictRow) -> Invitation:
    return Invitation(**{**row, "role": Role(row["role"])})

"""Users, invitations and sessions as the services see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from leadmill.domain.access import Actor, Role


@dataclass(frozen=True, slots=True)
class User:
    """A user as administrators see them; no password in it."""

    user_id: int
    email: str
    full_name: str
    role: Role
    is_active: bool
    locked_until: datetime | None
    created_at: datetime
    last_session_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What logging in is decided by."""

    user_id: int
    email: str
    password_hash: str
    is_active: bool
    locked_until: datetime | None


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation; its token is known only to whoever holds the link."""

    invitation_id: int
    email: str
    role: Role
    invited_by: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user about to be; `email` is normalised, the password hashed already."""

    email: str
    full_name: str
    role: Role
    password_hash: str


@dataclass(frozen=True, slots=True)
class SessionHolder:
    """Whose session a token is."""

    user_id: int
    session_id: UUID
    full_name: str
    actor: Actor


class Passwords(Protocol):
    """Hashes passwords with a slow, salted hash."""

    def hash(self, password: str) -> str:
        """A fresh salted hash."""
        ...

    def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether the password is the hash's; takes the same time, and is never true, where there is no hash."""
        ...


class SessionTokens(Protocol):
    """Signed tokens that name a session."""

    def issue(self, session_id: UUID, user_id: int, *, as_of: datetime, expires_at: datetime) -> str:
        """The token of a session."""
        ...

    def read(self, token: str) -> UUID | None:
        """The session that the token names; None where the signature or the form is wrong."""
        ...


class Users(Protocol):
    """Users in the ledger. Every change that a person makes is audited in its own transaction."""

    def add_first(self, user: NewUser, *, as_of: datetime) -> bool:
        """Add the very first user. Returns whether there was none before."""
        ...

    def add(self, user: NewUser, *, as_of: datetime) -> int:
        """Add a user. Raises `Conflict` where the address has one."""
        ...

    def credentials(self, email: str) -> Credentials | None:
        """What logging in with that normalised address is decided by."""
        ...

    def credentials_of(self, user_id: int) -> Credentials:
        """The same by id. Raises `NotFound`."""
        ...

    def record_failed_login(self, user_id: int, *, max_failures: int, locked_until: datetime) -> None:
        """Count one more wrong password; the `max_failures`th in a row locks until then and starts counting anew."""
        ...

    def users(self) -> Sequence[User]:
        """Every user, by address."""
        ...

    def change_role(self, actor: Actor, user_id: int, role: Role, *, as_of: datetime) -> None:
        """Change a role. Raises `NotFound`, or `Conflict` for the last active administrator."""
        ...

    def set_active(self, actor: Actor, user_id: int, *, is_active: bool, as_of: datetime) -> None:
        """Deactivate (and log out) or reactivate. Raises `NotFound`, or `Conflict` for the last administrator."""
        ...

    def change_password(self, actor: Actor, user_id: int, password_hash: str, *, as_of: datetime) -> None:
        """Set a password and revoke every session of that user. Raises `NotFound`."""
        ...


class Invitations(Protocol):
    """Invitations in the ledger."""

    def invite(
        self, actor: Actor, email: str, role: Role, token_hash: bytes, *, as_of: datetime, expires_at: datetime
    ) -> int:
        """Invite, replacing an open invitation of that address. Raises `Conflict` where the address has a user."""
        ...

    def open_invitations(self, *, as_of: datetime) -> Sequence[Invitation]:
        """Those neither accepted, withdrawn nor expired; newest first."""
        ...

    def find(self, token_hash: bytes, *, as_of: datetime) -> Invitation | None:
        """The open invitation of that token."""
        ...

    def accept(self, token_hash: bytes, full_name: str, password_hash: str, *, as_of: datetime) -> int:
        """Turn an invitation into a user, once. Raises `NotFound` where the link no longer works."""
        ...

    def withdraw(self, actor: Actor, invitation_id: int, *, as_of: datetime) -> None:
        """Make the link stop working. Raises `NotFound` where it is not open."""
        ...


class Sessions(Protocol):
    """Sessions in the ledger: what makes a token revocable."""

    def open(self, session_id: UUID, user_id: int, *, as_of: datetime, expires_at: datetime) -> None:
        """Begin a session and forget the failed log-ins before it."""
        ...

    def holder(self, session_id: UUID, *, as_of: datetime) -> SessionHolder | None:
        """Whose it is; None where it expired or was revoked, or its user is inactive."""
        ...

    def revoke(self, session_id: UUID, *, as_of: datetime) -> None:
        """End one session; no error where it has ended."""
        ...

    def revoke_all(self, actor: Actor, user_id: int, *, as_of: datetime) -> int:
        """End every session of a user. Returns how many were open."""
        ...

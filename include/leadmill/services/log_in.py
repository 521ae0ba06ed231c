"""Log in and out: a password becomes a session, a session a signed token."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from leadmill.domain.identity import normalise_email
from leadmill.domain.passwords import LOCK_DURATION, MAX_FAILED_LOGINS, SESSION_DURATION
from leadmill.errors import LogInRefused
from leadmill.ports.access import Credentials, Passwords, SessionHolder, Sessions, SessionTokens, Users

_REFUSED = (
    "The e-mail address or the password is wrong, or the account is locked after too many attempts; "
    f"try again, after {LOCK_DURATION.total_seconds() / 60:.0f} minutes where it is locked, or ask an administrator."
)


def log_in(
    email: str,
    password: str,
    *,
    users: Users,
    sessions: Sessions,
    passwords: Passwords,
    tokens: SessionTokens,
    as_of: datetime,
) -> str:
    """Check a password and return the token of a new session.

    Raises:
        LogInRefused: Unknown address, wrong password, inactive or locked user; one sentence for all four, after the
            same work, so that nobody learns which addresses have users.
    """
    found = users.credentials(normalise_email(email))
    right = passwords.matches(password, found.password_hash if found else None)
    if found is None or not found.is_active or _is_locked(found, as_of):
        raise LogInRefused(_REFUSED)
    if not right:
        users.record_failed_login(found.user_id, max_failures=MAX_FAILED_LOGINS, locked_until=as_of + LOCK_DURATION)
        raise LogInRefused(_REFUSED)
    return open_session(found.user_id, sessions=sessions, tokens=tokens, as_of=as_of)


def open_session(user_id: int, *, sessions: Sessions, tokens: SessionTokens, as_of: datetime) -> str:
    """Begin a session of a user whose identity is proven; its token."""
    session_id, expires_at = uuid4(), as_of + SESSION_DURATION
    sessions.open(session_id, user_id, as_of=as_of, expires_at=expires_at)
    return tokens.issue(session_id, user_id, as_of=as_of, expires_at=expires_at)


def session_holder(token: str, *, sessions: Sessions, tokens: SessionTokens, as_of: datetime) -> SessionHolder | None:
    """Whose session a token is; None where it is forged, expired or revoked."""
    session_id = tokens.read(token)
    return sessions.holder(session_id, as_of=as_of) if session_id else None


def log_out(token: str, *, sessions: Sessions, tokens: SessionTokens, as_of: datetime) -> None:
    """End the session of a token; nothing happens where it is not one of ours."""
    session_id = tokens.read(token)
    if session_id:
        sessions.revoke(session_id, as_of=as_of)


def _is_locked(found: Credentials, as_of: datetime) -> bool:
    return found.locked_until is not None and found.locked_until > as_of

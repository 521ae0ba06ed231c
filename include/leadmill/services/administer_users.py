"""What administrators do with users, and what users do with their own account."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from leadmill.domain.access import Actor, Role
from leadmill.domain.passwords import LOCK_DURATION, MAX_FAILED_LOGINS, check_password
from leadmill.errors import InputInvalid, NotAllowed
from leadmill.ports.access import Invitation, Invitations, Passwords, Sessions, User, Users


def list_users(actor: Actor, *, users: Users) -> Sequence[User]:
    """Every user, for an administrator."""
    actor.require(Role.ADMIN, to="see the users")
    return users.users()


def list_invitations(actor: Actor, *, invitations: Invitations, as_of: datetime) -> Sequence[Invitation]:
    """Every open invitation, for an administrator."""
    actor.require(Role.ADMIN, to="see invitations")
    return invitations.open_invitations(as_of=as_of)


def withdraw_invitation(actor: Actor, invitation_id: int, *, invitations: Invitations, as_of: datetime) -> None:
    """Make an invitation's link stop working."""
    actor.require(Role.ADMIN, to="withdraw invitations")
    invitations.withdraw(actor, invitation_id, as_of=as_of)


def change_role(actor: Actor, user_id: int, role: Role, *, users: Users, as_of: datetime) -> None:
    """Give a user another role; it holds from the user's next click on."""
    actor.require(Role.ADMIN, to="change roles")
    users.change_role(actor, user_id, role, as_of=as_of)


def set_user_active(actor: Actor, user_id: int, *, is_active: bool, users: Users, as_of: datetime) -> None:
    """Deactivate a user, which ends every session at once, or let them in again."""
    actor.require(Role.ADMIN, to="deactivate and reactivate users")
    users.set_active(actor, user_id, is_active=is_active, as_of=as_of)


def reset_password(actor: Actor, user_id: int, *, users: Users, passwords: Passwords, as_of: datetime) -> str:
    """Give a user a random password, to be handed over and changed; ends every session of theirs."""
    actor.require(Role.ADMIN, to="reset passwords")
    password = secrets.token_urlsafe(15)
    users.change_password(actor, user_id, passwords.hash(password), as_of=as_of)
    return password


def change_own_password(
    actor: Actor, current: str, new: str, *, users: Users, passwords: Passwords, as_of: datetime
) -> int:
    """Change the actor's own password; every session ends. The user's id.

    Raises:
        InputInvalid: The current password is wrong (which counts as a failed log-in), or the new one cannot be taken.
    """
    found = users.credentials(actor.email)
    is_locked = found is not None and found.locked_until is not None and found.locked_until > as_of
    if found is None or is_locked or not passwords.matches(current, found.password_hash):
        if found is not None and not is_locked:
            users.record_failed_login(found.user_id, max_failures=MAX_FAILED_LOGINS, locked_until=as_of + LOCK_DURATION)
        raise InputInvalid("Your current password is not that one, or too many attempts have locked the account.")
    check_password(new, email=actor.email)
    users.change_password(actor, found.user_id, passwords.hash(new), as_of=as_of)
    return found.user_id


def sign_out_everywhere(actor: Actor, user_id: int, *, users: Users, sessions: Sessions, as_of: datetime) -> int:
    """End every session of a user; one's own, or as administrator anybody's. How many were open."""
    if users.credentials_of(user_id).email != actor.email and actor.role is not Role.ADMIN:
        raise NotAllowed("You need the role admin to sign other people out; ask an administrator.")
    return sessions.revoke_all(actor, user_id, as_of=as_of)

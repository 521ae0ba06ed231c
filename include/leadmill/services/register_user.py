"""Become a user: the first administrator, an invitation and its acceptance, self-registration."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime

from leadmill.domain.access import Actor, Role
from leadmill.domain.identity import normalise_email
from leadmill.domain.passwords import INVITATION_DURATION, check_password
from leadmill.errors import InputInvalid, NotAllowed, NotFound
from leadmill.ports.access import Invitation, Invitations, NewUser, Passwords, Users

_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
_MAX_NAME_CHARACTERS = 120
_TOKEN_BYTES = 32


def create_first_admin(email: str, *, users: Users, passwords: Passwords, as_of: datetime) -> str | None:
    """Make the first administrator with a random password; the password, or None where there is a user already."""
    if users.users():
        return None
    password = secrets.token_urlsafe(15)
    user = NewUser(checked_address(email), "Administrator", Role.ADMIN, passwords.hash(password))
    return password if users.add_first(user, as_of=as_of) else None


def invite_user(actor: Actor, email: str, role: Role, *, invitations: Invitations, as_of: datetime) -> str:
    """Invite somebody; the token of the link, which is stored nowhere.

    Raises:
        NotAllowed: The actor is no administrator.
        InputInvalid: That is no e-mail address.
        Conflict: The address has a user.
    """
    actor.require(Role.ADMIN, to="invite people")
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    invitations.invite(
        actor, checked_address(email), role, token_hash(token), as_of=as_of, expires_at=as_of + INVITATION_DURATION
    )
    return token


def find_invitation(token: str, *, invitations: Invitations, as_of: datetime) -> Invitation:
    """The open invitation of a link.

    Raises:
        NotFound: It was used, withdrawn or has expired, or never was.
    """
    found = invitations.find(token_hash(token), as_of=as_of)
    if found is None:
        raise NotFound("This invitation was used, withdrawn or has expired; ask for a new one.")
    return found


def accept_invitation(
    token: str, full_name: str, password: str, *, invitations: Invitations, passwords: Passwords, as_of: datetime
) -> int:
    """Become a user by an invitation, once; the user's id.

    Raises:
        NotFound: The link no longer works.
        InputInvalid: The name or the password cannot be taken.
    """
    found = find_invitation(token, invitations=invitations, as_of=as_of)
    check_password(password, email=found.email)
    return invitations.accept(token_hash(token), checked_name(full_name), passwords.hash(password), as_of=as_of)


def register_self(
    email: str, full_name: str, password: str, *, is_allowed: bool, users: Users, passwords: Passwords, as_of: datetime
) -> int:
    """Become a viewer without an invitation, where the installation permits it; the user's id.

    Raises:
        NotAllowed: The setting is off.
        InputInvalid: The address, the name or the password cannot be taken.
        Conflict: The address has a user.
    """
    if not is_allowed:
        raise NotAllowed("Registration is by invitation; ask an administrator for one.")
    address = checked_address(email)
    check_password(password, email=address)
    user = NewUser(address, checked_name(full_name), Role.VIEWER, passwords.hash(password))
    return users.add(user, as_of=as_of)


def token_hash(token: str) -> bytes:
    """What the ledger keeps of a link's token; 32 random bytes need no salt."""
    return hashlib.sha256(token.encode()).digest()


def checked_address(email: str) -> str:
    """The normalised address. Raises `InputInvalid` where it is none."""
    address = normalise_email(email)
    if not _ADDRESS.fullmatch(address):
        raise InputInvalid("Enter an e-mail address such as name@company.com.")
    return address


def checked_name(full_name: str) -> str:
    """The trimmed name. Raises `InputInvalid` where it is empty or longer than 120 characters."""
    name = " ".join(full_name.split())
    if not name or len(name) > _MAX_NAME_CHARACTERS:
        raise InputInvalid(f"Enter your name, in at most {_MAX_NAME_CHARACTERS} characters.")
    return name

"""Who acts, and what each role may do. Services ask; pages only hide what would be refused anyway."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from leadmill.errors import InputInvalid, NotAllowed

REASON_LIMIT = 500
"""Characters of a reason: a paragraph, not a document."""


class Role(StrEnum):
    """Viewer reads; analyst also prepares and runs campaigns and imports; admin also configures and overrides."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    ADMIN = "admin"


_RANK = {Role.VIEWER: 0, Role.ANALYST: 1, Role.ADMIN: 2}


@dataclass(frozen=True, slots=True)
class Actor:
    """The acting user; `email` is what the audit log keeps."""

    email: str
    role: Role

    def require(self, role: Role, *, to: str) -> None:
        """Pass where the actor's role reaches `role`.

        Args:
            role: The least role needed.
            to: What was attempted, as it completes "You need … to".

        Raises:
            NotAllowed: The role does not reach.
        """
        if _RANK[self.role] < _RANK[role]:
            raise NotAllowed(f"You need the role {role.value} to {to}; ask an administrator.")


def required_reason(reason: str, ask: str, *, name: str = "reason") -> str:
    """The reason that somebody gave, without blanks around it.

    Args:
        reason: As it was typed.
        ask: The sentence that asks for one.
        name: What it is called, in the sentence that says that it is too long.

    Raises:
        InputInvalid: There is none, or it is too long.
    """
    if not reason.strip():
        raise InputInvalid(ask)
    return optional_reason(reason, name=name)


def optional_reason(reason: str, *, name: str = "reason") -> str:
    """The same where a reason need not be given. Raises `InputInvalid` where it is too long."""
    if len(reason.strip()) > REASON_LIMIT:
        raise InputInvalid(f"The {name} has {len(reason.strip()):,} characters; shorten it to {REASON_LIMIT}.")
    return reason.strip()


SYSTEM = Actor(email="system", role=Role.ADMIN)
"""Acts for the DAGs and the embedded set-up."""

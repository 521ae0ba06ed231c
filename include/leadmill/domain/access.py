"""Who acts, and what each role may do. Services ask; pages only hide what would be refused anyway."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from leadmill.errors import NotAllowed


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


SYSTEM = Actor(email="system", role=Role.ADMIN)
"""Acts for the DAGs and the embedded set-up."""

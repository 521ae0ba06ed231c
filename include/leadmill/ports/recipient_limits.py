"""Limits of recipient domains, as an admin sets them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from leadmill.domain.access import Actor
from leadmill.domain.recipient_domains import RecipientFamily


class RecipientFamilies(Protocol):
    """Keeps the families of recipient domains and their limits; each change goes into the audit log with it."""

    def families(self) -> list[RecipientFamily]:
        """All of them, by name."""
        ...

    def save_family(self, actor: Actor, family: RecipientFamily, *, as_of: datetime) -> None:
        """Add or change a family; its domains leave whichever family they were in."""
        ...

    def delete_family(self, actor: Actor, name: str, *, as_of: datetime) -> None:
        """Forget a family: its domains have no limit any more. Raises `NotFound`."""
        ...

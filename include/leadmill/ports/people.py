"""People who must never be mailed again, as the services see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from leadmill.domain.access import Actor


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody named by lead id or by a normalised address; exactly one of them is given."""

    lead_id: int | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class PersonOutcome:
    """What became of it.

    `lead_id` is None where the address is no lead; `changed` is False where all was so before; `withdrawn` counts
    planned sends that will not go out.
    """

    lead_id: int | None
    changed: bool
    withdrawn: int


class PeopleLedger(Protocol):
    """Suppresses, lifts and erases in one transaction each, with its audit line; twice is the same as once."""

    def suppress(self, actor: Actor, person: Person, *, reason: str, as_of: datetime) -> PersonOutcome:
        """Put a person on the list of those never to be mailed and withdraw what is planned. Raises `NotFound`."""
        ...

    def erase(self, actor: Actor, person: Person, *, reason: str, as_of: datetime) -> PersonOutcome:
        """Leave the keyed hash, empty all else and withdraw what is planned. Raises `NotFound`."""
        ...

    def lift(self, actor: Actor, person: Person, *, reason: str, proof: str, as_of: datetime) -> PersonOutcome:
        """Take a person off that list under every alias of their inbox. Raises `NotFound`, `Conflict`."""
        ...

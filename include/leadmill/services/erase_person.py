"""Erase a person: only a keyed hash stays, which keeps them from being imported or mailed again."""

from __future__ import annotations

from datetime import datetime

from leadmill.domain.access import Actor, Role
from leadmill.domain.people import require_reason
from leadmill.ports.people import PeopleLedger, PersonOutcome
from leadmill.services.suppress_person import named_person


def erase_person(
    actor: Actor,
    *,
    people: PeopleLedger,
    reason: str,
    as_of: datetime,
    lead_id: int | None = None,
    email: str | None = None,
) -> PersonOutcome:
    """Empty a lead for good and leave a tombstone; an address that is no lead gets the tombstone all the same.

    Objects in the landing zone and the quarantine are not touched: their retention is the store's.

    Args:
        actor: Who acts; an administrator.
        people: Where people are.
        reason: Why, for the audit log; without an address.
        as_of: When, aware UTC.
        lead_id: The lead; or
        email: the address.

    Raises:
        NotAllowed: The actor is no administrator.
        InputInvalid: No reason, no address, or both or neither of lead and address.
        NotFound: There is no such lead.
    """
    actor.require(Role.ADMIN, to="erase a person")
    return people.erase(actor, named_person(lead_id, email), reason=require_reason(reason), as_of=as_of)

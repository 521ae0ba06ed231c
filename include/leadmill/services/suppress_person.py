"""Never mail a person again."""

from __future__ import annotations

from datetime import datetime

from leadmill.domain.access import Actor, Role
from leadmill.domain.people import require_address, require_reason
from leadmill.errors import InputInvalid
from leadmill.ports.people import PeopleLedger, Person, PersonOutcome


def suppress_person(
    actor: Actor,
    *,
    people: PeopleLedger,
    reason: str,
    as_of: datetime,
    lead_id: int | None = None,
    email: str | None = None,
) -> PersonOutcome:
    """Put a person on the list of those never to be mailed; a suppression that is there keeps its reason.

    Args:
        actor: Who acts; an analyst or administrator.
        people: Where people are.
        reason: Why, for the audit log; without an address.
        as_of: When, aware UTC.
        lead_id: The lead; or
        email: the address, which need not be a lead's.

    Raises:
        NotAllowed: The actor is no analyst.
        InputInvalid: No reason, no address, or both or neither of lead and address.
        NotFound: There is no such lead.
    """
    actor.require(Role.ANALYST, to="put a person on the list of those never to be mailed")
    return people.suppress(actor, named_person(lead_id, email), reason=require_reason(reason), as_of=as_of)


def named_person(lead_id: int | None, email: str | None) -> Person:
    """The person that exactly one of lead id and address names.

    Raises:
        InputInvalid: Both or neither is given, or the address is none.
    """
    if (lead_id is None) == (email is None):
        raise InputInvalid("Name the person by lead id or by address, one of the two.")
    return Person(lead_id=lead_id, email=None if email is None else require_address(email))

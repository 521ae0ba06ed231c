"""Let somebody come back who had asked to be left alone."""

from __future__ import annotations

from datetime import datetime

from leadmill.domain.access import Actor, Role
from leadmill.domain.people import require_proof, require_reason
from leadmill.ports.people import PeopleLedger, PersonOutcome
from leadmill.services.suppress_person import named_person


def lift_suppression(
    actor: Actor,
    *,
    people: PeopleLedger,
    reason: str,
    proof: str,
    as_of: datetime,
    lead_id: int | None = None,
    email: str | None = None,
) -> PersonOutcome:
    """Take a person off the list of those never to be mailed, under every alias of their inbox.

    What they said before `as_of` does not bar them again, however often its events are read; what they say later does.
    Sends that were withdrawn stay so: a new campaign mails them.

    Args:
        actor: Who acts; an administrator.
        people: Where people are.
        reason: Why, for the audit log; without an address.
        proof: How we know that the person wants it, such as the form and day; without an address.
        as_of: When, aware UTC.
        lead_id: The lead; or
        email: the address, which need not be a lead's.

    Raises:
        NotAllowed: The actor is no administrator.
        InputInvalid: No reason, no proof, no address, or both or neither of lead and address.
        NotFound: There is no such lead.
        Conflict: The person was erased, which is final.
    """
    actor.require(Role.ADMIN, to="take a person off the list of those never to be mailed")
    person = named_person(lead_id, email)
    return people.lift(actor, person, reason=require_reason(reason), proof=require_proof(proof), as_of=as_of)

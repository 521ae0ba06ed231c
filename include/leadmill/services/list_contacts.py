"""A list of the leads with whom another campaign has something, for a spreadsheet."""

from __future__ import annotations

from datetime import datetime

from leadmill.domain.access import Actor, Role
from leadmill.domain.contact_rules import ContactBounds
from leadmill.domain.segments import Segment
from leadmill.errors import InputInvalid
from leadmill.ports.audience import AudienceLedger
from leadmill.ports.audit import AuditTrail
from leadmill.services.list_lacking_leads import LINES_LIMIT, leads_as_csv

WORDS = {
    "replied": "answered another campaign",
    "in_sequence": "has mails of another campaign to come",
    "mailed_recently": "was mailed by another campaign lately",
}


def list_contacts(
    actor: Actor,
    segment: Segment,
    pool_id: int | None,
    *,
    bounds: ContactBounds,
    kind: str,
    audience: AudienceLedger,
    audit: AuditTrail,
    as_of: datetime,
) -> bytes:
    """The leads of one kind of contact as a CSV file, at most 100,000; the audit log says who took it.

    Raises:
        InputInvalid: No such kind.
    """
    actor.require(Role.ANALYST, to="download a list of leads")
    if kind not in WORDS:
        raise InputInvalid(f"There is no list of {kind!r}; there are {', '.join(WORDS)}.")
    leads = audience.addresses_of_contacts(segment, pool_id, bounds, kind, LINES_LIMIT)
    audit.record(actor, "leads.download", ("segment", kind), at=as_of, details={"leads": len(leads)})
    return leads_as_csv(leads, "Contact", WORDS[kind])

"""A list of the leads that pre-flight found lacking, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime

from leadmill.domain.access import Actor, Role
from leadmill.domain.contact_rules import ANYBODY, ContactBounds
from leadmill.domain.segments import Segment
from leadmill.domain.template_fields import AskedFields
from leadmill.ports.audience import AudienceLedger, GapKey, LeadAddress
from leadmill.ports.audit import AuditTrail

LINES_LIMIT = 100_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def list_lacking_leads(  # noqa: PLR0913 - what was examined, and who asks
    actor: Actor,
    segment: Segment,
    pool_id: int | None,
    *,
    fields: AskedFields,
    keys: Sequence[GapKey],
    lacking: str,
    audience: AudienceLedger,
    audit: AuditTrail,
    as_of: datetime,
    bounds: ContactBounds = ANYBODY,
) -> bytes:
    """The leads of these groups as a CSV file (UTF-8 with a mark for Excel), at most 100,000.

    Args:
        actor: An analyst or admin; the audit log says who took the list, since it holds addresses.
        segment: As it was examined with, as are the next two.
        pool_id: The pool whose policy decides who is mailed.
        fields: The template fields.
        keys: The groups.
        lacking: What they lack, for the last column.
        audience: The leads.
        audit: Where it is written down.
        as_of: Now, aware UTC.
        bounds: Whom the campaign leaves out for what others have with them, as it was examined with.
    """
    actor.require(Role.ANALYST, to="download a list of leads")
    leads = audience.addresses_of(segment, pool_id, fields, keys, LINES_LIMIT, bounds)
    audit.record(actor, "leads.download", ("segment", lacking), at=as_of, details={"leads": len(leads)})
    return leads_as_csv(leads, "Lacks", lacking)


def leads_as_csv(leads: Iterable[LeadAddress], last_column: str, cell: str) -> bytes:
    """Leads as a CSV file, UTF-8 with a mark for Excel; the last column says of each why it is in the list."""
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(["E-mail", "Name", "Company", "Country", "Category", last_column])
    for lead in leads:
        cells = (lead.email, lead.name, lead.company, lead.country, lead.category, cell)
        lines.writerow([_harmless(each) for each in cells])
    return text.getvalue().encode("utf-8-sig")


def _harmless(cell: str) -> str:
    """The cell, with a mark before what a spreadsheet would compute: names come from strangers."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell

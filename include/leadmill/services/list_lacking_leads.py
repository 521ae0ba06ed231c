"""A list of the leads that pre-flight found lacking, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime

from leadmill.domain.access import Actor, Role
from leadmill.domain.segments import Segment
from leadmill.domain.template_fields import AskedFields
from leadmill.ports.audience import AudienceLedger, GapKey
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
    """
    actor.require(Role.ANALYST, to="download a list of leads")
    leads = audience.addresses_of(segment, pool_id, fields, keys, LINES_LIMIT)
    audit.record(actor, "leads.download", ("segment", lacking), at=as_of, details={"leads": len(leads)})
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(["E-mail", "Name", "Company", "Country", "Category", "Lacks"])
    for lead in leads:
        cells = (lead.email, lead.name, lead.company, lead.country, lead.category, lacking)
        lines.writerow([_harmless(cell) for cell in cells])
    return text.getvalue().encode("utf-8-sig")


def _harmless(cell: str) -> str:
    """The cell, with a mark before what a spreadsheet would compute: names come from strangers."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell

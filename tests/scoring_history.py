"""Builders: leads in the ledger and their history in the lake, for scores, windows and the pages that show them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from leadmill.bootstrap import App

NOW = datetime(2026, 6, 17, 12, 0, tzinfo=UTC)  # a Wednesday

_LEADS = """
insert into ledger.leads (email, email_hash, email_domain, first_name, company, job_title, employee_count, phone, country,
  time_zone, source, legal_basis, created_at, updated_at)
select 'lead' || n || '@' || %(email_domain)s, sha256(convert_to('lead' || n || %(email_domain)s, 'UTF8')), %(email_domain)s,
  'Ada', %(company)s, %(job_title)s, %(employee_count)s, %(phone)s, %(country)s, %(time_zone)s, 'webinar', %(legal_basis)s,
  %(created_at)s, %(created_at)s
from generate_series(%(first)s::bigint, %(first)s::bigint + %(count)s - 1) n
returning lead_id
"""


def add_leads(app: App, count: int = 1, *, first: int = 1, **changes: Any) -> list[int]:
    """Insert leads that differ from a default by `changes`; returns their ids."""
    row = {
        "email_domain": "acme.test",
        "company": "Acme",
        "job_title": "Head of Sales",
        "employee_count": 120,
        "phone": "",
        "country": "DE",
        "time_zone": "",
        "legal_basis": "consent",
        "created_at": NOW - timedelta(days=100),
        "first": first,
        "count": count,
    }
    with app.database.transaction() as ledger:
        return [r["lead_id"] for r in ledger.execute(_LEADS, {**row, **changes}).fetchall()]


def add_events(app: App, rows: list[dict[str, Any]]) -> None:
    """Insert lake events; each row names at least lead_id, kind and occurred_at."""
    import pyarrow as pa

    whole = [
        {
            "event_id": f"event-{i}-{row['kind']}-{row['lead_id']}-{row['occurred_at'].isoformat()}",
            "provider": "smtp",
            "collected_at": row["occurred_at"],
            "send_id": row["lead_id"],
            "machine": False,
            "bounce_kind": None,
            "machine_reason": None,
            "url": None,
            "raw_object": "landing/events/test.ndjson",
            "raw_line": i,
            **row,
        }
        for i, row in enumerate(rows)
    ]
    with app.lake.connect() as duck:
        duck.register("rows", pa.Table.from_pylist(whole))
        duck.execute("insert into lake.events by name select * from rows")


def event(lead_id: int, kind: str, at: datetime, **more: Any) -> dict[str, Any]:
    """One event's row."""
    return {"lead_id": lead_id, "kind": kind, "occurred_at": at, **more}


def delivered_and_answered(leads: list[int], *, answered: int, at: datetime) -> list[dict[str, Any]]:
    """Every lead delivered at `at`; the first `answered` of them clicked an hour later."""
    rows = [event(lead, "delivered", at) for lead in leads]
    return rows + [event(lead, "clicked", at + timedelta(hours=1)) for lead in leads[:answered]]

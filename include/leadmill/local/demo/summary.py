"""The demonstration's last page: what went where, as tables that add up."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from leadmill.local.demo.stages import Demonstration, now
from leadmill.local.stack.memory import memory_by_part
from leadmill.sql import query

_TOUR = "ledger/tour"
_HUMAN_OR_MACHINE = {"opened", "clicked"}


def show_summary(demonstration: Demonstration) -> None:
    """Print every table."""
    console = demonstration.stack.progress.console
    for table in (
        campaign_table(demonstration),
        events_table(demonstration),
        rejected_table(demonstration),
        mailbox_table(demonstration),
        alerts_table(demonstration),
    ):
        console.print()
        console.print(table)
    used = sum(memory_by_part(demonstration.stack.settings.var).values())
    console.print(f"\nThe whole stack uses {used / 1024:.2f} GiB of memory (PSS).")


def campaign_table(demonstration: Demonstration) -> Table:
    """Sends by step and state, and the law that they add up to the audience."""
    app, campaign_id = demonstration.stack.app, demonstration.campaign_id
    law = app.conservation(campaign_id)
    table = Table("step", "state", "sends", title="Campaign: audience = sum of all states", title_justify="left")
    for row in _rows(demonstration, "states_by_step", campaign_id=campaign_id):
        table.add_row(str(row["step"]), row["state"], f"{row['sends']:,}")
    table.add_section()
    said = "holds" if law.holds else f"BROKEN, {law.missing} rows missing"
    table.add_row("", f"audience {law.audience:,} = {law.planned_leads:,} planned + {law.left_out:,} left out", "")
    table.add_row("", f"{law.planned_leads:,} leads x {law.steps} steps = {law.rows:,} sends: {said}", f"{law.rows:,}")
    return table


def events_table(demonstration: Demonstration) -> Table:
    """Events by kind; an open or click by a machine is never counted as a person's."""
    table = Table("event", "in all", "people", "machines", title="Events collected", title_justify="left")
    with demonstration.stack.app.lake.connect(read_only=True) as connection:
        rows = connection.execute(query("lake/tour", "events_by_kind")).fetchall()
    for kind, by_people, by_machines in rows:
        apart = (f"{by_people:,}", f"{by_machines:,}") if kind in _HUMAN_OR_MACHINE else ("", "")
        table.add_row(kind, f"{by_people + by_machines:,}", *apart)
    return table


def rejected_table(demonstration: Demonstration) -> Table:
    """Rows of the lead file that were rejected, by reason."""
    table = Table("reason", "rows", title="Rejected rows of the lead file", title_justify="left")
    reasons = (demonstration.lead_file or {}).get("rejected_by_reason", {})
    for reason, count in sorted(reasons.items(), key=lambda item: -item[1]):
        table.add_row(reason.replace("_", " "), f"{count:,}")
    table.add_section()
    table.add_row("in all", f"{sum(reasons.values()):,}")
    return table


def mailbox_table(demonstration: Demonstration) -> Table:
    """What each mailbox sent and got back."""
    table = Table(title="Mailboxes", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1))
    for title in ("mailbox", "lane", "sent", "delivered", "hard", "soft", "blocked", "complained", "status"):
        table.add_column(title, no_wrap=True)
    totals = [0] * 6
    for row in _rows(demonstration, "mailbox_counts"):
        counts = [row[name] for name in ("sent", "delivered", "hard_bounced", "soft_bounced", "blocked", "complained")]
        totals = [total + count for total, count in zip(totals, counts, strict=True)]
        status = row["status"] if row["domain_status"] == "active" else f"domain {row['domain_status']}"
        sent = f"{counts[0]} of {row['daily_limit']}"
        table.add_row(row["address"], row["account"], sent, *map(str, counts[1:]), status.replace("_", " "))
    table.add_section()
    table.add_row("in all", "", *(f"{total:,}" for total in totals), "")
    return table


def alerts_table(demonstration: Demonstration) -> Table:
    """What is wrong now."""
    table = Table("severity", "about", "alert", title="Open alerts", title_justify="left")
    for alert in demonstration.stack.app.open_alerts():
        table.add_row(str(alert.severity), alert.subject, alert.message)
    return table


def _rows(demonstration: Demonstration, name: str, **values: object) -> list[dict[str, Any]]:
    with demonstration.stack.app.database.transaction() as connection:
        return connection.execute(query(_TOUR, name), values | {"as_of": now()}).fetchall()

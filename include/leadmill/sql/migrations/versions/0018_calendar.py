"""Revision 0018: see 0018_calendar.sql beside this file. Forward only."""

from __future__ import annotations

from leadmill.sql.migrations import run_sql_file

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Run the SQL file of this revision."""
    run_sql_file("0018_calendar.sql")

"""Revision 0025: see 0025_lost_rows.sql beside this file. Forward only."""

from __future__ import annotations

from leadmill.sql.migrations import run_sql_file

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Run the SQL file of this revision."""
    run_sql_file("0025_lost_rows.sql")

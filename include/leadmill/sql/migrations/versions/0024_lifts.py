"""Revision 0024: see 0024_lifts.sql beside this file. Forward only."""

from __future__ import annotations

from leadmill.sql.migrations import run_sql_file

revision = "0024"
down_revision = "0022"


def upgrade() -> None:
    """Run the SQL file of this revision."""
    run_sql_file("0024_lifts.sql")

"""Revision 0022: see 0022_outcomes.sql beside this file. Forward only."""

from __future__ import annotations

from leadmill.sql.migrations import run_sql_file

revision = "0022"
down_revision = "0019"


def upgrade() -> None:
    """Run the SQL file of this revision."""
    run_sql_file("0022_outcomes.sql")

"""Revision 0011: see 0011_placement.sql beside this file. Forward only."""

from __future__ import annotations

from leadmill.sql.migrations import run_sql_file

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Run the SQL file of this revision."""
    run_sql_file("0011_placement.sql")

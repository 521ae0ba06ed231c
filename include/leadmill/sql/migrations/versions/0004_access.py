"""Revision 0004: see 0004_access.sql beside this file. Forward only."""

from __future__ import annotations

from leadmill.sql.migrations import run_sql_file

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Run the SQL file of this revision."""
    run_sql_file("0004_access.sql")

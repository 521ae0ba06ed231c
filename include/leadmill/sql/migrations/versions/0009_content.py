"""Revision 0009: see 0009_content.sql beside this file. Forward only."""

from __future__ import annotations

from leadmill.sql.migrations import run_sql_file

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Run the SQL file of this revision."""
    run_sql_file("0009_content.sql")

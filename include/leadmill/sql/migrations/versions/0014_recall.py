"""Revision 0014: see 0014_recall.sql beside this file. Forward only."""

from __future__ import annotations

from leadmill.sql.migrations import run_sql_file

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Run the SQL file of this revision."""
    run_sql_file("0014_recall.sql")

"""Revision 0007: see 0007_replies.sql beside this file. Forward only."""

from __future__ import annotations

from leadmill.sql.migrations import run_sql_file

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Run the SQL file of this revision."""
    run_sql_file("0007_replies.sql")

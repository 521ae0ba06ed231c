"""Revision 0013: see 0013_evidence.sql beside this file. Forward only."""

from __future__ import annotations

from leadmill.sql.migrations import run_sql_file

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Run the SQL file of this revision."""
    run_sql_file("0013_evidence.sql")

"""Revision 0028: see 0028_wishes_elsewhere.sql beside this file. Forward only."""

from __future__ import annotations

from leadmill.sql.migrations import run_sql_file

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Run the SQL file of this revision."""
    run_sql_file("0028_wishes_elsewhere.sql")

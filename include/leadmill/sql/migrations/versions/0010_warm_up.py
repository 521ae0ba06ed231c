"""Revision 0010: see 0010_warm_up.sql beside this file. Forward only."""

from __future__ import annotations

from leadmill.sql.migrations import run_sql_file

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Run the SQL file of this revision."""
    run_sql_file("0010_warm_up.sql")

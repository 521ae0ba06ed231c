"""Revision 0017: see 0017_turns.sql beside this file. Forward only."""

from __future__ import annotations

from leadmill.sql.migrations import run_sql_file

revision = "0017"
down_revision = "0015"


def upgrade() -> None:
    """Run the SQL file of this revision."""
    run_sql_file("0017_turns.sql")

"""Revision 0026: see 0026_inbox.sql beside this file. Forward only."""

from __future__ import annotations

from leadmill.sql.migrations import run_sql_file

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Run the SQL file of this revision."""
    run_sql_file("0026_inbox.sql")

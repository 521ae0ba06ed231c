"""Revision 0006: see 0006_limits.sql beside this file. Forward only."""

from __future__ import annotations

from leadmill.sql.migrations import run_sql_file

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Run the SQL file of this revision."""
    run_sql_file("0006_limits.sql")

"""Revision 0027: see 0027_lost_mails.sql beside this file. Forward only."""

from __future__ import annotations

from leadmill.sql.migrations import run_sql_file

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Run the SQL file of this revision."""
    run_sql_file("0027_lost_mails.sql")

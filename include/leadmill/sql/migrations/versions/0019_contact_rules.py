"""Revision 0019: see 0019_contact_rules.sql beside this file. Forward only."""

from __future__ import annotations

from leadmill.sql.migrations import run_sql_file

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Run the SQL file of this revision."""
    run_sql_file("0019_contact_rules.sql")

"""Revision 0029: see 0029_import_tries.sql beside this file. Forward only."""

from __future__ import annotations

from leadmill.sql.migrations import run_sql_file

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Run the SQL file of this revision."""
    run_sql_file("0029_import_tries.sql")

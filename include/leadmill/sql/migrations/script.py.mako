"""Revision ${up_revision}: see ${up_revision}_${message}.sql beside this file. Forward only."""

from __future__ import annotations

from leadmill.sql.migrations import run_sql_file

revision = "${up_revision}"
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Run the SQL file of this revision."""
    run_sql_file("${up_revision}_${message}.sql")

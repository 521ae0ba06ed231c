"""Revision 0015: see 0015_weather.sql beside this file. Forward only."""

from __future__ import annotations

from leadmill.sql.migrations import run_sql_file

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Run the SQL file of this revision."""
    run_sql_file("0015_weather.sql")

"""Versioned, forward-only migrations of the `ledger` schema."""

from __future__ import annotations

from pathlib import Path

from alembic import command, op
from alembic.config import Config
from sqlalchemy import create_engine

HERE = Path(__file__).parent
_LOCK = 7_316_501  # any constant: one process migrates at a time


def run_sql_file(name: str) -> None:
    """Run one SQL file of `versions/` on Alembic's connection."""
    op.get_bind().exec_driver_sql((HERE / "versions" / name).read_text().replace("%", "%%"))


def migrate(database_url: str, *, revision: str = "head") -> None:
    """Bring the database up to a revision; safe to run twice and at the same time as itself.

    Args:
        database_url: libpq URL of Leadmill's database (`postgresql://…`).
        revision: Alembic revision; "head" is the newest.
    """
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("path_separator", "os")
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://", 1))
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"select pg_advisory_lock({_LOCK})")
            connection.commit()
            try:
                config.attributes["connection"] = connection
                command.upgrade(config, revision)
                connection.commit()
            finally:
                connection.exec_driver_sql(f"select pg_advisory_unlock({_LOCK})")
                connection.commit()
    finally:
        engine.dispose()

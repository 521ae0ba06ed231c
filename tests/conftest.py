"""Shared fixtures: a real embedded PostgreSQL, a real DuckLake and a folder store, fresh for every test."""

from __future__ import annotations

import itertools
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from leadmill.bootstrap import App
from leadmill.settings import Settings

_numbers = itertools.count()
TEST_SECRET = "test-secret-key-of-at-least-32-characters"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server of this test process's own; `fsync` off, since a test's machine may not lose power."""
    from leadmill.local.postgres import start_postgres

    folder = Path("/tmp") / f"leadmill-test-pg-{os.getpid()}"
    server = start_postgres(folder)
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("alter system set fsync = off")
        connection.execute("select pg_reload_conf()")
    yield server.get_uri()
    server.cleanup_mode = "delete"
    server.cleanup()


@pytest.fixture(scope="session")
def template_database(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of a migrated database that every test's own is copied from."""
    from leadmill.sql.migrations import migrate

    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("create database leadmill_template")
    migrate(url_of(postgres, "leadmill_template"))
    return "leadmill_template"


def url_of(server_url: str, database: str) -> str:
    """The same server's URL for another database."""
    return server_url.replace("/postgres?", f"/{database}?", 1)


@pytest.fixture(scope="session")
def lake_template(postgres: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of a migrated database that holds an empty lake, too: copying it is ten times faster than making one."""
    from leadmill.adapters.lake.duck import Lake

    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"create database leadmill_lake_template template {template_database}")
    folder = tmp_path_factory.mktemp("lake-template")
    Lake(database_url=url_of(postgres, "leadmill_lake_template"), data_path=str(folder)).migrate()
    return "leadmill_lake_template"


@contextmanager
def fresh_database(server_url: str, template: str) -> Iterator[str]:
    """URL of a copy of a template, dropped at the end of the block."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"create database {name} template {template}")
    yield url_of(server_url, name)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
def database_url(request: pytest.FixtureRequest, postgres: str) -> Iterator[str]:
    """URL of a fresh, migrated database; with an empty lake where the test asks for `lake_app`."""
    wants_lake = "lake_app" in request.fixturenames
    template = request.getfixturevalue("lake_template" if wants_lake else "template_database")
    with fresh_database(postgres, template) as url:
        yield url


@pytest.fixture(scope="session")
def edge_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Base URL of a real edge with the tests' key and a store of its own: pre-flight tries its unsubscribe link."""
    store = tmp_path_factory.mktemp("edge-store")
    settings = Settings(secret_key=SecretStr(TEST_SECRET), store=f"file://{store}")
    with running_edge(settings) as url:
        yield url


@contextmanager
def running_edge(settings: Settings) -> Iterator[str]:
    """A real edge in a thread; its base URL."""
    import uvicorn

    from leadmill.edge.app import create_app

    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
    listening.close()


@pytest.fixture
def settings(database_url: str, tmp_path: Path, edge_url: str) -> Settings:
    """Settings of a process that works on the test's own database and folder."""
    return Settings(
        var_dir=tmp_path / "var",
        database_url=database_url,
        store=f"file://{tmp_path}/store",
        edge_base_url=edge_url,
        secret_key=SecretStr(TEST_SECRET),
        allow_special_use_domains=True,
    )


@pytest.fixture
def app(settings: Settings) -> Iterator[App]:
    """A wired App on a fresh database, store and (lazily made) lake."""
    app = App(settings)
    yield app
    app.database.close()


@pytest.fixture
def lake_app(app: App) -> App:
    """The same, with an empty lake."""
    app.lake.adopt_data_path()
    return app

"""What all incidents of the crash matrix share: a Postgres that can be killed, forked workers, and the providers' side."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from pydantic import SecretStr

from leadmill.bootstrap import App
from leadmill.local.postgres import start_postgres
from leadmill.settings import Settings
from tests.conftest import TEST_SECRET, url_of
from tests.crash_worker import Workers
from tests.provider_stubs import ProviderSide


class Server:
    """A Postgres of this module's own, so that it can be killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = start_postgres(folder)
        self.url = self._server.get_uri()

    def crash(self) -> None:
        """Immediate stop: no checkpoint, no goodbye to its clients; the next start replays the log."""
        pid = self._server.get_pid()
        assert pid
        os.kill(pid, signal.SIGQUIT)
        deadline = time.monotonic() + 20
        while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
            time.sleep(0.01)

    def start(self) -> None:
        self._server = start_postgres(self._folder)

    def delete(self) -> None:
        self._server.cleanup_mode = "delete"
        self._server.cleanup()


@dataclass
class Bench:
    """What all recoveries share."""

    server: Server
    workers: Workers
    side: ProviderSide
    folder: Path

    def app(self, database: str) -> App:
        return App(Settings(**{**self.settings(database), "secret_key": SecretStr(TEST_SECRET)}))

    def settings(self, database: str) -> dict[str, Any]:
        return {
            "var_dir": str(self.folder / "var"),
            "database_url": url_of(self.server.url, database),
            "store": f"file://{self.folder}/{database}",
            "secret_key": TEST_SECRET,
            "allow_special_use_domains": True,
        }

    def fresh(self, database: str) -> App:
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            connection.execute(f"create database {database} template crash_template")
        app = self.app(database)
        app.lake.adopt_data_path()
        return app

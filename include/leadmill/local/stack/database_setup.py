"""One PostgreSQL server with two databases, ours and Airflow's, both brought up to date."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from leadmill.errors import ConfigInvalid
from leadmill.local.postgres import create_database, database_url, start_postgres
from leadmill.local.stack.layout import REPOSITORY, StackSettings
from leadmill.local.stack.process_table import MIGRATIONS
from leadmill.local.stack.supervisor import tail


@dataclass(frozen=True)
class DatabaseUrls:
    """libpq URLs of the two databases."""

    leadmill: str
    airflow: str


def open_databases(settings: StackSettings) -> DatabaseUrls:
    """Start the embedded server, or reach the one that the settings name; both databases exist afterwards.

    Raises:
        ConfigInvalid: The server that the settings name does not answer.
    """
    if not (external := settings.database_url.get_secret_value()):
        server = start_postgres(settings.var / "postgres")
        return DatabaseUrls(database_url(server, "leadmill"), database_url(server, "airflow"))
    airflow = settings.airflow_database_url.get_secret_value() or beside(external, "airflow")
    try:
        create_database(external, urlsplit(airflow).path.lstrip("/"))
        psycopg.connect(airflow).close()
    except psycopg.OperationalError as error:
        raise ConfigInvalid(
            "PostgreSQL does not answer, or lets us not make Airflow's database there: check LEADMILL_DATABASE_URL "
            f"and LEADMILL_AIRFLOW_DATABASE_URL ({type(error).__name__})."
        ) from None
    return DatabaseUrls(external, airflow)


def beside(url: str, name: str) -> str:
    """The same server's URL for another database."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{name}")) if parts.netloc else f"postgresql:///{name}?{parts.query}"


class Migrations:
    """The migration commands, run side by side, and skipped where nothing changed since they last ran."""

    def __init__(self, settings: StackSettings, urls: DatabaseUrls, environment: Mapping[str, str]) -> None:
        self._urls = urls
        self._environment = environment
        self._log = settings.var / "logs" / "migrations.log"
        self._stamp = settings.var / "airflow" / "migrated"

    def run(self) -> str:
        """Bring both databases up to date; says in words what was done.

        Raises:
            ConfigInvalid: A command failed; its output's end is in the message.
        """
        ours, *airflows = MIGRATIONS
        begun = self._start(ours)
        skipped = self._airflow_is_current()
        if not skipped:
            for command in airflows:
                self._finish(command, self._start(command))
            self._stamp.write_text(self._airflow_fingerprint())
        self._finish(ours, begun)
        return "ledger and lake up to date" + ("" if skipped else ", Airflow's metadata migrated")

    def _start(self, command: tuple[str, ...]) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - the commands are ours
                command, env=dict(self._environment), cwd=REPOSITORY, stdout=log, stderr=subprocess.STDOUT
            )

    def _finish(self, command: tuple[str, ...], running: subprocess.Popen[bytes]) -> None:
        if code := running.wait():
            raise ConfigInvalid(f"`{' '.join(command)}` failed ({code}). Its log: {self._log}\n{tail(self._log)}")

    def _airflow_is_current(self) -> bool:
        return self._stamp.exists() and self._stamp.read_text() == self._airflow_fingerprint()

    def _airflow_fingerprint(self) -> str:
        """Airflow's version, its schema's revision and our pools: the command takes 10 s, this a few ms."""
        with psycopg.connect(self._urls.airflow) as connection:
            known = connection.execute("select to_regclass('public.alembic_version')").fetchone()
            revisions = (
                connection.execute("select version_num from alembic_version").fetchall() if known and known[0] else []
            )
        pools = hashlib.sha256(Path(REPOSITORY / MIGRATIONS[-1][-1]).read_bytes()).hexdigest()
        return f"{version('apache-airflow-core')} {sorted(row[0] for row in revisions)} {pools}"

"""The running stack as one object: start it, use it, stop it."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING, Any

from leadmill.errors import ConfigInvalid, LeadmillError
from leadmill.local.postgres import stop_postgres
from leadmill.local.stack.airflow_client import AirflowClient
from leadmill.local.stack.airflow_config import airflow_environment
from leadmill.local.stack.database_setup import DatabaseUrls, Migrations, open_databases
from leadmill.local.stack.layout import REPOSITORY, StackSettings
from leadmill.local.stack.ports import ports_of, refuse_taken_ports
from leadmill.local.stack.process_table import Process, airflow_processes, base_environment, light_processes
from leadmill.local.stack.progress import Progress
from leadmill.local.stack.secrets import load_secrets, write_private
from leadmill.local.stack.sessions import Sessions
from leadmill.local.stack.supervisor import Supervisor
from leadmill.settings import STACK_ENVIRONMENT

if TYPE_CHECKING:
    from leadmill.bootstrap import App


class Stopped(LeadmillError):
    """Somebody asked the stack to stop."""


class Stack:
    """One embedded Leadmill: at most one per state folder, which a lock file guards."""

    def __init__(self, settings: StackSettings, progress: Progress | None = None) -> None:
        self.settings = settings
        self.progress = progress or Progress()
        self.stop_asked = threading.Event()
        self.environment: dict[str, str] = {}
        self.urls = DatabaseUrls("", "")
        self._lock: IO[str] | None = None
        settings.make_folders()
        self.secrets = load_secrets(settings.var / "secrets", airflow_user=settings.airflow_user)
        self.sessions = sessions_of(settings.var)
        self.supervisor = Supervisor(sessions=self.sessions, logs=settings.var / "logs", folder=REPOSITORY)

    @cached_property
    def app(self) -> App:
        """Leadmill's composition root on this stack's databases and store."""
        from leadmill.bootstrap import App
        from leadmill.settings import Settings

        given: dict[str, Any] = {
            key.removeprefix("LEADMILL_").lower(): value for key, value in self.environment.items()
        }
        return App(Settings(**{name: given[name] for name in Settings.model_fields if name in given}))

    @cached_property
    def airflow(self) -> AirflowClient:
        """This stack's Airflow, over its REST API."""
        return AirflowClient(
            self.settings.url(self.settings.airflow_port),
            user=self.settings.airflow_user,
            password=self.secrets.airflow_password,
        )

    def start(self) -> None:
        """Start everything and return when all of it is healthy.

        Raises:
            ConfigInvalid: A port is taken, another stack runs in this folder, or a process does not get healthy.
            Stopped: Somebody asked to stop meanwhile.
        """
        self._lock = lock(self.settings.var)
        self.sessions.end()  # what a killed stack may have left behind
        refuse_taken_ports(self.settings.host, ports_of(self.settings))
        with self.progress.stage("PostgreSQL is up") as stage:
            self.urls = open_databases(self.settings)
            stage.result = "embedded" if not self.settings.database_url.get_secret_value() else "yours"
        self.environment = base_environment(
            self.settings, database_url=self.urls.leadmill, secret_key=self.secrets.secret_key
        )
        self._write_environment()
        for_airflow = self.environment | airflow_environment(self.settings, self.secrets, self.urls.airflow)
        with self.progress.stage("Migrations") as stage:
            stage.result = Migrations(self.settings, self.urls, for_airflow).run()
        heavy = airflow_processes(self.settings, for_airflow)
        log_in = {
            "LEADMILL_AIRFLOW_USER": self.settings.airflow_user,
            "LEADMILL_AIRFLOW_PASSWORD": self.secrets.airflow_password,
        }
        light = light_processes(self.settings, self.environment, airflow_log_in=log_in)
        self.supervisor.start([*heavy, *light])
        with self.progress.stage("Streamlit, edge app and the local mail world are up"):
            self._wait_healthy(light)
        with self.progress.stage("Airflow is healthy") as stage:
            self._wait_healthy(heavy)
            self.airflow.wait_for_dags({path.stem for path in (REPOSITORY / "dags").glob("*.py")})
            stage.result = f"{len(self.airflow.dag_ids())} DAGs"
        self._write_credentials()

    def _wait_healthy(self, processes: Sequence[Process]) -> None:
        self.supervisor.wait_healthy([process.name for process in processes], stop_asked=self.stop_asked)
        if self.stop_asked.is_set():
            raise Stopped("Stopped while starting.")

    def stop(self) -> None:
        """Stop every process, then the embedded PostgreSQL; nothing to do where nothing was started."""
        if not self.environment:
            return
        with self.progress.stage("All is stopped (tasks under way end first; Ctrl-C again does not wait for them)"):
            self.supervisor.stop()
            if "app" in self.__dict__:
                self.app.database.close()
            if not self.settings.database_url.get_secret_value():
                stop_postgres(self.settings.var / "postgres")
            self.environment = {}
            if self._lock:
                self._lock.close()

    def ask_to_stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """Handle Ctrl-C and SIGTERM: the first asks, a second raises KeyboardInterrupt."""
        if self.stop_asked.is_set():
            raise KeyboardInterrupt
        self.stop_asked.set()

    def handle_signals(self) -> None:
        """Let Ctrl-C, SIGTERM and a closed terminal ask this stack to stop."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.ask_to_stop)

    def credentials(self) -> str:
        """URLs and log-ins, as text for a person."""
        settings, page = self.settings, "" if not self.settings.local_world else "\n"
        if page:
            page += f"Mails received   {settings.url(settings.mail_page_port)}"
        password = (settings.var / "secrets" / "streamlit-password").read_text().strip()
        return (
            f"Streamlit        {settings.url(settings.streamlit_port)}   {settings.admin_email}   {password}\n"
            f"Airflow          {settings.url(settings.airflow_port)}   {settings.airflow_user}   "
            f"{self.secrets.airflow_password}{page}"
        )

    def _write_environment(self) -> None:
        """Let `leadmill …` in a shell beside this stack find it."""
        own = sorted((key, value) for key, value in self.environment.items() if key.startswith("LEADMILL_"))
        write_private(self.settings.var / STACK_ENVIRONMENT, "".join(f"{key}='{value}'\n" for key, value in own))

    def _write_credentials(self) -> None:
        kept = self.settings.var / "secrets" / "streamlit-password"
        made = self.app.ensure_first_admin(self.settings.admin_email, datetime.now(UTC))
        if made:
            write_private(kept, made)
        elif not kept.exists():
            write_private(kept, "(set by its user)")
        write_private(self.settings.var / "credentials.txt", self.credentials() + "\n")


def sessions_of(var: Path) -> Sessions:
    """The sessions of the stack in that folder."""
    return Sessions(var / "run" / "sessions")


def lock(var: Path) -> IO[str]:
    """Hold the state folder's lock, with our process id in it, until the file is closed.

    Raises:
        ConfigInvalid: Another stack holds it.
    """
    file = (var / "run" / "stack.pid").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        raise ConfigInvalid(
            f"Another Leadmill runs in {var} (process {file.read().strip()}); `make down` stops it."
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def stop_running(var: Path, *, seconds: float = 60.0) -> str:
    """Stop the stack of that folder, whichever terminal it runs in; says in words what was found."""
    pid_file = var / "run" / "stack.pid"
    try:
        lock(var).close()
    except (ConfigInvalid, FileNotFoundError):
        if not pid_file.exists():
            return "No Leadmill runs here."
        os.kill(int(pid_file.read_text()), signal.SIGTERM)
        if not _released(var, seconds):
            return f"Leadmill (process {pid_file.read_text()}) has not stopped within {seconds:.0f} s."
        return "Leadmill has stopped."
    left = sessions_of(var).end()  # it was killed: finish what it could not
    postgres = stop_postgres(var / "postgres")
    return "Leadmill was not running; ended what it had left behind." if left or postgres else "No Leadmill runs here."


def _released(var: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            lock(var).close()
        except ConfigInvalid:
            time.sleep(0.2)
        else:
            return True
    return False

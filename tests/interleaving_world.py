"""Workers whose transactions are run statement by statement, in whatever order a test draws.

A worker is a thread with a connection of its own. Before each statement, and at each crash point (so: before a commit),
it waits at a gate; `Worker.step` lets it pass one. A worker that waits for a row lock is seen as such in
`pg_stat_activity` and left alone until the lock's owner moves on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from leadmill.adapters.ledger.database import Database
from leadmill.bootstrap import App
from leadmill.settings import Settings

STUCK_SECONDS = 20.0
_here = threading.local()
deadlocks: list[str] = []
"""What Postgres said of transactions that it broke off; the ledger runs them again, but nobody should ever wait for that."""


class Gate:
    """Where one worker waits for leave to go on."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._permits = 0
        self._is_open = False
        self.is_waiting = False
        self.backend_pid: int | None = None

    def arrive(self) -> None:
        with self._changed:
            if self._is_open:
                return
            self.is_waiting = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._permits > 0 or self._is_open)
            self._permits = max(0, self._permits - 1)
            self.is_waiting = False

    def let_pass(self) -> None:
        with self._changed:
            self.is_waiting = False
            self._permits += 1
            self._changed.notify_all()

    def open_for_good(self) -> None:
        with self._changed:
            self._is_open = True
            self._changed.notify_all()

    def wait_for_arrival(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.is_waiting, seconds)


def at_gate() -> None:
    """Wait here if this thread is a worker's."""
    gate: Gate | None = getattr(_here, "gate", None)
    if gate is not None:
        gate.arrive()


class GatedCursor(psycopg.Cursor[Any]):
    """Waits before each statement."""

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        gate: Gate | None = getattr(_here, "gate", None)
        if gate is not None:
            gate.backend_pid = self.connection.info.backend_pid
            gate.arrive()
        return super().execute(*args, **kwargs)


class GatedDatabase(Database):
    """The ledger's pool with one connection, whose statements wait at the gate of the thread that runs them."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._pool = ConnectionPool(
            url,
            connection_class=psycopg.Connection,
            min_size=0,
            max_size=1,
            open=False,
            kwargs={
                "row_factory": dict_row,
                "cursor_factory": GatedCursor,
                "options": "-c timezone=UTC",
                "application_name": "leadmill",
            },
        )

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection[DictRow]]:
        try:
            with super().transaction() as connection:
                yield connection
        except psycopg.errors.DeadlockDetected as error:  # here, since a pipeline's statements fail at its end
            deadlocks.append(str(error))
            raise


class Worker:
    """One thread and one connection; does one thing at a time, statement by statement."""

    def __init__(self, name: str, settings: Settings, admin: psycopg.Connection[Any]) -> None:
        self.name = name
        self.app = App(settings)
        self.app.__dict__["database"] = GatedDatabase(settings.database_url)
        self._admin = admin
        self._gate = Gate()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._thread.submit(self._enter).result()
        self._future: Future[Any] | None = None

    def _enter(self) -> None:
        _here.gate = self._gate

    @property
    def is_busy(self) -> bool:
        return self._future is not None

    def start(self, work: Callable[[], None]) -> None:
        """Begin; it comes to its first gate."""
        assert self._future is None
        self._future = self._thread.submit(work)
        self._settle()

    def step(self) -> None:
        """One statement further, if it does not wait for a lock."""
        if self._future is not None and self._gate.is_waiting:
            self._gate.let_pass()
        self._settle()

    @property
    def is_blocked(self) -> bool:
        """Whether its statement waits for another transaction."""
        if self._gate.backend_pid is None:
            return False
        row = self._admin.execute(
            "select wait_event_type = 'Lock' as blocked from pg_stat_activity where pid = %s", (self._gate.backend_pid,)
        ).fetchone()
        return bool(row and row["blocked"])

    def _settle(self) -> None:
        """Return once it waits at a gate, waits for a lock, or is done; an error of its work is raised here."""
        deadline = time.monotonic() + STUCK_SECONDS
        while self._future is not None:
            if self._future.done():
                done, self._future = self._future, None
                done.result()
            elif self._gate.wait_for_arrival(0.002) or self.is_blocked:
                return
            elif time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} neither waits nor comes to an end")

    def close(self) -> None:
        self._gate.open_for_good()
        self._thread.shutdown(wait=True)
        self.app.database.close()

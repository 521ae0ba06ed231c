"""Keeps processes running: starts them, restarts those that die, ends every one of them, children included."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from leadmill.errors import ConfigInvalid
from leadmill.local.stack.process_table import Process
from leadmill.local.stack.sessions import Sessions

_POLL_SECONDS = 0.2
_STEADY_SECONDS = 60.0  # a process that ran this long has not failed to start
_LONGEST_PAUSE_SECONDS = 30.0
_LAST_SECONDS = 3.0  # for what did not end at the first request
_TROUBLE_PAUSE_SECONDS = 5.0  # the system has no room, file or process for it now
_KEPT_LOG_BYTES = 20_000_000


@dataclass
class _Child:
    """One process and what became of its earlier lives."""

    process: Process
    running: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_after: float = 0.0
    failures: int = 0
    exit_codes: list[int] = field(default_factory=list)


class Supervisor:
    """Runs processes until told to stop; one thread starts, watches and restarts them.

    Each child leads a session of its own, so Ctrl-C reaches the supervisor alone and children end in order. On
    Linux the kernel tells a child when the supervisor dies (`setpriv --pdeathsig`), whatever killed it: `airflow
    standalone` leaves its scheduler, DAG processor and triggerer behind in that case. A guardian process ends what
    such children leave.
    """

    def __init__(self, *, sessions: Sessions, logs: Path, folder: Path) -> None:
        self._sessions = sessions
        self._logs = logs
        self._folder = folder
        self._children: dict[str, _Child] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._finished = threading.Event()
        self._thread: threading.Thread | None = None
        self._guardian: subprocess.Popen[bytes] | None = None

    def start(self, processes: Iterable[Process]) -> None:
        """Start processes; they are restarted from now on whenever they end."""
        with self._lock:
            for process in processes:
                self._children.setdefault(process.name, _Child(process))
            if self._thread is None:
                self._guardian = self._start_guardian()
                self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
                self._thread.start()

    def pids(self) -> dict[str, int]:
        """Process id of each child that runs now."""
        with self._lock:
            return {name: child.running.pid for name, child in self._children.items() if child.running}

    def wait_healthy(self, names: Sequence[str], *, stop_asked: threading.Event) -> None:
        """Return once each of these processes is healthy, or somebody asked to stop.

        Raises:
            ConfigInvalid: One is not within its time, or ended three times; says which, why, and where its log is.
        """
        for name in names:
            child = self._children[name]
            deadline = time.monotonic() + child.process.start_seconds
            while missing := self._missing(child):
                if time.monotonic() > deadline or child.failures > 2:  # noqa: PLR2004 - twice may be bad luck
                    ended = f"; it ended with {child.exit_codes[-3:]}" if child.exit_codes else ""
                    log = self._logs / f"{name}.log"
                    raise ConfigInvalid(f"{name} did not get healthy: {missing}{ended}. Its log: {log}\n{tail(log)}")
                if stop_asked.wait(_POLL_SECONDS):
                    return

    def stop(self) -> list[int]:
        """End every child and whatever they started; returns the ids of processes that had to be killed.

        A second Ctrl-C meanwhile ends the waiting: what still runs is killed.
        """
        self._stopping.set()
        with self._lock:
            running = [(child.process, child.running) for child in self._children.values() if child.running]
        with contextlib.suppress(KeyboardInterrupt):
            for is_last in (False, True):
                _end([(process, leader) for process, leader in running if process.stops_last is is_last])
        self._finished.set()  # not earlier: a thread's end is a second SIGTERM for its children, so "don't wait"
        if self._thread:
            self._thread.join(timeout=5.0)
        killed = self._sessions.end()
        if self._guardian:
            self._guardian.communicate()  # closes its pipe; it finds nothing to do and ends
        return killed

    def _start_guardian(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "leadmill.local.stack.guardian", str(self._sessions.file)]
        with self._log("supervisor") as log:
            return subprocess.Popen(  # noqa: S603 - ours
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
            )

    def _missing(self, child: _Child) -> str:
        if child.running is None or child.running.poll() is not None:
            return "it is not running"
        return child.process.check()

    def _watch(self) -> None:
        while not self._finished.wait(_POLL_SECONDS):
            if self._stopping.is_set():
                continue
            with self._lock:
                for child in self._children.values():
                    self._try_to_keep_running(child)

    def _try_to_keep_running(self, child: _Child) -> None:
        """A full disk or a lack of files must not end this thread: every child ends with it."""
        try:
            self._keep_running(child)
        except OSError as error:
            child.start_after = max(child.start_after, time.monotonic() + _TROUBLE_PAUSE_SECONDS)
            with contextlib.suppress(OSError):
                print(f"{child.process.name}: {error}; tried again in a few seconds", file=sys.stderr, flush=True)

    def _keep_running(self, child: _Child) -> None:
        now = time.monotonic()
        if child.running is not None and (code := child.running.poll()) is not None:
            steady = now - child.started_at > _STEADY_SECONDS
            child.failures = 1 if steady else child.failures + 1
            child.exit_codes.append(code)
            pause = min(_LONGEST_PAUSE_SECONDS, 2.0 ** (child.failures - 1))
            child.start_after = now + pause
            _signal_group(child.running.pid, signal.SIGTERM)
            child.running = None
            self._note(child, f"ended with {code}; starts again in {pause:.0f} s")
        if child.running is None and now >= child.start_after and not self._stopping.is_set():
            child.running = self._spawn(child.process)
            child.started_at = now
            self._note(child, f"started as process {child.running.pid}")

    def _spawn(self, process: Process) -> subprocess.Popen[bytes]:
        program = shutil.which(process.command[0], path=process.environment.get("PATH")) or process.command[0]
        command = [*_tether(), program, *process.command[1:]]
        with self._log(process.name) as log:
            child = subprocess.Popen(  # noqa: S603 - the commands are ours
                command,
                env=dict(process.environment),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._sessions.remember(child.pid)
        except OSError:  # what is not noted could outlive us, and would run beside its next life
            _signal_group(child.pid, signal.SIGKILL)
            child.wait()
            raise
        return child

    def _log(self, name: str) -> IO[bytes]:
        path = self._logs / f"{name}.log"
        if path.exists() and path.stat().st_size > _KEPT_LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path.open("ab")

    def _note(self, child: _Child, text: str) -> None:
        with contextlib.suppress(OSError), self._log("supervisor") as log:
            log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {child.process.name}: {text}\n".encode())


def tail(path: Path, lines: int = 12) -> str:
    """The last lines of a log."""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""


def _tether() -> list[str]:
    """A prefix that has the kernel end the command when the thread that started it dies; Linux only."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []


def _end(running: Sequence[tuple[Process, subprocess.Popen[bytes]]]) -> None:
    """Ask processes to end, give each its time, then ask its whole group."""
    asked = time.monotonic()
    for _, leader in running:
        _signal(leader.pid, signal.SIGTERM)
    for process, leader in sorted(running, key=lambda each: each[0].grace_seconds):
        _wait_for(leader, asked + process.grace_seconds - time.monotonic())
        _signal_group(leader.pid, signal.SIGTERM)  # what it left in its group, or the leader again
    for process, leader in running:
        _wait_for(leader, asked + process.grace_seconds + _LAST_SECONDS - time.monotonic())


def _wait_for(child: subprocess.Popen[bytes], seconds: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(max(0.0, seconds))


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return

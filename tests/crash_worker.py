"""A warm parent process that forks dispatch workers and can stop one at a named crash point, to be killed there.

Forking from one process that imported everything makes a worker in 20 ms instead of 2 s. Orders are JSON lines on stdin,
answers JSON lines on stdout. A worker that reaches its point stops itself by SIGSTOP, all threads at once, with its
connections and transactions open; the test then kills it, as the kernel or a machine that dies would.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DEADLINE_SECONDS = 60.0


@dataclass(frozen=True)
class Worker:
    """One forked worker; `passed` is where it notes how often it passed each point."""

    pid: int
    passed: Path


class Workers:
    """Starts, awaits and kills workers; the other end of `serve`."""

    def __init__(self, log: Path) -> None:
        self._log = log.open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash_worker"],
            cwd=ROOT,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self._ask_lock = threading.Lock()

    def start(
        self, lane: str, *, as_of: datetime, settings: dict[str, str], passed: Path, stop_at: str = "", nth: int = 1
    ) -> Worker:
        """Fork a worker that sends one lane; it stops when it reaches `stop_at` for the nth time."""
        order = {"do": "start", "lane": lane, "as_of": as_of.isoformat(), "settings": settings, "passed": str(passed)}
        return Worker(self._ask(order | {"stop_at": stop_at, "nth": nth})["pid"], passed)

    def preload(self, worker: Worker) -> None:
        """Import into the parent what that worker had to import for itself: every further one finds it there."""
        self._ask({"do": "preload", "modules": Path(f"{worker.passed}.modules").read_text().split()})

    def state(self, worker: Worker) -> str:
        """`running`, `stopped`, or `ended N` with its exit code."""
        return str(self._ask({"do": "state", "pid": worker.pid})["state"])

    def wait(self, worker: Worker) -> str:
        """The state that it comes to rest in."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while (state := self.state(worker)) == "running":
            if time.monotonic() > deadline:
                raise TimeoutError(f"worker {worker.pid} neither stopped nor ended; see {self._log.name}")
            time.sleep(0.002)
        return state

    def stop(self, worker: Worker) -> None:
        """Stop it wherever it is."""
        os.kill(worker.pid, signal.SIGSTOP)

    def kill(self, worker: Worker) -> None:
        """SIGKILL, and wait until it is gone; one that ended by itself is let be."""
        self._ask({"do": "kill", "pid": worker.pid})

    def close(self) -> None:
        """End the parent; it takes its workers along."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._log.close()

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._ask_lock:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        assert line, f"the workers' parent died; see {self._log.name}"
        return dict(json.loads(line))


def passed_points(worker: Worker) -> Counter[str]:
    """How often a worker passed each point, in the order of the first time."""
    return Counter(worker.passed.read_text().split())


def serve() -> None:
    """Import what a worker needs, then fork one an order."""
    _warm_up()
    states: dict[int, str] = {}
    for line in sys.stdin:
        order = json.loads(line)
        sys.stdout.write(json.dumps(_obey(order, states)) + "\n")
        sys.stdout.flush()
    for pid, state in states.items():
        if not state.startswith("ended"):
            _kill(pid)


def _obey(order: dict[str, Any], states: dict[int, str]) -> dict[str, Any]:
    if order["do"] == "start":
        pid = os.fork()
        if pid == 0:
            _be_worker(order)
        states[pid] = "running"
        return {"pid": pid}
    if order["do"] == "preload":
        for name in order["modules"]:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        return {}
    pid = order["pid"]
    if order["do"] == "kill":
        if not states.pop(pid).startswith("ended"):
            _kill(pid)
        return {}
    found, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
    if found:
        states[pid] = "stopped" if os.WIFSTOPPED(status) else f"ended {os.waitstatus_to_exitcode(status)}"
    return {"state": states[pid]}


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _warm_up() -> None:
    import leadmill.adapters.ledger.sends
    import leadmill.bootstrap
    import leadmill.services.send_lane  # noqa: F401


def _be_worker(order: dict[str, Any]) -> None:
    """One worker's life: what `dispatch_campaigns` does for a lane, then out, without the parent's exit hooks."""
    code = 1
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        _send(order)
        code = 0
    except BaseException:  # noqa: BLE001 - a forked child must never return into the parent's code
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _send(order: dict[str, Any]) -> None:
    from leadmill.bootstrap import App
    from leadmill.domain import crash_points
    from leadmill.services.lane_run import LaneRun
    from leadmill.settings import Settings

    # A claim's answers are written together, so that how many stay in doubt does not depend on how fast this machine is.
    LaneRun.RECORD_WITHIN_SECONDS = DEADLINE_SECONDS
    with Path(order["passed"]).open("a") as passed:
        crash_points.observe(_stopper(order["stop_at"], order["nth"], lambda name: _note(passed, name)))
        App(Settings(**order["settings"])).send_lane(
            order["lane"], datetime.fromisoformat(order["as_of"]), time_budget_seconds=20
        )
    Path(f"{order['passed']}.modules").write_text("\n".join(sorted(sys.modules)))


def _note(passed: Any, name: str) -> None:
    passed.write(name + "\n")
    passed.flush()


def _stopper(stop_at: str, nth: int, note: Callable[[str], None]) -> Callable[[Any], None]:
    count = 0
    lock = threading.Lock()

    def observer(point: Any) -> None:
        nonlocal count
        with lock:
            note(point.name)
            count += point.name == stop_at
            is_here = point.name == stop_at and count == nth
            if is_here:
                os.kill(os.getpid(), signal.SIGSTOP)
                while True:  # until the signal reaches this thread, and for ever after
                    time.sleep(1)

    return observer


if __name__ == "__main__":
    serve()

"""The supervisor of the embedded stack, on real processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from leadmill.errors import ConfigInvalid
from leadmill.local.stack.health import tcp_accepts
from leadmill.local.stack.layout import StackSettings
from leadmill.local.stack.ports import Port, free_ports, ports_of, refuse_taken_ports
from leadmill.local.stack.process_table import Process
from leadmill.local.stack.sessions import Sessions
from leadmill.local.stack.supervisor import Supervisor

# A parent with a child in a process group of its own, as Airflow's task processes are; it ignores SIGTERM.
FAMILY = """
import os, signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import signal,time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"],
                         process_group=0)
open(sys.argv[1], "a").write(f"{os.getpid()} {child.pid}\\n")
time.sleep(600)
"""
SUPERVISING = """
import sys, time
from pathlib import Path
from leadmill.local.stack.process_table import Process
from leadmill.local.stack.sessions import Sessions
from leadmill.local.stack.supervisor import Supervisor
folder = Path(sys.argv[1])
supervisor = Supervisor(sessions=Sessions(folder / "sessions"), logs=folder, folder=folder)
supervisor.start([Process("family", (sys.executable, "-c", sys.argv[2], str(folder / "pids")), {}, lambda: "")])
time.sleep(600)
"""


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(sessions=Sessions(tmp_path / "sessions"), logs=tmp_path, folder=tmp_path)
    yield supervisor
    supervisor.stop()


def python(name: str, code: str, *arguments: str, **options: object) -> Process:
    return Process(
        name,
        (sys.executable, "-c", code, *arguments),
        {},
        options.pop("check", lambda: ""),
        grace_seconds=1.0,
        **options,
    )


def eventually(condition: Callable[[], object], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def pids_in(file: Path) -> list[int]:
    return [int(word) for word in file.read_text().split()] if file.exists() else []


def test_a_crashed_process_is_started_again(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start([python("worker", FAMILY, str(tmp_path / "pids"))])
    assert eventually(lambda: len(pids_in(tmp_path / "pids")) == 2)

    os.kill(supervisor.pids()["worker"], signal.SIGKILL)

    assert eventually(lambda: len(pids_in(tmp_path / "pids")) == 4)
    assert lives(supervisor.pids()["worker"])


def test_a_process_that_cannot_be_started_does_not_end_the_watch_over_the_others(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    (tmp_path / "blocked.log").mkdir()  # opening its log is an OSError, as on a full disk
    supervisor.start(
        [python("blocked", "import time; time.sleep(600)"), python("worker", FAMILY, str(tmp_path / "pids"))]
    )
    assert eventually(lambda: len(pids_in(tmp_path / "pids")) == 2)
    (tmp_path / "supervisor.log").unlink()
    (tmp_path / "supervisor.log").mkdir()  # nor can it take notes any more

    os.kill(supervisor.pids()["worker"], signal.SIGKILL)

    assert eventually(lambda: len(pids_in(tmp_path / "pids")) == 4)
    (tmp_path / "blocked.log").rmdir()
    assert eventually(lambda: "blocked" in supervisor.pids())


def test_a_process_whose_session_cannot_be_noted_does_not_run_unwatched(supervisor: Supervisor, tmp_path: Path) -> None:
    (tmp_path / "sessions").mkdir()  # writing to it is an OSError, as on a full disk
    supervisor.start([python("worker", "import sys, time; print(time.sleep(600), sys.argv)", str(tmp_path))])
    time.sleep(1)
    assert not [p for p in psutil.process_iter(["cmdline"]) if (p.info["cmdline"] or [])[-1:] == [str(tmp_path)]]

    (tmp_path / "sessions").rmdir()

    assert eventually(lambda: "worker" in supervisor.pids())


def test_stopping_ends_children_that_left_their_process_group(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start([python("family", FAMILY, str(tmp_path / "pids"))])
    assert eventually(lambda: len(pids_in(tmp_path / "pids")) == 2)
    parent, child = pids_in(tmp_path / "pids")

    killed = supervisor.stop()

    assert not lives(parent)
    assert not lives(child)
    assert child in killed
    assert not (tmp_path / "sessions").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells a child of its parent's death on Linux only")
@pytest.mark.slow
def test_nothing_outlives_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    supervising = subprocess.Popen([sys.executable, "-c", SUPERVISING, str(tmp_path), FAMILY])
    assert eventually(lambda: len(pids_in(tmp_path / "pids")) == 2)
    parent, child = pids_in(tmp_path / "pids")

    supervising.kill()
    supervising.wait()

    assert eventually(lambda: not lives(parent)), "the kernel ends it"
    assert eventually(lambda: not lives(child)), "it ignores that, and the guardian ends it"


def test_the_next_start_ends_what_an_earlier_one_left(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start([python("family", FAMILY, str(tmp_path / "pids"))])
    assert eventually(lambda: len(pids_in(tmp_path / "pids")) == 2)
    parent, child = pids_in(tmp_path / "pids")
    supervisor._stopping.set()  # the earlier one is dead: it starts nothing again while its remains are ended

    assert set(Sessions(tmp_path / "sessions").end()) == {parent, child}
    assert not lives(child)


def test_a_process_that_keeps_failing_is_reported_with_its_last_words(supervisor: Supervisor) -> None:
    supervisor.start([python("broken", "raise SystemExit('no such table')", check=lambda: "not ready")])

    with pytest.raises(ConfigInvalid, match="broken did not get healthy") as raised:
        supervisor.wait_healthy(["broken"], stop_asked=threading.Event())

    assert "no such table" in str(raised.value)


def test_a_process_that_never_listens_is_reported_after_its_time(supervisor: Supervisor) -> None:
    [port] = free_ports(1)
    supervisor.start(
        [python("deaf", "import time; time.sleep(600)", check=tcp_accepts("127.0.0.1", port), start_seconds=0.5)]
    )

    with pytest.raises(ConfigInvalid, match="not listening yet"):
        supervisor.wait_healthy(["deaf"], stop_asked=threading.Event())


def test_a_taken_port_names_its_process_and_its_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        settings = StackSettings(streamlit_port=number)

        with pytest.raises(ConfigInvalid) as raised:
            refuse_taken_ports("127.0.0.1", [port for port in ports_of(settings) if port.number == number])

    assert f"port {number} for Streamlit is taken: set LEADMILL_STREAMLIT_PORT" in str(raised.value)


def test_a_port_asked_for_twice_is_refused() -> None:
    [number] = free_ports(1)
    twice = [Port(number, "Airflow", "LEADMILL_AIRFLOW_PORT"), Port(number, "Streamlit", "LEADMILL_STREAMLIT_PORT")]

    with pytest.raises(ConfigInvalid, match="LEADMILL_STREAMLIT_PORT"):
        refuse_taken_ports("127.0.0.1", twice)

"""Which processes belong to a stack: the members of the sessions that its supervisor opened.

A session outlives its leader, and Airflow's task processes leave their leader's process *group* but not its session;
an environment mark does not survive programs that rewrite their title (`setproctitle`), as Airflow's do.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil


class Sessions:
    """The sessions of one stack, remembered in a file, so that the next start finds what a killed one left."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def remember(self, leader: int) -> None:
        """Note a new session by its leader's process id and start time (ids are used again, times are not)."""
        try:
            started = psutil.Process(leader).create_time()
        except psutil.NoSuchProcess:  # it ended at once, and with it its session
            return
        with self.file.open("a") as file:
            file.write(f"{leader} {started}\n")

    def noted(self) -> dict[int, float]:
        """The sessions noted so far: leader's process id to its start time."""
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        return {int(pid): float(started) for pid, started in (line.split() for line in lines)}

    def members(self, noted: Mapping[int, float]) -> list[psutil.Process]:
        """Every living process of these sessions."""
        found = []
        for process in psutil.process_iter():
            try:
                session = os.getsid(process.pid)
                if session in noted and _is_same(session, noted[session]) and not _is_dead(process):
                    found.append(process)
            except (psutil.Error, OSError):  # ended meanwhile, or another user's
                continue
        return found

    def kill(self, noted: Mapping[int, float]) -> list[int]:
        """Kill every member of these sessions; returns the process ids that had to be killed."""
        left = self.members(noted)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=5.0)
        return [process.pid for process in left]

    def end(self) -> list[int]:
        """Kill what is left of all sessions noted, and forget them; returns the process ids killed."""
        killed = self.kill(self.noted())
        self.file.unlink(missing_ok=True)
        return killed


def _is_same(leader: int, started: float) -> bool:
    """Is a session of that number the one we opened? Its leader, where it still lives, started when ours did."""
    try:
        return abs(psutil.Process(leader).create_time() - started) < 1.0
    except psutil.NoSuchProcess:  # the leader is gone, and its id is not used again while its session has members
        return True


def _is_dead(process: psutil.Process) -> bool:
    return process.status() == psutil.STATUS_ZOMBIE

"""How much memory the stack uses: proportional set size, so that pages shared by forks count once."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import psutil

from leadmill.local.stack.stack import sessions_of

_MIB = 2**20


def memory_by_part(var: Path) -> dict[str, float]:
    """MiB of each part of the running stack, PostgreSQL and the supervisor included; largest first."""
    parts: dict[str, float] = defaultdict(float)
    sessions = sessions_of(var)
    for process in [*sessions.members(sessions.noted()), *_postgres(var), *_supervisor(var)]:
        try:
            parts[_name(process)] += process.memory_full_info().pss / _MIB
        except psutil.Error:  # ended meanwhile
            continue
    return dict(sorted(parts.items(), key=lambda item: -item[1]))


def _name(process: psutil.Process) -> str:
    words = " ".join(process.cmdline()) or process.name()
    known = {
        "api-server": "Airflow API server",
        "api_server": "Airflow API server",
        "scheduler": "Airflow scheduler and tasks",
        "LocalExecutor": "Airflow scheduler and tasks",
        "task supervisor": "Airflow scheduler and tasks",
        "dag-processor": "Airflow DAG processor",
        "triggerer": "Airflow triggerer",
        "edge": "edge app",
        "streamlit": "Streamlit",
        "local.recipients": "simulated recipients",
        "local.dns_server": "local DNS",
        "postgres": "PostgreSQL",
        "leadmill.local": "supervisor",
    }
    return next((name for word, name in known.items() if word in words), words[:40])


def _postgres(var: Path) -> list[psutil.Process]:
    pid_file = var / "postgres" / "postmaster.pid"
    try:
        server = psutil.Process(int(pid_file.read_text().splitlines()[0]))
        return [server, *server.children()]
    except (OSError, ValueError, psutil.Error):
        return []


def _supervisor(var: Path) -> list[psutil.Process]:
    try:
        return [psutil.Process(int((var / "run" / "stack.pid").read_text()))]
    except (OSError, ValueError, psutil.Error):
        return []

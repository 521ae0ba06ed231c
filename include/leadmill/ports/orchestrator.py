"""Asking the orchestrator to run a DAG now, instead of at its next scheduled time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Orchestrator(Protocol):
    """Starts DAG runs."""

    def start(self, dag_id: str, conf: Mapping[str, object]) -> str:
        """Start a run of that DAG now; returns the run's id.

        Raises:
            ProviderUnavailable: The orchestrator did not answer.
            CredentialsRejected: It refused our log-in.
            Conflict: It refused the run.
        """
        ...

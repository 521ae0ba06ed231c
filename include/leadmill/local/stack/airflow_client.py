"""Airflow's REST API (v2), as any other system would use it: log in, trigger a DAG, follow its run."""

from __future__ import annotations

import time
from typing import Any

import httpx

from leadmill.errors import CredentialsRejected, LeadmillError, ProviderUnavailable

_TIMEOUT_SECONDS = 20.0
_POLL_SECONDS = 0.5


class RunFailed(LeadmillError):
    """A DAG run ended in failure, or did not end in time."""


class AirflowClient:
    """A session with Airflow's API; logs in again when its token ends."""

    def __init__(self, base_url: str, *, user: str, password: str) -> None:
        self._credentials = {"username": user, "password": password}
        self._http = httpx.Client(base_url=base_url, timeout=_TIMEOUT_SECONDS, trust_env=False)

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None) -> str:
        """Start a run of that DAG now; returns the run's id."""
        body = {"logical_date": None, "conf": conf or {}}
        return str(self._request("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def wait(self, dag_id: str, run_id: str, *, seconds: float = 300.0) -> dict[str, Any]:
        """Return a run's record once it succeeded.

        Raises:
            RunFailed: It failed, or still runs after that time; says which of its tasks did not succeed.
        """
        deadline = time.monotonic() + seconds
        while True:
            run = self._request("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")
            if run["state"] == "success":
                return run
            if run["state"] == "failed" or time.monotonic() > deadline:
                how = "failed" if run["state"] == "failed" else f"has not ended within {seconds:.0f} seconds"
                raise RunFailed(
                    f"Run {run_id} of {dag_id} {how}: {self._unfinished(dag_id, run_id)}. Nothing was lost: the same "
                    "command goes on from here. If it happens again, see the run in Airflow, or `make logs`."
                )
            time.sleep(_POLL_SECONDS)

    def run(self, dag_id: str, conf: dict[str, Any] | None = None, *, seconds: float = 300.0) -> dict[str, Any]:
        """Start a run and wait for its success."""
        return self.wait(dag_id, self.trigger(dag_id, conf), seconds=seconds)

    def runs(self, dag_id: str, *, limit: int = 20) -> list[dict[str, Any]]:
        """The newest runs of a DAG, newest first."""
        query = {"order_by": "-run_after", "limit": limit}
        return list(self._request("GET", f"/api/v2/dags/{dag_id}/dagRuns", params=query)["dag_runs"])

    def dag_ids(self) -> set[str]:
        """The DAGs that Airflow knows and would run."""
        return {dag["dag_id"] for dag in self._request("GET", "/api/v2/dags", params={"limit": 100})["dags"]}

    def import_errors(self) -> list[str]:
        """Files that Airflow could not read as DAGs, each with the reason's last line."""
        errors = self._request("GET", "/api/v2/importErrors")["import_errors"]
        return [f"{error['filename']}: {error['stack_trace'].strip().splitlines()[-1]}" for error in errors]

    def wait_for_dags(self, expected: set[str], *, seconds: float = 120.0) -> None:
        """Return once Airflow has read these DAGs.

        Raises:
            RunFailed: Some are missing after that time; says which, and what Airflow says of their files.
        """
        deadline = time.monotonic() + seconds
        while missing := expected - self.dag_ids():
            if time.monotonic() > deadline:
                raise RunFailed(f"Airflow has not read {sorted(missing)}. {'; '.join(self.import_errors())}")
            time.sleep(_POLL_SECONDS)

    def _unfinished(self, dag_id: str, run_id: str) -> str:
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        tasks = self._request("GET", path, params={"limit": 200})["task_instances"]
        return ", ".join(f"{task['task_id']} {task['state']}" for task in tasks if task["state"] != "success")

    def _request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, **options)
            if response.status_code == httpx.codes.UNAUTHORIZED:
                self._log_in()
                response = self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise ProviderUnavailable(f"{method} {path}: Airflow's API does not answer ({error}).") from error
        if response.is_error:
            raise RunFailed(f"{method} {path}: Airflow's API answered {response.status_code}: {response.text[:300]}")
        return dict(response.json())

    def _log_in(self) -> None:
        answer = self._http.post("/auth/token", json=self._credentials)
        if answer.is_error:
            raise CredentialsRejected(f"Airflow refused the log-in of {self._credentials['username']}.")
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

"""`ports.orchestrator` over Airflow's REST API (v2)."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from leadmill.errors import Conflict, CredentialsRejected, ProviderUnavailable

TIMEOUT_SECONDS = 5.0
"""Somebody waits in front of a page: the schedule does the same work a little later."""


class AirflowApi:
    """Logs in for each request: requests are rare, and tokens end.

    Source: Airflow 3, public API, `POST /auth/token` and `POST /api/v2/dags/{dag_id}/dagRuns`.
    """

    def __init__(self, base_url: str, *, user: str, password: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._base_url = base_url
        self._credentials = {"username": user, "password": password}
        self._timeout_seconds = timeout_seconds

    def start(self, dag_id: str, conf: Mapping[str, object]) -> str:
        # trust_env off: Airflow is a neighbour, and a proxy of the environment would not reach it.
        try:
            with httpx.Client(base_url=self._base_url, timeout=self._timeout_seconds, trust_env=False) as client:
                client.headers["Authorization"] = f"Bearer {self._token(client)}"
                answer = client.post(f"/api/v2/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": dict(conf)})
        except httpx.TransportError as error:
            raise ProviderUnavailable(
                f"Starting {dag_id}: Airflow's API does not answer; its schedule starts it later."
            ) from error
        if answer.is_server_error:
            raise ProviderUnavailable(
                f"Starting {dag_id}: Airflow's API answered {answer.status_code}; look at its log."
            )
        if answer.is_error:
            raise Conflict(f"Starting {dag_id}: Airflow's API refused it with {answer.status_code}; look at the DAG.")
        return str(answer.json()["dag_run_id"])

    def _token(self, client: httpx.Client) -> str:
        answer = client.post("/auth/token", json=self._credentials)
        if answer.is_server_error:
            raise ProviderUnavailable(f"Airflow's log-in answered {answer.status_code}; look at its log.")
        if answer.is_error:
            raise CredentialsRejected("Airflow refused the log-in; see LEADMILL_AIRFLOW_USER and _PASSWORD.")
        return str(answer.json()["access_token"])

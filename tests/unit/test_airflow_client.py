"""What people read when a run of Airflow does not come to its end."""

from __future__ import annotations

import httpx
import pytest

from leadmill.local.stack.airflow_client import AirflowClient, RunFailed


@pytest.mark.parametrize(("state", "said"), [("running", "has not ended within -1 seconds"), ("failed", "failed: ")])
def test_a_run_that_does_not_end_well_says_what_to_do(state: str, said: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("taskInstances"):
            return httpx.Response(200, json={"task_instances": [{"task_id": "project", "state": state}]})
        return httpx.Response(200, json={"state": state})

    client = AirflowClient("http://airflow.test", user="admin", password="secret")
    client._http = httpx.Client(base_url="http://airflow.test", transport=httpx.MockTransport(answer))
    with pytest.raises(RunFailed, match=rf"{said}.*project {state}.*the same command goes on from here"):
        client.wait("collect_events", "manual", seconds=-1)

"""Starting the planning of an approved campaign through Airflow's API, against a local server that records."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from leadmill.bootstrap import App
from leadmill.settings import Settings
from tests.mail_servers import HttpRecorder, http_server


def app_with(settings: Settings, url: str, password: str = "secret") -> App:
    return App(
        settings.model_copy(
            update={"airflow_api_url": url, "airflow_user": "admin", "airflow_password": SecretStr(password)}
        )
    )


def airflow(path: str, body: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """Answers as Airflow 3 does."""
    if path == "/auth/token":
        return (201, {}, b'{"access_token": "t0ken"}') if body["password"] == "secret" else (401, {}, b"{}")
    return 200, {}, b'{"dag_run_id": "manual__1"}'


def test_an_approval_starts_a_run_for_its_campaign(settings: Settings) -> None:
    recorder = HttpRecorder(airflow)
    with http_server(recorder) as url:
        assert app_with(settings, url).start_planning(7)
    (_, _, log_in), (path, headers, body) = recorder.requests
    assert log_in == {"username": "admin", "password": "secret"}
    assert path == "/api/v2/dags/plan_campaigns/dagRuns"
    assert headers["Authorization"] == "Bearer t0ken"
    assert body == {"logical_date": None, "conf": {"campaign_id": 7}}


def test_a_refused_log_in_leaves_it_to_the_schedule(settings: Settings) -> None:
    recorder = HttpRecorder(airflow)
    with http_server(recorder) as url:
        assert not app_with(settings, url, "wrong").start_planning(7)
    assert len(recorder.requests) == 1


def test_a_refused_run_leaves_it_to_the_schedule(settings: Settings) -> None:
    recorder = HttpRecorder(lambda path, body: airflow(path, body) if path == "/auth/token" else (404, {}, b"{}"))
    with http_server(recorder) as url:
        assert not app_with(settings, url).start_planning(7)


def test_without_a_log_in_or_an_airflow_it_is_left_to_the_schedule(settings: Settings) -> None:
    assert not App(settings).start_planning(7)
    assert not app_with(settings, "http://127.0.0.1:9").start_planning(7)

"""What must hold for every DAG file: it parses fast, explains itself, and has a run-book page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path.stem for path in (ROOT / "dags").glob("*.py"))
POOLS = {"default_pool", *json.loads((ROOT / "plugins/leadmill_airflow/pools.json").read_text())}
LONGEST = 80  # lines; STYLE: a DAG file reads like a table of contents
SLOWEST_SECONDS = 1.0  # CPU; great_expectations alone would take ten


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    environment = dict(os.environ) | {
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "PYTHONPATH": str(ROOT / "plugins"),
    }
    command = [sys.executable, str(Path(__file__).with_name("read_dags.py")), str(ROOT / "dags")]
    output = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    lines = [line for line in output.stdout.splitlines() if line.startswith("READ ")]
    assert lines, output.stderr[-2000:]
    return json.loads(lines[-1].removeprefix("READ "))


@pytest.fixture(params=FILES)
def dag(request: pytest.FixtureRequest, read: dict[str, Any]) -> dict[str, Any]:
    entry = read[request.param]
    assert entry["errors"] == []
    assert [each["dag_id"] for each in entry["dags"]] == [request.param], "one DAG a file, named like the file"
    return entry["dags"][0] | {"seconds": entry["seconds"]}


def test_every_dag_of_the_design_is_there() -> None:
    assert {
        "import_leads",
        "score_leads",
        "plan_send_windows",
        "plan_campaigns",
        "dispatch_campaigns",
        "collect_events",
        "check_blacklists",
        "check_conservation",
    } <= set(FILES)


def test_reading_the_dags_imports_nothing_heavy(read: dict[str, Any]) -> None:
    assert read[""]["heavy"] == []


@pytest.mark.parametrize("name", FILES)
def test_a_dag_file_is_a_table_of_contents(name: str) -> None:
    assert len((ROOT / "dags" / f"{name}.py").read_text().splitlines()) <= LONGEST


def test_a_dag_explains_what_it_does_and_that_running_it_again_is_safe(dag: dict[str, Any]) -> None:
    text = dag["doc_md"].lower()

    assert len(text) > 200
    assert "start" in text
    assert "writ" in text
    assert "again" in text or "re-running" in text or "twice" in text


def test_a_dag_has_tags_an_owner_and_retries(dag: dict[str, Any]) -> None:
    assert dag["tags"]
    assert dag["owners"] == ["leadmill"]
    assert min(dag["retries"]) >= 0
    assert max(dag["retries"]) > 0


def test_each_parameter_of_a_dag_has_a_type_and_a_description(dag: dict[str, Any]) -> None:
    for name, param in dag["params"].items():
        assert "type" in param["schema"] or "enum" in param["schema"], name
        assert param["description"], name


def test_a_form_can_be_sent_with_its_empty_fields(dag: dict[str, Any]) -> None:
    """Airflow's form keeps its button disabled while a field of type "string" is empty; "null" lets it be."""
    for name, param in dag["params"].items():
        assert param["value"] != "" or param["schema"].get("type") != "string", name


@pytest.mark.parametrize("name", ["collect_events", "import_leads"])
def test_what_lands_in_the_store_is_looked_for_by_the_clock_too(read: dict[str, Any], name: str) -> None:
    assert read[name]["dags"][0]["timetable"] == "AssetOrTimeSchedule"


def test_a_dag_uses_pools_that_exist(dag: dict[str, Any]) -> None:
    assert set(dag["pools"]) <= POOLS


def test_a_dag_is_read_quickly(dag: dict[str, Any]) -> None:
    assert dag["seconds"] < SLOWEST_SECONDS


@pytest.mark.parametrize("name", FILES)
def test_a_dag_has_a_run_book_with_a_curl_line(name: str) -> None:
    page = ROOT / "docs" / "runbooks" / f"{name}.md"

    assert page.exists()
    assert "curl" in page.read_text()
    assert f"dags/{name}/dagRuns" in page.read_text()


def test_a_dispatch_cycle_has_at_most_ten_tasks_whatever_the_number_of_lanes(read: dict[str, Any]) -> None:
    from leadmill.domain.dispatch import lane_groups

    lanes = [f"lane {n}" for n in range(40)]
    groups = lane_groups(lanes)
    dag = read["dispatch_campaigns"]["dags"][0]

    assert sorted(lane for group in groups for lane in group) == sorted(lanes)
    assert dag["mapped_tasks"] == 1
    assert dag["single_tasks"] + len(groups) <= 10
    assert [len(lane_groups(lanes[:n])) for n in (0, 1, 5, 6, 7)] == [0, 1, 5, 6, 6]


def test_every_task_refuses_a_run_with_a_parameter_that_its_dag_lacks(dag: dict[str, Any]) -> None:
    assert dag["unchecked"] == []


def test_a_misspelt_parameter_is_no_default(read: dict[str, Any]) -> None:
    assert read[""]["refused"] == (
        "dispatch_campaigns has no parameter 'dryrun'; it has dry_run, time_budget_seconds. Nothing was done."
    )
    assert read[""]["taken"] == [{}, {"dry_run": True}]

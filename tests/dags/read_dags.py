"""Read every DAG file in a process of its own, as Airflow's DAG processor does, and print what is in it as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

HEAVY = ("great_expectations", "xgboost", "pandas", "duckdb", "boto3", "streamlit", "numpy", "leadmill.bootstrap")


def _runs_of(dag: object, refuse: Callable[[dict[str, object]], None]) -> dict[str, object]:
    """What the check before each task says of runs with these parameters."""
    taken: list[object] = []
    refused = ""
    for conf in ({}, {"dry_run": True}, {"dryrun": True}):
        try:
            refuse({"dag": dag, "dag_run": SimpleNamespace(conf=conf)})
            taken.append(conf)
        except Exception as error:  # noqa: BLE001 - its words are what is asked for
            refused = str(error)
    return {"taken": taken, "refused": refused}


def read(folder: Path) -> dict[str, dict[str, object]]:
    import airflow.sdk  # noqa: F401 - what Airflow itself costs is not ours
    from airflow.dag_processing.dagbag import DagBag

    before = set(sys.modules)
    from leadmill_airflow.dag_defaults import refuse_unknown_params  # what every DAG file shares is not one file's time

    found: dict[str, dict[str, object]] = {}
    for path in sorted(folder.glob("*.py")):
        started = time.process_time()
        bag = DagBag(path, safe_mode=False, bundle_name="dags-folder")
        found[path.stem] = {
            "seconds": time.process_time() - started,
            "errors": list(bag.import_errors.values()),
            "dags": [
                {
                    "dag_id": dag.dag_id,
                    "doc_md": dag.doc_md or "",
                    "tags": sorted(dag.tags),
                    "owners": sorted({task.owner for task in dag.tasks}),
                    "retries": sorted({task.retries for task in dag.tasks}),
                    "pools": sorted({task.pool for task in dag.tasks}),
                    "single_tasks": sum(not hasattr(task, "expand_input") for task in dag.tasks),
                    "mapped_tasks": sum(hasattr(task, "expand_input") for task in dag.tasks),
                    "unchecked": sorted(
                        task.task_id
                        for task in dag.tasks
                        if (getattr(task, "partial_kwargs", None) or {"pre_execute": task._pre_execute_hook}).get(
                            "pre_execute"
                        )
                        is not refuse_unknown_params
                    ),
                    "timetable": type(dag.timetable).__name__,
                    "params": {
                        name: {"schema": param.schema, "description": param.description or "", "value": param.value}
                        for name, param in ((name, dag.params.get_param(name)) for name in dag.params)
                    },
                }
                for dag in bag.dags.values()
            ],
        }
    bag = DagBag(folder / "dispatch_campaigns.py", safe_mode=False, bundle_name="dags-folder")
    found[""] = _runs_of(bag.dags["dispatch_campaigns"], refuse_unknown_params)
    found[""] |= {"heavy": sorted(name for name in set(sys.modules) - before if name in HEAVY)}
    return found


if __name__ == "__main__":
    sys.stdout.write("READ " + json.dumps(read(Path(sys.argv[1]))) + "\n")

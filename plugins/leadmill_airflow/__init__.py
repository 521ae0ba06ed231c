"""Airflow-facing glue: what every DAG file takes from here. Nothing heavy is imported at module level."""

from __future__ import annotations

from leadmill_airflow.assets import EVENTS, LEADS, SCORES, SENDS
from leadmill_airflow.dag_defaults import DAG_DEFAULTS, app, as_of, fail_unless_all_succeeded

__all__ = ["DAG_DEFAULTS", "EVENTS", "LEADS", "SCORES", "SENDS", "app", "as_of", "fail_unless_all_succeeded"]

"""Defaults, retry policy and the few functions that every DAG shares."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule, task

if TYPE_CHECKING:
    from leadmill.bootstrap import App

RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(exception="leadmill.errors.PermanentError", action=RetryAction.FAIL, reason="a person has to act"),
        RetryRule(exception="leadmill.errors.TransientError", action=RetryAction.RETRY, reason="worth another try"),
    ]
)

DAG_DEFAULTS: dict[str, Any] = {
    "start_date": datetime(2026, 1, 1, tzinfo=UTC),
    "catchup": False,
    "max_active_runs": 1,
    "default_args": {
        "owner": "leadmill",
        "retries": 3,
        "retry_delay": timedelta(seconds=20),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=10),
        "retry_policy": RETRY_POLICY,
    },
}


def app() -> App:
    """Leadmill's composition root; imported when called, so that parsing a DAG file stays fast."""
    from leadmill.bootstrap import app as leadmill_app
    from leadmill_airflow.connections import password_of_connection

    found = leadmill_app()
    found.register_secrets("airflow", password_of_connection)
    return found


def as_of(context: Any) -> datetime:
    """The run's time: `run_after`, which is never None and the same when a task runs again."""
    run_after: datetime = context["dag_run"].run_after
    return run_after


@task(trigger_rule="none_failed")
def fail_unless_all_succeeded(results: Any) -> int:
    """The gate behind mapped tasks: it cannot run where one failed, so the run fails. Returns how many ran."""
    return len(list(results or []))

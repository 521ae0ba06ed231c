"""Defaults, retry policy and the few functions that every DAG shares."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule, task

if TYPE_CHECKING:
    from leadmill.bootstrap import App


def refuse_unknown_params(context: Any) -> None:
    """Before each task: a misspelt parameter must not pass as its default, such as `dryrun` for `dry_run`.

    Raises:
        InputInvalid: The run was given a parameter that its DAG does not have; the message names those it has.
    """
    known, given = context["dag"].params, context["dag_run"].conf or {}
    unknown = sorted(set(given) - set(known))
    if unknown:
        from leadmill.errors import InputInvalid

        has = f"it has {', '.join(sorted(known))}" if known else "it has none"
        raise InputInvalid(
            f"{context['dag'].dag_id} has no parameter {', '.join(map(repr, unknown))}; {has}. Nothing was done."
        )


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
        "pre_execute": refuse_unknown_params,
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

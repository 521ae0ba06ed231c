"""Dispatches running campaigns through every lane.

**Does:** sweeps first (suppressions, erasures and pauses of the last minute go to the store's `wishes/`, claims of dead
workers become *ambiguous*, ended cool-downs are lifted, guardrails are applied), then, for each lane (provider account)
with something due: claims batches in one Postgres transaction each, hands them to the provider through the account's
mailboxes, and records every answer, until the time budget is used up or nothing is due. The lanes are shared out over
at most six tasks; the lanes of one task send at the same time.

**Starts:** every minute; also by UI or API, where `dry_run` only counts what a first claim would take.

**Writes:** `ledger.sends`, the usage of mailboxes, domains and accounts, suppressions of addresses that do not
exist, pauses and alerts. The asset `sends` is updated.

**Re-running is safe**, and so is running twice at once: a send is claimed by one worker under row locks, and a claim
whose worker died is never sent again by itself. A failed lane fails the run; the other lanes still send.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag, task

from leadmill_airflow import DAG_DEFAULTS, SENDS, app, as_of, fail_unless_all_succeeded

DISPATCH_PARAMS = {
    "dry_run": Param(False, type="boolean", description="Only count what a first claim would take; send nothing."),
    "time_budget_seconds": Param(
        50,
        type="integer",
        minimum=1,
        maximum=540,
        description="Claim nothing more after so many seconds; what was claimed is still sent.",
    ),
}


@dag(schedule="* * * * *", doc_md=__doc__, tags=["sending"], params=DISPATCH_PARAMS, **DAG_DEFAULTS)
def dispatch_campaigns() -> None:
    """Sweep and share out the lanes → send each share → tell people of alerts, and gate."""

    @task
    def open_lanes(**context) -> list[list[str]]:
        return app().open_lane_groups(as_of(context))

    @task(
        pool="providers",
        map_index_template="{{ (task.op_kwargs['lanes'] | join(', '))[:200] }}",
        outlets=[SENDS],
        execution_timeout=timedelta(minutes=12),  # shorter than a claim's lease
    )
    def send_lanes(lanes: list[str], **context) -> dict[str, dict[str, int]]:
        return app().send_lanes(
            lanes,
            as_of(context),
            dry_run=context["params"]["dry_run"],
            time_budget_seconds=context["params"]["time_budget_seconds"],
        )

    @task(trigger_rule="all_done")
    def notify_alerts(**context) -> dict:
        return app().notify_alerts(as_of(context))

    sent = send_lanes.expand(lanes=open_lanes())
    sent >> notify_alerts()
    fail_unless_all_succeeded(sent)


dispatch_campaigns()

"""Imports lead files.

**Starts** when a new or changed object lies in `landing/leads/` (an asset watcher looks every few seconds), every 15
minutes, or by hand or API with the URI of one file. A run that names no file takes *every* file not dealt with yet, so
a lost event loses nothing, and an outage longer than the retries is caught up; where none waits, the import is skipped.
Hidden and temporary objects and markers such as `_SUCCESS` are left alone.

**Does**: reads CSV or XLSX, maps columns, judges each row and then the whole batch, and takes the good rows into the
ledger. Files up to 1 MB are imported together, by one task; what goes wrong with one file stops no other. A refused
file fails the run at its last task, after the other files were imported; its opt-outs are taken in.

**Writes**: `ledger.leads`, `ledger.suppressions` (opt-outs that a file names), `ledger.lead_files`,
`lake.validation_results`, and rejected rows with their reasons to `quarantine/leads/`.

**Running it again is safe**: the same content is imported once, also by two runs at the same time.
"""

from __future__ import annotations

from airflow.sdk import Asset, AssetOrTimeSchedule, CronTriggerTimetable, Param, dag, task

from leadmill_airflow import DAG_DEFAULTS, LEADS, app, as_of, fail_unless_all_succeeded
from leadmill_airflow.watchers import watcher

LANDING = Asset(
    name="landing_leads", uri="x-leadmill://store/landing/leads", watchers=[watcher("landing_leads", "landing/leads/")]
)
SCHEDULE = AssetOrTimeSchedule(timetable=CronTriggerTimetable("*/15 * * * *", timezone="UTC"), assets=[LANDING])
TEXT = {"type": ["null", "string"]}  # Airflow's form cannot be sent with an empty field of type "string"
PARAMS = {
    "uri": Param("", **TEXT, description="URI or key of one lead file in the store; empty: every waiting file."),
    "source": Param("", **TEXT, description="Where the leads come from, for rows that do not say."),
    "legal_basis": Param(
        "",
        enum=["", None, "consent", "contract", "legitimate_interest"],
        description="On what ground the leads may be mailed, for rows that do not say.",
    ),
    "country": Param("", **TEXT, description="ISO code such as DE, for rows that do not say."),
}


@dag(schedule=SCHEDULE, doc_md=__doc__, tags=["leads"], params=PARAMS, **DAG_DEFAULTS)
def import_leads() -> None:
    """Find files → import them, small ones together → gate."""

    @task
    def find_files(**context) -> list[list[str]]:
        said = context["params"]
        return app().lead_files_to_import(
            said["uri"] or "", default_legal_basis=said["legal_basis"], default_country=said["country"]
        )

    @task(map_index_template="{{ (task.op_kwargs['keys'] | join(', '))[:200] }}", outlets=[LEADS])
    def import_files(keys: list[str], **context) -> list[dict]:
        said = context["params"]
        outcomes = app().import_lead_files(
            keys,
            as_of=as_of(context),
            requested_by=f"dag:{context['dag_run'].run_id}",
            only_waiting=not said["uri"],
            default_source=said["source"],
            default_legal_basis=said["legal_basis"],
            default_country=said["country"],
        )
        return [{name: each[name] for name in each if name not in ("verdict", "quarantine_uri")} for each in outcomes]

    @task
    def fail_unless_accepted(groups: list[list[dict]]) -> int:
        return app().require_accepted_lead_files([each["lead_file_id"] for group in groups for each in group])

    outcomes = import_files.expand(keys=find_files())
    fail_unless_all_succeeded(outcomes) >> fail_unless_accepted(outcomes)


import_leads()

"""Collects events.

**Starts** when objects arrive in `landing/events/` or `landing/inbound/` (asset watchers look every few seconds), every
5 minutes, or by hand or API. A run takes *every* object that was not read yet, so a lost event loses nothing.

**Does**: reads provider webhooks, our edge's own events and inbound mails; translates their words to one event model;
drops repeats; labels machine opens and clicks; then brings send states, suppressions, follow-ups and mailbox health up
to date, applies the guardrails, and tells people about new alerts.

**Writes**: `lake.events` and `lake.read_objects` in one transaction; broken lines to `quarantine/events/`;
`ledger.sends`, `ledger.suppressions`, `ledger.mailbox_health`, and the projection's position.

**Running it again is safe**: an object is read once, an event counts once, and evidence only moves a send upwards. A
crash between the lake and the ledger is caught up by the next run.
"""

from __future__ import annotations

from dataclasses import asdict

from airflow.sdk import Asset, AssetOrTimeSchedule, CronTriggerTimetable, dag, task

from leadmill_airflow import DAG_DEFAULTS, EVENTS, app, as_of
from leadmill_airflow.watchers import watcher

LANDED_EVENTS = Asset(
    name="landing_events",
    uri="x-leadmill://store/landing/events",
    watchers=[watcher("landing_events", "landing/events/")],
)
LANDED_MAILS = Asset(
    name="landing_inbound",
    uri="x-leadmill://store/landing/inbound",
    watchers=[watcher("landing_inbound", "landing/inbound/")],
)
SCHEDULE = AssetOrTimeSchedule(
    timetable=CronTriggerTimetable("*/5 * * * *", timezone="UTC"), assets=(LANDED_EVENTS | LANDED_MAILS)
)


@dag(schedule=SCHEDULE, doc_md=__doc__, tags=["events"], **DAG_DEFAULTS)
def collect_events() -> None:
    """Landing zone → lake → ledger → guardrails → people."""

    @task
    def collect(**context) -> dict:
        return asdict(app().collect_events(as_of(context)))

    @task(outlets=[EVENTS])
    def project(**context) -> dict:
        return asdict(app().project_events(as_of(context)))

    @task
    def apply_guardrails(**context) -> dict:
        return app().apply_guardrails(as_of(context))

    @task
    def notify_alerts(**context) -> dict:
        return app().notify_alerts(as_of(context))

    collect() >> project() >> apply_guardrails() >> notify_alerts()


collect_events()

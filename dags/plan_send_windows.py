"""Work out when each lead reads mail: its time zone, and the best hours of its local week.

**Starts** when leads were scored or events collected; or by hand. Leads without a window get one at once; otherwise not
more often than `at_most_every_minutes`.

**Writes** `ledger.lead_windows` (what changed) and the history `lake.lead_windows`. A lead's own history goes before
its zone's, that before the whole pool's, and with nothing known Tuesday to Thursday 9:00-11:59 holds.

**Running it again** with the same run changes nothing: it sees what was known at the run's time, and a run older than
one already published writes nothing.
"""

from __future__ import annotations

from dataclasses import asdict

from airflow.sdk import Param, dag, task

from leadmill_airflow import DAG_DEFAULTS, EVENTS, SCORES, app, as_of

PARAMS = {
    "at_most_every_minutes": Param(
        5,
        type="number",
        minimum=0,
        title="At most every … minutes",
        description="Skip where windows were planned more recently and no lead is new. 0 plans now.",
    )
}


@dag(schedule=(SCORES | EVENTS), doc_md=__doc__, tags=["leads", "send time"], params=PARAMS, **DAG_DEFAULTS)
def plan_send_windows() -> None:
    @task.short_circuit
    def is_due(**context) -> bool:
        every = context["params"]["at_most_every_minutes"]
        return app().windows_are_due(as_of=as_of(context), at_most_every_minutes=every)

    @task
    def plan(**context) -> dict:
        return asdict(app().plan_send_windows(as_of=as_of(context)))

    is_due() >> plan()


plan_send_windows()

"""Score every lead: the probability that a person behind it clicks or replies within 30 days of a mail, with reasons.

**Starts** when leads were imported or events collected, and daily at 03:15 UTC; or by hand. New leads are scored at
once; otherwise not more often than `at_most_every_minutes`, so that a stream of events does not score the same leads
all day.

**Writes** `ledger.lead_scores` (what changed) and the history `lake.lead_scores`; updates the asset `lead_scores`.
With fewer than 500 leads mailed or 10 answers, every lead gets the base rate and is told so.

**Running it again** with the same run changes nothing: it sees what was known at the run's time, and a run older than
one already published writes nothing.
"""

from __future__ import annotations

from dataclasses import asdict

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, Param, dag, task

from leadmill_airflow import DAG_DEFAULTS, EVENTS, LEADS, SCORES, app, as_of

PARAMS = {
    "at_most_every_minutes": Param(
        5,
        type="number",
        minimum=0,
        title="At most every … minutes",
        description="Skip where leads were scored more recently and none is new. 0 scores now.",
    )
}
DAILY_OR_ON_NEWS = AssetOrTimeSchedule(
    timetable=CronTriggerTimetable("15 3 * * *", timezone="UTC"), assets=(LEADS | EVENTS)
)


@dag(schedule=DAILY_OR_ON_NEWS, doc_md=__doc__, tags=["leads", "scoring"], params=PARAMS, **DAG_DEFAULTS)
def score_leads() -> None:
    @task.short_circuit
    def is_due(**context) -> bool:
        every = context["params"]["at_most_every_minutes"]
        return app().scores_are_due(as_of=as_of(context), at_most_every_minutes=every)

    @task(outlets=[SCORES])
    def score(**context) -> dict:
        return asdict(app().score_leads(as_of=as_of(context)))

    is_due() >> score()


score_leads()

"""# Plan campaigns: approved ones become send rows, running ones stay true.

**Does:** turns each approved campaign into one send row per step and lead (audience by its segment; suppressed
addresses, legal bases that the pool does not accept and duplicates left out, with counts per reason), then keeps the
plans of running campaigns true: suppressions, missed follow-ups and windows, expiry, finish.

**Starts:** every 15 minutes, when scores change, and by API or UI; approving a campaign triggers it with `campaign_id`.

**Writes:** `ledger.sends`, campaign status and counts; the asset `sends`.

**Re-running is safe:** a campaign is planned once, under a row lock and a unique key.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, Param, dag, task

from leadmill_airflow import DAG_DEFAULTS, SCORES, SENDS, app, as_of

PLAN_PARAMS = {
    "campaign_id": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        title="Campaign",
        description="Plan only this approved campaign; empty: every approved one.",
    )
}


@dag(
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("*/15 * * * *", timezone="UTC"), assets=SCORES),
    doc_md=__doc__,
    tags=["sending", "campaigns"],
    params=PLAN_PARAMS,
    dagrun_timeout=timedelta(minutes=30),
    **DAG_DEFAULTS,
)
def plan_campaigns() -> None:
    @task(outlets=[SENDS])
    def plan(**context) -> dict[str, int]:
        return app().plan_campaigns(as_of(context), campaign_id=context["params"]["campaign_id"])

    plan()


plan_campaigns()

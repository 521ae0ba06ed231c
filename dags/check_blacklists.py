"""Checks whether anything we send from or link to is on a DNS blacklist.

**Starts** every hour, or by hand or API for some subjects or lists only.

**Does**: tests each list first (its test entry must be listed, and something that may not be listed must not), then
asks about every sending IP, sending domain, tracking domain and domain that live campaigns link to. An answer is
listed, clean or unknown. What is listed is asked again at once; only two in a row count. A sending domain that is
newly listed leaves rotation for two weeks, and people are told; they are told again when it is over.

**Writes**: every answer to `lake.blacklist_checks`, the present standing to `ledger.blacklist_status`, alerts, and the
cool-down of sending domains.

**Running it again is safe**: a repeated run adds no history, no second alert and no longer cool-down.
"""

from __future__ import annotations

from airflow.sdk import Param, dag, task

from leadmill_airflow import DAG_DEFAULTS, app, as_of

_NAMES = {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 253}, "maxItems": 1000}
PARAMS = {
    "subjects": Param([], description="IPs or domains to check; empty: everything watched.", **_NAMES),
    "zones": Param([], description="Lists to ask, by the name that is shown; empty: all of them.", **_NAMES),
}


@dag(schedule="@hourly", doc_md=__doc__, tags=["deliverability"], params=PARAMS, **DAG_DEFAULTS)
def check_blacklists() -> None:
    """Check → tell people."""

    @task
    def check(**context) -> dict[str, int]:
        params = context["params"]
        return app().check_blacklists(as_of(context), subjects=params["subjects"], zones=params["zones"])

    @task
    def tell_people(**context) -> dict[str, int]:
        return app().notify_alerts(as_of(context))

    check() >> tell_people()


check_blacklists()

"""Checks that nobody is lost: every campaign adds up to its audience, and the books of every limit hold what was sent.

**Starts** every hour, or by hand or API after an incident.

**Does**: reads all campaigns in one snapshot of the ledger. Per campaign: audience = planned + suppressed + claimed +
accepted (and later states) + refused + ambiguous + lost + cancelled + expired + left out; due mails are queued, unclear
ones shown to people, those being sent held by a worker whose lease ends; a finished campaign has nothing open. Per
mailbox and day: no more mails were given to it than its books say. Missing entries of the queue are put back.

**Writes**: an alert for each campaign or mailbox that does not add up, closed by itself once it does; queue entries.

**Running it again is safe**: it reads, and what it puts back it puts back once.
"""

from __future__ import annotations

from dataclasses import asdict

from airflow.sdk import dag, task

from leadmill_airflow import DAG_DEFAULTS, app, as_of


@dag(schedule="@hourly", doc_md=__doc__, tags=["sending", "watching"], **DAG_DEFAULTS)
def check_conservation() -> None:
    """Check → tell people."""

    @task
    def check(**context) -> dict[str, int]:
        return asdict(app().check_conservation(as_of(context)))

    @task
    def tell_people(**context) -> dict[str, int]:
        return app().notify_alerts(as_of(context))

    check() >> tell_people()


check_conservation()

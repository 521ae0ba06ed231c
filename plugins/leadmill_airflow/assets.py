"""The assets that DAGs hand to each other."""

from __future__ import annotations

from airflow.sdk import Asset

LEADS = Asset(name="leads", uri="leadmill://ledger/leads", group="ledger")
SENDS = Asset(name="sends", uri="leadmill://ledger/sends", group="ledger")
EVENTS = Asset(name="events", uri="leadmill://lake/events", group="lake")
SCORES = Asset(name="lead_scores", uri="leadmill://ledger/lead_scores", group="ledger")

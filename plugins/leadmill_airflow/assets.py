"""The assets that DAGs hand to each other.

The scheme begins with `x-`: for any other Airflow looks through every provider for a handler, which costs each task
and each reading of a DAG file 0.8 s of CPU (it imports boto3 on the way).
"""

from __future__ import annotations

from airflow.sdk import Asset

LEADS = Asset(name="leads", uri="x-leadmill://ledger/leads", group="ledger")
SENDS = Asset(name="sends", uri="x-leadmill://ledger/sends", group="ledger")
EVENTS = Asset(name="events", uri="x-leadmill://lake/events", group="lake")
SCORES = Asset(name="lead_scores", uri="x-leadmill://ledger/lead_scores", group="ledger")

"""Which environment variables a sender's secret may stand in."""

from __future__ import annotations

_OUR_OWN = ("LEADMILL_", "AIRFLOW_", "AWS_", "POSTGRES", "PG", "MINIO_", "REDIS_", "DATABASE_URL")


def is_our_own(variable: str) -> bool:
    """Whether a variable belongs to Leadmill, Airflow, a database or a store.

    Such a value is no mail password: named as one, it would be sent to whatever mail server the account points at.
    """
    return variable.upper().startswith(_OUR_OWN)

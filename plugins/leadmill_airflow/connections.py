"""Airflow connections as a place for senders' secrets: `airflow:conn_id` in a secret_ref is its password."""

from __future__ import annotations


def password_of_connection(conn_id: str) -> str:
    """The password of an Airflow connection (from its metadata, environment or secrets backend).

    Raises:
        ConfigInvalid: There is no such connection, or it has no password.
    """
    from airflow.sdk import Connection

    from leadmill.errors import ConfigInvalid

    try:
        password = Connection.get(conn_id).password
    except Exception as error:  # each secrets backend has exceptions of its own
        raise ConfigInvalid(f"Airflow has no connection {conn_id!r}; a sender's secret_ref names it.") from error
    if not password:
        raise ConfigInvalid(f"The Airflow connection {conn_id!r} has no password; a sender's secret_ref names it.")
    return str(password)

"""Airflow's configuration in the embedded stack, as environment variables (ADR 0002)."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from leadmill.local.stack.layout import REPOSITORY, StackSettings
from leadmill.local.stack.secrets import StackSecrets

SHARED: dict[str, str] = {
    # The same in docker-compose.yaml (a test compares the two).
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "AIRFLOW__CORE__TEST_CONNECTION": "Disabled",
    "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
    "AIRFLOW__API__WORKERS": "1",
    "AIRFLOW__API__INSTANCE_NAME": "Leadmill",
    "AIRFLOW__API__EXPOSE_STACKTRACE": "False",
    # Measured: a chain of three tasks takes 2.8 s with 0.1 and 4.5 s with the default of 1.
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    # A change in a DAG file shows within a minute; parsing more often would cost an idle machine a core's tenth.
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "60",
    "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
    "AIRFLOW__DAG_PROCESSOR__PRINT_STATS_INTERVAL": "0",
    # A task may start before the API server has (at the start of the stack, or while it is restarted): the default of
    # five tries gives up within seconds, which costs the task one of its own tries.
    "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "12",
    "AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MAX": "10",
    "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
}


def airflow_environment(settings: StackSettings, secrets: StackSecrets, database_url: str) -> dict[str, str]:
    """Environment of every Airflow process.

    Args:
        settings: The stack's settings.
        secrets: The stack's secrets.
        database_url: libpq URL of Airflow's own database.
    """
    base_url = settings.url(settings.airflow_port)
    return SHARED | {
        "AIRFLOW_HOME": str(settings.var / "airflow"),
        "PYTHONPATH": str(REPOSITORY / "plugins"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(settings.airflow_parallelism),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{base_url}/execution/",
        "AIRFLOW__CORE__FERNET_KEY": secrets.airflow_fernet_key,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{settings.airflow_user}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(secrets.airflow_passwords_file),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.airflow_jwt_secret,
        "AIRFLOW__API__SECRET_KEY": secrets.airflow_api_secret,
        "AIRFLOW__API__HOST": settings.host,
        "AIRFLOW__API__PORT": str(settings.airflow_port),
        "AIRFLOW__API__BASE_URL": base_url,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": sqlalchemy_url(database_url, "psycopg2"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": sqlalchemy_url(database_url, "asyncpg"),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(settings.var / "logs" / "airflow"),
    }


def sqlalchemy_url(url: str, driver: str) -> str:
    """SQLAlchemy's form of a libpq URL for that driver; asyncpg calls `sslmode` by the name `ssl`."""
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query)
    if driver == "asyncpg":
        pairs = [("ssl" if key == "sslmode" else key, value) for key, value in pairs]
    text = urlunsplit((f"postgresql+{driver}", parts.netloc, parts.path, urlencode(pairs, safe="/"), ""))
    return text if parts.netloc else text.replace(":", "://", 1).replace(":////", ":///", 1)

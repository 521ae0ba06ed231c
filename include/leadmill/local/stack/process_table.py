"""The processes of a running Leadmill. `docker-compose.yaml` runs the same commands (a test compares the two)."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from leadmill.local.mail_world.signing import sendgrid_public_key
from leadmill.local.stack.health import HealthCheck, airflow_component, dns_answers, http_answers, tcp_accepts
from leadmill.local.stack.layout import REPOSITORY, StackSettings

COMMANDS: dict[str, tuple[str, ...]] = {
    # Logs are read from the shared log folder, so no component serves them over HTTP.
    "airflow-api-server": ("airflow", "api-server"),
    "airflow-scheduler": ("airflow", "scheduler", "--skip-serve-logs"),
    "airflow-dag-processor": ("airflow", "dag-processor"),
    "airflow-triggerer": ("airflow", "triggerer", "--skip-serve-logs"),
    "edge": ("uvicorn", "leadmill.edge.asgi:app", "--no-access-log"),
    "streamlit": ("streamlit", "run", "dashboards/streamlit_app.py"),
}
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    ("leadmill", "migrate"),
    ("airflow", "db", "migrate"),
    ("airflow", "pools", "import", "plugins/leadmill_airflow/pools.json"),
)
_AIRFLOW_STARTS_SECONDS = 240.0
_GRACE_SECONDS = {
    "scheduler": 60.0,  # it waits for running tasks; a lane that is cut off would leave sends in doubt
    "triggerer": 2.0,  # triggers only wait, and start anew; it would give them ten seconds
}


@dataclass(frozen=True)
class Process:
    """One supervised process."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    check: HealthCheck
    start_seconds: float = 90.0
    grace_seconds: float = 10.0
    stops_last: bool = False


def base_environment(settings: StackSettings, *, database_url: str, secret_key: str) -> dict[str, str]:
    """Environment of every process of the stack: the caller's, with Leadmill's settings filled in."""
    bin_folder = str(Path(sys.executable).parent)
    filled = {
        "PATH": f"{bin_folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": str(REPOSITORY / "plugins"),
        "PYTHONUNBUFFERED": "1",
        "NO_PROXY": ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1", "localhost"))),
        "LEADMILL_VAR_DIR": str(settings.var),
        "LEADMILL_DATABASE_URL": database_url,
        "LEADMILL_STORE": settings.store_uri,
        "LEADMILL_SECRET_KEY": secret_key,
        "LEADMILL_DNS_RESOLVER": settings.resolver,
        "LEADMILL_EDGE_BASE_URL": os.environ.get("LEADMILL_EDGE_BASE_URL") or settings.url(settings.edge_port),
        "LEADMILL_STREAMLIT_BASE_URL": (
            os.environ.get("LEADMILL_STREAMLIT_BASE_URL") or settings.url(settings.streamlit_port)
        ),
        "LEADMILL_AIRFLOW_BASE_URL": settings.url(settings.airflow_port),
        "LEADMILL_SMTP_PORT": str(settings.smtp_port),
        "LEADMILL_MAIL_PAGE_PORT": str(settings.mail_page_port),
        "LEADMILL_DNS_PORT": str(settings.dns_port),
        "LEADMILL_EDGE_PORT": str(settings.edge_port),
    }
    if settings.local_world:  # simulated people live under reserved names such as .example
        filled["LEADMILL_ALLOW_SPECIAL_USE_DOMAINS"] = "true"
        filled["LEADMILL_SENDGRID_WEBHOOK_KEY"] = sendgrid_public_key(settings.var / "outbox")
    filled["no_proxy"] = filled["NO_PROXY"]
    return dict(os.environ) | filled


def light_processes(
    settings: StackSettings, environment: Mapping[str, str], *, airflow_log_in: Mapping[str, str]
) -> list[Process]:
    """The processes that start at once: edge, Streamlit and, where mail is simulated, the local world.

    Streamlit alone gets the log-in with which an approval starts its planning in Airflow.
    """
    host = settings.host
    web = {
        "UVICORN_HOST": host,
        "UVICORN_PORT": str(settings.edge_port),
        "STREAMLIT_SERVER_ADDRESS": host,
        "STREAMLIT_SERVER_PORT": str(settings.streamlit_port),
    }
    served = dict(environment) | web
    found = [
        Process("edge", COMMANDS["edge"], served, http_answers(f"{settings.url(settings.edge_port)}/healthz")),
        Process(
            "streamlit",
            COMMANDS["streamlit"],
            served | dict(airflow_log_in),
            http_answers(f"{settings.url(settings.streamlit_port)}/_stcore/health"),
        ),
    ]
    if settings.local_world:
        found += local_world(settings, environment)
    return found


def local_world(settings: StackSettings, environment: Mapping[str, str]) -> list[Process]:
    """The simulated recipients and the DNS server that plays blacklists; the latter reads `var/local/listed.txt`."""
    listed = settings.var / "local" / "listed.txt"
    dns = ("python", "-m", "leadmill.local.dns_server", "--port", str(settings.dns_port), "--listed-file", str(listed))
    mail = ("python", "-m", "leadmill.local.recipients")
    return [
        Process("recipients", mail, environment, tcp_accepts(settings.host, settings.smtp_port)),
        Process("dns", dns, environment, dns_answers(settings.host, settings.dns_port)),
    ]


def airflow_processes(settings: StackSettings, environment: Mapping[str, str]) -> list[Process]:
    """Airflow's four components."""
    base_url = settings.url(settings.airflow_port)
    reported = {
        "airflow-api-server": "metadatabase",
        "airflow-scheduler": "scheduler",
        "airflow-dag-processor": "dag_processor",
        "airflow-triggerer": "triggerer",
    }
    return [
        Process(
            name,
            COMMANDS[name],
            environment,
            airflow_component(base_url, component),
            start_seconds=_AIRFLOW_STARTS_SECONDS,
            grace_seconds=_GRACE_SECONDS.get(component, 10.0),
            stops_last=component == "metadatabase",  # the API server: tasks that end report to it
        )
        for name, component in reported.items()
    ]

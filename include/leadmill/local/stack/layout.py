"""Where the embedded stack keeps things, and which ports it listens on."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

REPOSITORY = Path(__file__).resolve().parents[4]
"""The checkout: `dags/`, `plugins/`, `dashboards/` and `models/` lie here."""

_HIGHEST_PORT = 65_535


def _port(default: int, listens: str) -> int:
    number: int = Field(default=default, ge=1, le=_HIGHEST_PORT, description=listens)
    return number


class StackSettings(BaseSettings):
    """Settings of the embedded stack, from the environment (prefix `LEADMILL_`)."""

    model_config = SettingsConfigDict(env_prefix="LEADMILL_", extra="ignore")

    var_dir: Path = Field(default=Path("var"), description="Folder of all state; relative to the checkout.")
    database_url: SecretStr = Field(default=SecretStr(""), description="PostgreSQL 16+; empty = the embedded one.")
    airflow_database_url: SecretStr = Field(
        default=SecretStr(""), description="Airflow's metadata; empty = database `airflow` on the same server."
    )
    store: str = Field(default="", description="`s3://bucket/prefix` or `file:///folder`; empty = var/store.")

    host: str = Field(default="127.0.0.1", description="Address that every server listens on.")
    airflow_port: int = _port(8080, "Airflow's web pages and API")
    edge_port: int = _port(8025, "unsubscribe links, tracking and provider webhooks")
    streamlit_port: int = _port(8501, "Streamlit")
    smtp_port: int = _port(2525, "the simulated recipients' mail server")
    mail_page_port: int = _port(8026, "the page of mails that the simulated recipients received")
    dns_port: int = _port(8053, "the local DNS server")

    local_world: bool = Field(
        default=True, description="Run the simulated recipients and the local DNS server; false when mail is real."
    )
    dns_resolver: str = Field(default="", description="`host:port`; empty = the local DNS server, or the system's.")
    airflow_user: str = "admin"
    admin_email: str = Field(default="admin@leadmill.example", description="First user of the Streamlit app.")
    airflow_parallelism: int = Field(default=4, ge=1, description="Tasks at once; 4 suits two cores.")

    @property
    def var(self) -> Path:
        """The absolute folder of all state."""
        return (REPOSITORY / self.var_dir).resolve()

    @property
    def store_uri(self) -> str:
        """The object store's URI."""
        return self.store or f"file://{self.var / 'store'}"

    @property
    def resolver(self) -> str:
        """The DNS resolver that checks ask; empty is the system's."""
        if self.dns_resolver or not self.local_world:
            return self.dns_resolver
        return f"{self.host}:{self.dns_port}"

    def url(self, port: int) -> str:
        """The HTTP URL of one of the stack's servers."""
        return f"http://{self.host}:{port}"

    def make_folders(self) -> None:
        """Create the state folders; what holds secrets or personal data is for the owner alone.

        `var` itself stays open to pass through: the embedded PostgreSQL runs as a user of its own when root starts it.
        """
        self.var.mkdir(parents=True, exist_ok=True)
        for name in ("airflow", "local", "logs", "outbox", "run", "secrets", "store"):
            (self.var / name).mkdir(exist_ok=True)
            (self.var / name).chmod(0o700)
        for name in ("leads", "events", "inbound"):
            (self.var / "store" / "landing" / name).mkdir(parents=True, exist_ok=True)

"""Every setting, read once from the environment (prefix `LEADMILL_`), with the embedded defaults.

Secrets come from the environment only; `local/stack/secrets.py` makes them for the embedded stack.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from leadmill.domain.contact_rules import DAYS_APART, DAYS_APART_LIMIT, MAILS_A_WEEK
from leadmill.domain.guardrails import FALSE_PAUSES_A_MONTH
from leadmill.domain.journal import JOURNAL_DAYS
from leadmill.domain.machine_touches import FAST_SECONDS
from leadmill.errors import ConfigInvalid

_SECRET_CHARACTERS = 32
STACK_ENVIRONMENT = Path("secrets/environment")
"""Where, below the state folder, the embedded stack writes its settings for shell commands (mode 0600)."""


class Settings(BaseSettings):
    """The settings of one process."""

    model_config = SettingsConfigDict(env_prefix="LEADMILL_", extra="ignore")

    var_dir: Path = Field(default=Path("var"), description="Folder of the embedded stack's state.")
    database_url: str = Field(default="", description="PostgreSQL 16+ URL of Leadmill's own database.")
    store: str = Field(default="", description="`s3://bucket/prefix` or `file:///folder`; empty = var/store.")
    s3_endpoint_url: str | None = Field(default=None, description="Endpoint of an S3-compatible store.")
    s3_region: str = "us-east-1"
    models_dir: str = Field(default="", description="Folder of the models; empty = the repository's `models/`.")
    secret_key: SecretStr = Field(default=SecretStr(""), description="At least 32 characters; signs and hashes.")

    edge_base_url: str = Field(default="http://127.0.0.1:8025", description="Public URL of the edge app.")
    edge_neighbour_url: str = Field(
        default="", description="Where the dashboards reach the edge, if edge_base_url is a loopback URL."
    )
    attachment_max_mb: float = Field(default=5.0, gt=0, description="Of one attachment, in MB of 1,000,000 bytes.")
    attachments_total_max_mb: float = Field(
        default=10.0, gt=0, description="Of all attachments of one mail, before encoding."
    )
    edge_trusted_proxies: str = Field(
        default="127.0.0.1", description="Comma-separated proxies whose X-Forwarded-For is believed."
    )
    edge_requests_per_minute: int = Field(
        default=6000, ge=100, description="Per client IP; a refused request weighs as much as fifty."
    )
    edge_allow_unsigned: bool = Field(
        default=False, description="Take webhooks of providers that have no key set; embedded demo only."
    )
    ses_topic_arns: str = Field(default="", description="Comma-separated SNS topics that may post events.")
    ses_access_key: SecretStr = Field(default=SecretStr(""), description="Firehose's or EventBridge's access key.")
    sendgrid_webhook_key: SecretStr = Field(default=SecretStr(""), description="Event Webhook's public key, base64.")
    mailgun_webhook_key: SecretStr = Field(default=SecretStr(""), description="HTTP webhook signing key.")
    postmark_webhook_user: str = ""
    postmark_webhook_password: SecretStr = SecretStr("")

    machine_fast_seconds: float = Field(
        default=FAST_SECONDS,
        ge=0,
        description="An open or click sooner after delivery counts as a machine's; 0 = never.",
    )

    mails_per_person_week: int = Field(
        default=MAILS_A_WEEK,
        ge=0,
        le=1_000,
        description="Mails that a person gets in seven days over all campaigns; 0 = no cap.",
    )
    days_between_campaigns: int = Field(
        default=DAYS_APART,
        ge=0,
        le=DAYS_APART_LIMIT,
        description="Days between another campaign's mail to a person and a new campaign's; 0 = none.",
    )

    false_pauses_per_month: float = Field(
        default=FALSE_PAUSES_A_MONTH,
        gt=0,
        description="How many healthy mailboxes of a pool the bounce guardrail may pause in 30 days, on average.",
    )

    journal_days: int = Field(
        default=JOURNAL_DAYS, ge=1, description="How long the journal of claims is kept; as long as backups are."
    )

    streamlit_base_url: str = "http://127.0.0.1:8501"
    airflow_base_url: str = Field(default="http://127.0.0.1:8080", description="Where people find Airflow's pages.")
    airflow_api_url: str = Field(
        default="", description="Where the dashboards reach Airflow's API; empty = airflow_base_url."
    )
    airflow_user: str = Field(
        default="", description="The log-in with which the dashboards start DAGs; empty = DAGs start by schedule only."
    )
    airflow_password: SecretStr = SecretStr("")

    dns_resolver: str = Field(default="", description="`host:port` of the resolver; empty = the system's.")
    dns_timeout_seconds: float = Field(default=3.0, gt=0, description="Of one question to the resolver.")
    dnsbl_ip_zones: SecretStr = Field(
        default=SecretStr(""),
        description="Comma-separated lists for IPs, `zone` or `shown-name=zone.with.key`; empty = built-in.",
    )
    dnsbl_domain_zones: SecretStr = Field(
        default=SecretStr(""), description="The same for domains. Secret, since a zone's name may hold a key."
    )
    dnsbl_checks_per_run: int = Field(
        default=2, ge=1, le=5, description="How often a listing is asked for within one run; two in a row are believed."
    )
    alert_urls: SecretStr = Field(default=SecretStr(""), description="Apprise URLs, separated by spaces.")

    allow_special_use_domains: bool = Field(
        default=False, description="Accept .test/.example addresses; demo and tests only."
    )
    allow_self_registration: bool = False

    @property
    def store_uri(self) -> str:
        """The object store's URI, with the embedded default filled in."""
        return self.store or f"file://{(self.var_dir / 'store').resolve()}"

    @property
    def secret(self) -> bytes:
        """The secret key's bytes.

        Raises:
            ConfigInvalid: The key is missing or shorter than 32 characters.
        """
        value = self.secret_key.get_secret_value()
        if len(value) < _SECRET_CHARACTERS:
            raise ConfigInvalid("LEADMILL_SECRET_KEY must hold at least 32 characters; `make up` makes one.")
        return value.encode()


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The process's settings; read once.

    A shell command beside a running embedded stack has no settings of its own: it takes those that the stack wrote down
    for its owner under the state folder. Where the environment names a database, that file is not read.
    """
    if os.environ.get("LEADMILL_DATABASE_URL"):
        return Settings()
    written_down = Path(os.environ.get("LEADMILL_VAR_DIR", "var")) / STACK_ENVIRONMENT
    return Settings(_env_file=written_down)  # type: ignore[call-arg]  # pydantic-settings' own argument

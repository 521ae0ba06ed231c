"""Every setting, read once from the environment (prefix `LEADMILL_`), with the embedded defaults.

Secrets come from the environment only; `local/secrets.py` makes them for the embedded stack.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from leadmill.errors import ConfigInvalid

_SECRET_CHARACTERS = 32


class Settings(BaseSettings):
    """The settings of one process."""

    model_config = SettingsConfigDict(env_prefix="LEADMILL_", extra="ignore")

    var_dir: Path = Field(default=Path("var"), description="Folder of the embedded stack's state.")
    database_url: str = Field(default="", description="PostgreSQL 15+ URL of Leadmill's own database.")
    store: str = Field(default="", description="`s3://bucket/prefix` or `file:///folder`; empty = var/store.")
    s3_endpoint_url: str | None = Field(default=None, description="Endpoint of an S3-compatible store.")
    s3_region: str = "us-east-1"
    secret_key: SecretStr = Field(default=SecretStr(""), description="At least 32 characters; signs and hashes.")

    edge_base_url: str = Field(default="http://127.0.0.1:8025", description="Public URL of the edge app.")
    streamlit_base_url: str = "http://127.0.0.1:8501"
    airflow_base_url: str = "http://127.0.0.1:8080"

    dns_resolver: str = Field(default="", description="`host:port` of the resolver; empty = the system's.")
    dnsbl_ip_zones: str = Field(default="", description="Comma-separated zones for IPs; empty = built-in list.")
    dnsbl_domain_zones: str = Field(default="", description="Comma-separated zones for domains; empty = built-in.")
    alert_urls: SecretStr = Field(default=SecretStr(""), description="Apprise URLs, separated by spaces.")

    allow_special_use_domains: bool = Field(
        default=False, description="Accept .test/.example addresses; demo and tests only."
    )
    allow_self_registration: bool = False
    log_level: str = "INFO"

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
    """The process's settings; read once."""
    return Settings()

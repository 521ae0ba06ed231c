"""The embedded stack's secrets: made at first start, kept under `var/secrets`, readable by the owner alone."""

from __future__ import annotations

import json
import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class StackSecrets:
    """What the stack's processes must share and nobody else may know."""

    secret_key: str
    airflow_jwt_secret: str
    airflow_api_secret: str
    airflow_fernet_key: str
    airflow_password: str
    airflow_passwords_file: Path


def load_secrets(folder: Path, *, airflow_user: str) -> StackSecrets:
    """The secrets of that folder; whatever is missing is made, what is there stays as it is.

    `LEADMILL_SECRET_KEY` from the environment wins over the folder's.
    """
    password = keep(folder / "airflow-password", lambda: secrets.token_urlsafe(15))
    passwords_file = folder / "airflow-passwords.json"  # the form that Airflow's SimpleAuthManager reads
    write_private(passwords_file, json.dumps({airflow_user: password}) + "\n")
    return StackSecrets(
        secret_key=os.environ.get("LEADMILL_SECRET_KEY") or keep(folder / "secret-key", _long),
        airflow_jwt_secret=keep(folder / "airflow-jwt-secret", _long),
        airflow_api_secret=keep(folder / "airflow-api-secret", _long),
        airflow_fernet_key=keep(folder / "airflow-fernet-key", _fernet_key),
        airflow_password=password,
        airflow_passwords_file=passwords_file,
    )


def keep(path: Path, make: Callable[[], str]) -> str:
    """The text of that file, made and written (mode 0600) where the file is missing."""
    if not path.exists():
        write_private(path, make())
    return path.read_text().strip()


def write_private(path: Path, text: str) -> None:
    """Write a file that only the owner may read, in one step, so that no reader sees half of it."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    fresh.replace(path)


def _long() -> str:
    return secrets.token_urlsafe(48)


def _fernet_key() -> str:
    return urlsafe_b64encode(secrets.token_bytes(32)).decode()

"""The embedded stack's secrets, lock, URLs and set-up step, without starting anything."""

from __future__ import annotations

import importlib.util
import json
import stat
from pathlib import Path
from types import ModuleType

import pytest

from leadmill.adapters.store import FolderStore
from leadmill.errors import ConfigInvalid
from leadmill.local.stack.airflow_config import sqlalchemy_url
from leadmill.local.stack.database_setup import beside
from leadmill.local.stack.layout import REPOSITORY, StackSettings
from leadmill.local.stack.process_table import base_environment
from leadmill.local.stack.secrets import load_secrets
from leadmill.local.stack.stack import lock, stop_running


@pytest.fixture
def var(tmp_path: Path) -> Path:
    StackSettings(var_dir=tmp_path).make_folders()
    return tmp_path


@pytest.fixture(scope="module")
def setup() -> ModuleType:
    spec = importlib.util.spec_from_file_location("leadmill_setup", REPOSITORY / "bin" / "setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_holds_personal_data_is_for_the_owner_alone_and_the_way_through_stays_open(tmp_path: Path) -> None:
    (tmp_path / "var" / "store").mkdir(parents=True)  # made by an earlier version
    settings = StackSettings(var_dir=tmp_path / "var")
    settings.make_folders()

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in settings.var.iterdir()}
    assert set(modes.values()) == {0o700}
    assert modes.keys() >= {"store", "outbox", "logs", "airflow", "run", "local", "secrets"}
    assert settings.var.stat().st_mode & stat.S_IXOTH, "PostgreSQL has a user of its own where root starts it"

    FolderStore(settings.var / "store").write("landing/leads/a.csv", b"email")
    written = settings.var / "store" / "landing" / "leads" / "a.csv"
    assert stat.S_IMODE(written.stat().st_mode) == 0o640


def test_secrets_are_made_once_and_for_the_owner_alone(var: Path) -> None:
    first = load_secrets(var / "secrets", airflow_user="admin")
    second = load_secrets(var / "secrets", airflow_user="admin")

    assert first == second
    assert len(first.secret_key) >= 32
    assert first.airflow_password not in {"admin", ""}
    assert json.loads(first.airflow_passwords_file.read_text()) == {"admin": first.airflow_password}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (var / "secrets").iterdir()} == {0o600}
    assert stat.S_IMODE((var / "secrets").stat().st_mode) == 0o700


def test_two_installations_share_no_secret(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        secrets = load_secrets(tmp_path / name, airflow_user="admin")
        found.append({secrets.secret_key, secrets.airflow_jwt_secret, secrets.airflow_password})

    assert not found[0] & found[1]


def test_a_secret_key_of_the_environment_wins(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADMILL_SECRET_KEY", "k" * 40)

    assert load_secrets(var / "secrets", airflow_user="admin").secret_key == "k" * 40


def test_a_second_stack_in_the_same_folder_is_refused(var: Path) -> None:
    with lock(var), pytest.raises(ConfigInvalid, match="Another Leadmill runs"):
        lock(var)


def test_stopping_where_nothing_runs_says_so(var: Path) -> None:
    assert stop_running(var) == "No Leadmill runs here."


@pytest.mark.parametrize(
    ("url", "driver", "expected"),
    [
        (
            "postgresql://postgres@/airflow?host=/run/x",
            "psycopg2",
            "postgresql+psycopg2://postgres@/airflow?host=/run/x",
        ),
        (
            "postgresql://u:p%40@h:5432/db?sslmode=require",
            "asyncpg",
            "postgresql+asyncpg://u:p%40@h:5432/db?ssl=require",
        ),
        ("postgresql:///airflow?host=/run/x", "asyncpg", "postgresql+asyncpg:///airflow?host=/run/x"),
    ],
)
def test_a_libpq_url_becomes_the_drivers_own(url: str, driver: str, expected: str) -> None:
    assert sqlalchemy_url(url, driver) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p@h:5432/leadmill?sslmode=require", "postgresql://u:p@h:5432/airflow?sslmode=require"),
        ("postgresql://postgres@/leadmill?host=/run/x", "postgresql://postgres@/airflow?host=/run/x"),
        ("postgresql:///leadmill?host=/run/x", "postgresql:///airflow?host=/run/x"),
    ],
)
def test_airflows_database_stands_beside_ours(url: str, expected: str) -> None:
    assert beside(url, "airflow") == expected


def test_without_the_local_world_the_machines_resolver_is_asked(tmp_path: Path) -> None:
    real = base_environment(StackSettings(var_dir=tmp_path, local_world=False), database_url="", secret_key="")
    local = base_environment(StackSettings(var_dir=tmp_path, dns_port=8053), database_url="", secret_key="")

    assert real["LEADMILL_DNS_RESOLVER"] == ""
    assert local["LEADMILL_DNS_RESOLVER"] == "127.0.0.1:8053"


def test_pips_settings_are_handed_on_to_uv(setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "pip.conf"
    settings.write_text(
        "[global]\nindex-url = https://a.example/simple\nextra-index-url =\n  https://b.example\n  https://c.example\n"
    )
    monkeypatch.setattr(setup, "pip_files", lambda: [settings])
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels /more")
    monkeypatch.delenv("UV_INDEX", raising=False)

    found = setup.uv_settings()

    assert found["UV_DEFAULT_INDEX"] == "https://a.example/simple"
    assert found["UV_INDEX"] == "https://b.example https://c.example"
    assert found["UV_FIND_LINKS"] == "/wheels,/more"
    assert found["UV_INDEX_STRATEGY"] == "unsafe-best-match"


def test_what_is_set_for_uv_stays(setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "pip.conf"
    settings.write_text("[global]\nindex-url = https://a.example/simple\n")
    monkeypatch.setattr(setup, "pip_files", lambda: [settings])
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://mine.example/simple")

    assert "UV_DEFAULT_INDEX" not in setup.uv_settings()

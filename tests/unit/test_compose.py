"""`docker-compose.yaml`: valid, without default secrets, and running what `make up` runs."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from leadmill.local.stack.airflow_config import SHARED
from leadmill.local.stack.layout import REPOSITORY
from leadmill.local.stack.process_table import COMMANDS, MIGRATIONS
from leadmill.settings import Settings

COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
JOBS = {"migrate", "bucket"}
LONG_RUNNING = sorted(SERVICES.keys() - JOBS)
REQUIRED = re.compile(r"\$\{(\w+):\?")


def test_it_is_valid_by_the_compose_specification() -> None:
    schema = json.loads((files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json").read_text())

    errors = [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(COMPOSE)]

    assert errors == []


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_service_runs_the_command_that_make_up_runs(name: str) -> None:
    assert tuple(SERVICES[name]["command"]) == COMMANDS[name]


def test_the_migration_job_runs_the_migrations_of_make_up_in_order() -> None:
    script = SERVICES["migrate"]["command"][-1].splitlines()

    assert tuple(tuple(line.split()) for line in script[: len(MIGRATIONS)]) == MIGRATIONS


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_a_service_that_runs_on_has_a_health_check_and_is_restarted(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(name for name, service in SERVICES.items() if "build" in service))
def test_our_services_are_not_root_and_gain_no_rights(name: str) -> None:
    assert SERVICES[name]["user"].split(":")[0] not in {"", "0", "root"}
    assert SERVICES[name]["cap_drop"] == ["ALL"]


def test_no_secret_has_a_default() -> None:
    secretive = re.compile(
        r"PASSWORD$|SECRET|_KEY$|KEY_ID$|ROOT_USER$|AUTH$|_CONN(_|$)|BROKER_URL|RESULT_BACKEND|DATABASE_URL"
    )
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if secretive.search(variable):
                assert REQUIRED.search(str(value)), f"{name}: {variable} must be asked for: ${{…:?…}}"


def test_every_required_variable_is_explained_and_empty_in_the_example() -> None:
    required = set(REQUIRED.findall((REPOSITORY / "docker-compose.yaml").read_text()))
    lines = (REPOSITORY / ".env.example").read_text().splitlines()
    empty = {line.removesuffix("=") for line in lines if re.fullmatch(r"\w+=", line)}

    assert required <= empty


@pytest.mark.parametrize("field", sorted(Settings.model_fields))
def test_every_setting_can_be_given_to_the_containers(field: str) -> None:
    name = f"LEADMILL_{field.upper()}"
    offered = set(re.findall(r"^#?(\w+)=", (REPOSITORY / ".env.example").read_text(), re.MULTILINE))

    assert name in offered or any(name in service.get("environment", {}) for service in SERVICES.values())


@pytest.mark.parametrize("name", sorted(name for name, service in SERVICES.items() if "build" in service))
def test_our_services_get_every_variable_of_the_environment_file(name: str) -> None:
    assert SERVICES[name]["env_file"] == [{"path": ".env", "required": True}]


def test_the_defaults_that_the_example_shows_are_the_true_ones() -> None:
    shown = dict(re.findall(r"^#LEADMILL_(\w+)=(.+)$", (REPOSITORY / ".env.example").read_text(), re.MULTILINE))
    defaults = {name.upper(): str(field.default) for name, field in Settings.model_fields.items()}

    assert {name: value.lower() for name, value in shown.items()} == {name: defaults[name].lower() for name in shown}


def test_airflow_is_configured_as_in_the_embedded_stack() -> None:
    environment = SERVICES["airflow-scheduler"]["environment"]

    assert {key: environment.get(key) for key in SHARED} == SHARED


def test_ports_are_published_on_this_machine_only() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)

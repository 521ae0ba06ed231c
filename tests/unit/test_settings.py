"""A shell beside a running stack finds it; an environment of its own wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadmill.settings import STACK_ENVIRONMENT, settings


@pytest.fixture
def written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / STACK_ENVIRONMENT
    file.parent.mkdir()
    file.write_text("LEADMILL_DATABASE_URL='postgresql://postgres@/leadmill?host=/x'\nLEADMILL_EDGE_PORT='8025'\n")
    monkeypatch.setenv("LEADMILL_VAR_DIR", str(tmp_path))
    monkeypatch.delenv("LEADMILL_DATABASE_URL", raising=False)
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.usefixtures("written_down")
def test_a_shell_takes_what_the_stack_wrote_down() -> None:
    assert settings().database_url == "postgresql://postgres@/leadmill?host=/x"


@pytest.mark.usefixtures("written_down")
def test_a_database_in_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADMILL_DATABASE_URL", "postgresql://elsewhere/leadmill")
    assert settings().database_url == "postgresql://elsewhere/leadmill"


def test_without_either_there_is_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADMILL_VAR_DIR", str(tmp_path))
    monkeypatch.delenv("LEADMILL_DATABASE_URL", raising=False)
    settings.cache_clear()
    assert settings().database_url == ""
    settings.cache_clear()

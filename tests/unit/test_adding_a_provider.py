"""docs/adding-a-provider.md is true: every file and name on it exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/adding-a-provider.md").read_text()
QUOTED = re.findall(r"`([^`\n]+)`", PAGE)
PATHS = sorted({word for word in QUOTED if "/" in word and re.fullmatch(r"[\w./-]+", word)} | {".env.example"})
NAMES = sorted({word for word in QUOTED if re.fullmatch(r"[A-Za-z_]{4,}", word)})


@pytest.mark.parametrize("path", PATHS)
def test_a_file_on_the_page_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_name_on_the_page_stands_in_a_file_on_the_page(name: str) -> None:
    files = [ROOT / path for path in PATHS if (ROOT / path).is_file()]
    files += (ROOT / "include/leadmill/sql/migrations/versions").glob("*.sql")
    assert any(re.search(rf"\b{name}\b", file.read_text()) for file in files)


def test_the_page_names_files_and_symbols_at_all() -> None:
    assert len(PATHS) > 20
    assert len(NAMES) > 20


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)]+)\)", PAGE))
def test_a_link_of_the_page_leads_somewhere(link: str) -> None:
    assert (ROOT / "docs" / link).exists()


def test_every_provider_has_a_column_a_setting_and_a_heading_in_the_docs() -> None:
    from leadmill.domain.sending_policy import DEFAULT_POLICY

    matrix = (ROOT / "docs/feature-matrix.md").read_text()
    configuration = (ROOT / "docs/configuration.md").read_text().lower()
    example = (ROOT / "docs/senders.example.yaml").read_text()
    for provider in DEFAULT_POLICY:
        assert f"`{provider}`" in matrix.splitlines()[2]
        assert f"\n| {provider} |" in matrix
        assert f"provider: {provider}" in configuration
        assert f"provider: {provider}" in example

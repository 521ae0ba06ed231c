"""The page on configuration leaves no setting out, names none that is not there, and tells the true defaults."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from leadmill.local.stack.layout import StackSettings
from leadmill.settings import Settings

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "configuration.md").read_text()
SETTINGS = {
    f"LEADMILL_{name.upper()}": field
    for fields in (StackSettings.model_fields, Settings.model_fields)
    for name, field in fields.items()
}
ROWS = dict(re.findall(r"^\| `(LEADMILL_[A-Z0-9_]+)` \| ([^|]*) \| [^|]+ \|$", PAGE, re.MULTILINE))
VALUES = {
    name: str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
    for name, field in SETTINGS.items()
    if field.default not in (None, "") and not isinstance(field.default, SecretStr)
}


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_every_setting_stands_in_a_table(name: str) -> None:
    assert name in ROWS


def test_the_page_names_no_setting_that_is_not_there() -> None:
    assert set(re.findall(r"LEADMILL_[A-Z0-9_]+[A-Z0-9]", PAGE)) <= set(SETTINGS)


@pytest.mark.parametrize(("name", "default"), sorted(VALUES.items()))
def test_a_default_that_is_a_value_is_told(name: str, default: str) -> None:
    assert f"`{default}`" in ROWS[name]

"""The shape of a provider's table: its word for what happened, ours beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leadmill.domain.events import BounceKind, EventKind


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a word means; `also` is a second event in the same word, such as a drop because of an unsubscription."""

    kind: EventKind
    bounce_kind: BounceKind | None = None
    also: EventKind | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider's words, and the JSON fields that its reading statement wants.

    `words` holds `word/more precise/…`; a more precise word wins. `fields` is a JSON structure as DuckDB's `from_json`
    takes it: names to types, `{}` for objects, `[type]` for lists. `required`: one of these top-level fields must be
    there, or the record is broken.
    """

    name: str
    words: Mapping[str, Meaning]
    fields: Mapping[str, Any]
    required: tuple[str, ...]

    def column_types(self) -> dict[str, str]:
        """The fields as DuckDB's `read_json` takes them: a column and its SQL type each."""
        return {name: _sql_type(field) for name, field in self.fields.items()}


def _sql_type(field: Any) -> str:
    if isinstance(field, Mapping):
        return "STRUCT(" + ", ".join(f'"{name}" {_sql_type(inner)}' for name, inner in field.items()) + ")"
    if isinstance(field, list):
        return f"{_sql_type(field[0])}[]"
    return str(field)

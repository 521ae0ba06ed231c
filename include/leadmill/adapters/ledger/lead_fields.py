"""A lead's row as the fields that a template reads."""

from __future__ import annotations

import json
from collections.abc import ItemsView, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import DictRow

from leadmill.adapters.ledger.array_text import bigints
from leadmill.adapters.ledger.tuple_rows import plain_rows
from leadmill.domain.template_fields import LEAD_COLUMNS, template_fields
from leadmill.sql import query

_EMPTY = (None, "")


class LeadRow(NamedTuple):
    """One row of `leads_of_sends`, column by column."""

    lead_id: int
    first_name: str
    last_name: str
    company: str
    job_title: str
    industry: str
    category: str
    employee_count: int | None
    phone: str
    website: str
    country: str
    region: str
    city: str
    attributes: str | None


def ask_for_leads(connection: psycopg.Connection[DictRow], lead_ids: Iterable[int]) -> psycopg.Cursor[tuple[Any, ...]]:
    """Send the question for these leads' rows, column by column as in `LeadRow`.

    The cursor has them, in any order, once the pipeline has ended.
    """
    cursor = connection.cursor(row_factory=plain_rows(LeadRow), binary=True)
    return cursor.execute(query("ledger/claims", "leads_of_sends"), {"lead_ids": bigints(lead_ids)}, prepare=True)


class LeadFields(Mapping[str, object]):
    """Columns and the file's further columns, empty ones left out, as `ledger.template_fields` has them.

    Nothing is worked out before it is read: a template reads three fields of twelve.
    """

    __slots__ = ("_further", "_row")

    def __init__(self, row: tuple[Any, ...]) -> None:
        self._row = row
        self._further: dict[str, object] | None = None

    def __getitem__(self, name: str) -> object:
        value = self._row[_PLACES[name]] if name in _PLACES else None
        return self._of_file()[name] if value in _EMPTY else value

    def __iter__(self) -> Iterator[str]:
        row = self._row
        yield from (name for name in LEAD_COLUMNS if row[_PLACES[name]] not in _EMPTY)
        yield from (name for name in self._of_file() if name not in _PLACES or row[_PLACES[name]] in _EMPTY)

    def items(self) -> ItemsView[str, object]:
        """All of them at once: a mail's rendering reads them so, and field by field took four times as long."""
        own = zip(LEAD_COLUMNS, self._row[_FIRST_COLUMN:_AFTER_COLUMNS], strict=True)
        fields: dict[str, object] = {name: value for name, value in own if value is not None and value != ""}
        if self._row[_ATTRIBUTES] is not None:
            fields = self._of_file() | fields
        return fields.items()

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _of_file(self) -> dict[str, object]:
        if self._further is None:
            text = self._row[_ATTRIBUTES]
            self._further = template_fields(json.loads(text)) if text else {}
        return self._further


LEAD_ID, _ATTRIBUTES = LeadRow._fields.index("lead_id"), LeadRow._fields.index("attributes")
"""Where they stand in a row."""

_PLACES = {name: LeadRow._fields.index(name) for name in LEAD_COLUMNS}
_FIRST_COLUMN = LeadRow._fields.index(LEAD_COLUMNS[0])
_AFTER_COLUMNS = _FIRST_COLUMN + len(LEAD_COLUMNS)
assert LeadRow._fields[_FIRST_COLUMN:_AFTER_COLUMNS] == LEAD_COLUMNS, "LeadRow holds a lead's columns in another order"  # noqa: S101

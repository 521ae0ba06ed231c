"""Rows of wide results as tuples, made in C: in thousands, a dict or a call of Python's for each is dear."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

import psycopg
from psycopg.rows import RowMaker

Row = TypeVar("Row", bound=NamedTuple)


def tuple_rows(kind: type[Row]) -> Callable[[psycopg.Cursor[Any]], Callable[[Sequence[Any]], Row]]:
    """A row factory for statements whose columns are the fields of `kind`, in their order; others are a defect."""

    def factory(cursor: psycopg.Cursor[Any]) -> Callable[[Sequence[Any]], Row]:
        _require_fields(cursor, kind)
        return partial(tuple.__new__, kind)

    return factory


def plain_rows(kind: type[NamedTuple]) -> Callable[[psycopg.Cursor[Any]], RowMaker[tuple[Any, ...]]]:
    """As `tuple_rows`, the rows plain tuples: psycopg makes them at once, which spares a thousand rows a copy each.

    `named` makes `kind` of those that are asked for a field.
    """

    def factory(cursor: psycopg.Cursor[Any]) -> RowMaker[tuple[Any, ...]]:
        _require_fields(cursor, kind)
        return tuple

    return factory


def named(kind: type[Row], rows: Iterable[Sequence[Any]]) -> list[Row]:
    """Plain rows as `kind`."""
    return list(map(partial(tuple.__new__, kind), rows))


def _require_fields(cursor: psycopg.Cursor[Any], kind: type[NamedTuple]) -> None:
    names = tuple(column.name for column in cursor.description or ())
    if names and names != kind._fields:
        raise AssertionError(f"The statement returns {names}, {kind.__name__} expects {kind._fields}.")

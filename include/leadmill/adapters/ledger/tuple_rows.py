"""Rows of wide results as named tuples, made in C: in thousands, a dict or a call of Python's for each is dear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

import psycopg

Row = TypeVar("Row", bound=NamedTuple)


def tuple_rows(kind: type[Row]) -> Callable[[psycopg.Cursor[Any]], Callable[[Sequence[Any]], Row]]:
    """A row factory for statements whose columns are the fields of `kind`, in their order; others are a defect."""
    fields = tuple(kind.__annotations__)

    def factory(cursor: psycopg.Cursor[Any]) -> Callable[[Sequence[Any]], Row]:
        names = tuple(column.name for column in cursor.description or ())
        if names and names != fields:
            raise AssertionError(f"The statement returns {names}, {kind.__name__} expects {fields}.")
        return partial(tuple.__new__, kind)

    return factory

"""Long lists as parameters: the text of a Postgres array, for a `:name::bigint[]` or `::text[]` in the statement.

psycopg dumps a list value by value in Python, which cost a claim of a thousand sends more than its rotation did.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def bigints(values: Iterable[int]) -> str:
    """Whole numbers as an array's text."""
    return "{" + ",".join(map(str, values)) + "}"


def texts(values: Sequence[str]) -> str:
    """Texts as an array's text, each in quotes; none of them null."""
    joined = '","'.join(values)
    if "\\" in joined or joined.count('"') != 2 * max(0, len(values) - 1):
        joined = '","'.join(value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return f'{{"{joined}"}}' if values else "{}"

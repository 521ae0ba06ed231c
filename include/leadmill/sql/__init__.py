"""Every SQL statement, in files by subject: `-- name: snake_case`, one comment line, named parameters `:name`.

`query("ledger/leads", "upsert_leads")` is the statement's text for psycopg (`%(name)s`);
names under `lake/` are for DuckDB (`$name`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import aiosql

HERE = Path(__file__).parent


@cache
def _statements(subject: str) -> dict[str, str]:
    driver = "duckdb" if subject.startswith("lake/") else "psycopg"
    loaded = aiosql.from_path(HERE / f"{subject}.sql", driver, mandatory_parameters=False)
    return {name: getattr(loaded, name).sql for name in loaded.available_queries if not name.endswith("_cursor")}


def query(subject: str, name: str) -> str:
    """The text of one named statement, in the parameter style of its driver.

    Raises:
        KeyError: No such statement.
    """
    return _statements(subject)[name]


def every_query() -> Iterator[tuple[str, str]]:
    """Every (subject, name) there is, for the test that prepares each one."""
    for path in sorted(HERE.glob("l*/**/*.sql")):
        subject = path.relative_to(HERE).with_suffix("").as_posix()
        for name in _statements(subject):
            yield subject, name

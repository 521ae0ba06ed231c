"""Every statement under `sql/` is prepared against the real schema, so that a broken one shows at once."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest

from leadmill.sql import every_query, query
from tests.conftest import fresh_database

LEDGER = [q for q in every_query() if q[0].startswith("ledger/")]


@pytest.fixture(scope="module")
def connection(postgres: str, lake_template: str) -> Iterator[psycopg.Connection]:
    with fresh_database(postgres, lake_template) as url, psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize(("subject", "name"), LEDGER, ids=lambda value: value)
def test_a_ledger_statement_prepares(connection: psycopg.Connection, subject: str, name: str) -> None:
    numbers: dict[str, int] = {}
    text = re.sub(
        r"%\((\w+)\)s", lambda m: f"${numbers.setdefault(m[1], len(numbers) + 1)}", query(subject, name)
    ).replace("%%", "%")
    try:
        connection.execute(f"prepare statement_under_test as {text.rstrip().rstrip(';')}")
    except (psycopg.errors.IndeterminateDatatype, psycopg.errors.AmbiguousFunction):
        pytest.fail(f"{subject}:{name}: say the type of each parameter, such as :name::text")
    connection.execute("deallocate statement_under_test")

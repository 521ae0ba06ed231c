"""Every statement under `sql/` is prepared against the real schema, so that a broken one shows at once."""

from __future__ import annotations

import re

import psycopg
import pytest

from leadmill.bootstrap import App
from leadmill.sql import every_query, query

LEDGER = [q for q in every_query() if q[0].startswith("ledger/")]


@pytest.mark.parametrize(("subject", "name"), LEDGER, ids=lambda value: value)
def test_a_ledger_statement_prepares(app: App, subject: str, name: str) -> None:
    numbers: dict[str, int] = {}
    text = re.sub(
        r"%\((\w+)\)s", lambda m: f"${numbers.setdefault(m[1], len(numbers) + 1)}", query(subject, name)
    ).replace("%%", "%")
    with psycopg.connect(app.settings.database_url) as connection:
        try:
            connection.execute(f"prepare statement_under_test as {text.rstrip().rstrip(';')}")
        except (psycopg.errors.IndeterminateDatatype, psycopg.errors.AmbiguousFunction):
            pytest.fail(f"{subject}:{name}: say the type of each parameter, such as :name::text")

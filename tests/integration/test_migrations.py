"""Migrations from empty and from the version before; the lake beside them."""

from __future__ import annotations

import psycopg
import pytest

from leadmill.bootstrap import App
from leadmill.sql.migrations import migrate
from tests.conftest import url_of


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("select table_name from information_schema.tables where table_schema = 'ledger'")
        return {row[0] for row in rows}


@pytest.mark.parametrize("start", [None, "0001", "0002", "0003"])
def test_migrating_from_any_version_ends_in_the_same_schema(
    postgres: str, database_url: str, start: str | None
) -> None:
    name = f"migrate_from_{start or 'empty'}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    url = url_of(postgres, name)
    if start:
        migrate(url, revision=start)
    migrate(url)
    migrate(url)
    assert tables(url) == tables(database_url)


def test_the_lake_is_made_twice_without_harm_and_holds_rows(app: App) -> None:
    app.lake.migrate()
    app.lake.migrate()
    with app.lake.connect() as duck:
        duck.execute("insert into lake.blacklist_checks values ('192.0.2.1', 'ip', 'zone', 'clean', '', now())")
    with app.lake.connect(read_only=True) as duck:
        assert duck.execute("select outcome from lake.blacklist_checks").fetchall() == [("clean",)]
        assert duck.execute("select count(*) from pg.ledger.leads").fetchone() == (0,)

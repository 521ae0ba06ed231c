"""Migrations from empty and from the version before; the lake beside them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from leadmill.bootstrap import App
from leadmill.errors import ConfigInvalid
from leadmill.sql.migrations import migrate
from tests.conftest import url_of

NOW = datetime(2026, 11, 1, tzinfo=UTC)

CAMPAIGN_OF_0011 = """
with lead as (
  insert into ledger.leads (email, email_hash, email_domain, source, legal_basis, created_at, updated_at)
  values ('a@b.test', 'hash', 'b.test', 'test', 'consent', %(now)s, %(now)s) returning lead_id
), campaign as (
  insert into ledger.campaigns (name, status, created_by, created_at, updated_at)
  values ('c', 'running', 'test', %(now)s, %(now)s) returning campaign_id
), step as (
  insert into ledger.campaign_steps (campaign_id, step) select campaign_id, 1 from campaign returning campaign_id
), variant as (
  insert into ledger.variants (campaign_id, step, label, subject, body_html)
  select campaign_id, 1, 'A', 's', 'h' from step returning campaign_id, variant_id
)
insert into ledger.sends (campaign_id, step, lead_id, variant_id, due_at, window_ends_at, state_changed_at)
select v.campaign_id, 1, l.lead_id, v.variant_id, %(now)s, %(now)s + interval '1 hour', %(now)s from variant v, lead l
"""


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("select table_name from information_schema.tables where table_schema = 'ledger'")
        return {row[0] for row in rows}


@pytest.mark.parametrize("start", [None, "0001", "0004", "0007", "0010"])
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


def test_campaigns_and_planned_sends_from_before_sending_days_stay_as_they_were(postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("create database migrate_sending_days")
    url = url_of(postgres, "migrate_sending_days")
    migrate(url, revision="0011")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(CAMPAIGN_OF_0011, {"now": NOW})
    migrate(url)
    with psycopg.connect(url) as connection:
        days = connection.execute("select weekdays, skips_holidays from ledger.campaigns").fetchall()
        planned = connection.execute("select due_at, window_ends_at, missed_windows from ledger.sends").fetchall()
    assert days == [([1, 2, 3, 4, 5, 6, 7], False)]
    assert planned == [(NOW, NOW + timedelta(hours=1), 0)]


def test_the_lake_is_made_twice_without_harm_and_holds_rows(app: App) -> None:
    app.lake.migrate()
    app.lake.migrate()
    with app.lake.connect() as duck:
        duck.execute("insert into lake.blacklist_checks values ('192.0.2.1', 'ip', 'zone', 'clean', '', now())")
    with app.lake.connect(read_only=True) as duck:
        assert duck.execute("select outcome from lake.blacklist_checks").fetchall() == [("clean",)]
        assert duck.execute("select count(*) from pg.ledger.leads").fetchone() == (0,)


def test_a_ledger_is_opened_with_the_key_it_was_made_with_and_refused_with_another(app: App) -> None:
    app.migrate(NOW)
    app.migrate(NOW + timedelta(days=1))
    with app.database.transaction() as connection:
        before = connection.execute("select * from ledger.installation").fetchall()
    assert [row["created_at"] for row in before] == [NOW]
    other = App(
        app.settings.model_copy(update={"secret_key": SecretStr("another-secret-key-of-32-characters-or-more")})
    )
    with pytest.raises(ConfigInvalid, match="Put the old key back"):
        other.migrate(NOW)
    other.database.close()
    with app.database.transaction() as connection:
        assert connection.execute("select * from ledger.installation").fetchall() == before


def test_a_store_that_moved_is_refused_in_words_until_the_lake_is_told(app: App, tmp_path: Path) -> None:
    app.lake.migrate()
    with app.lake.connect() as duck:
        duck.execute("call lake.set_option('data_inlining_row_limit', 0)")
        duck.execute("insert into lake.blacklist_checks values ('192.0.2.1', 'ip', 'zone', 'clean', '', now())")
    (tmp_path / "store").rename(tmp_path / "moved")
    moved = App(app.settings.model_copy(update={"store": f"file://{tmp_path}/moved"}))
    with pytest.raises(ConfigInvalid, match="leadmill move-lake"), moved.lake.connect():
        pytest.fail("a lake was opened whose files are elsewhere")
    moved.lake.adopt_data_path()
    with moved.lake.connect() as duck:
        assert duck.execute("select outcome from lake.blacklist_checks").fetchall() == [("clean",)]

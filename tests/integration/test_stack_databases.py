"""Which PostgreSQL the embedded stack works on: its own, or one that the settings name."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from leadmill.errors import ConfigInvalid
from leadmill.local.postgres import start_postgres, stop_postgres
from leadmill.local.stack.database_setup import open_databases
from leadmill.local.stack.layout import StackSettings


def test_airflows_database_is_made_beside_ours_on_a_server_of_the_operators(database_url: str, tmp_path: Path) -> None:
    name = database_url.partition("?")[0].rpartition("/")[2]
    airflow = database_url.replace(f"/{name}?", f"/airflow_of_{name}?")
    settings = StackSettings(
        var_dir=tmp_path, database_url=SecretStr(database_url), airflow_database_url=SecretStr(airflow)
    )

    urls = open_databases(settings)

    assert urls.leadmill == database_url
    assert urls.airflow == airflow
    with psycopg.connect(urls.airflow, autocommit=True) as connection:
        assert connection.execute("select current_database()").fetchone() == (f"airflow_of_{name}",)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f'drop database "airflow_of_{name}"')


def test_a_server_that_does_not_answer_is_named_by_its_setting(tmp_path: Path) -> None:
    nowhere = SecretStr("postgresql://nobody:secret@127.0.0.1:9/leadmill?connect_timeout=2")

    with pytest.raises(ConfigInvalid, match="LEADMILL_DATABASE_URL") as raised:
        open_databases(StackSettings(var_dir=tmp_path, database_url=nowhere))

    assert "secret" not in str(raised.value)


def test_the_embedded_server_is_tuned_once_and_can_be_stopped_and_started(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("pg") / "postgres"
    try:
        with psycopg.connect(start_postgres(folder).get_uri(), autocommit=True) as connection:
            connection.execute("create table kept (n integer)")
            assert connection.execute("show synchronous_commit").fetchone() == ("on",)
            assert connection.execute("show jit").fetchone() == ("off",)

        assert stop_postgres(folder)
        assert not (folder / "postmaster.pid").exists()
        assert not stop_postgres(folder)

        with psycopg.connect(start_postgres(folder).get_uri()) as connection:
            assert connection.execute("select count(*) from kept").fetchone() == (0,)
        assert (folder / "postgresql.conf").read_text().count("leadmill.conf") == 1
    finally:
        stop_postgres(folder)

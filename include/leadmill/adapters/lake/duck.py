"""DuckDB as the engine: a DuckLake (Parquet in the store, catalog in Postgres) and the ledger, in one connection."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import psycopg
from duckdb_extensions import import_extension
from psycopg.conninfo import conninfo_to_dict

from leadmill.errors import ConfigInvalid, DatabaseUnavailable
from leadmill.sql import HERE, query

_INLINED_ROWS = 500  # commits below this stay in the catalog instead of becoming tiny Parquet files


def keyword_dsn(url: str) -> str:
    """The libpq keyword form of a Postgres URL, as DuckDB's extension wants it."""
    parts = {k: v for k, v in conninfo_to_dict(url).items() if v not in (None, "")}
    return " ".join(f"{key}='{value}'" if " " in str(value) else f"{key}={value}" for key, value in parts.items())


class Lake:
    """Opens DuckDB connections in which `lake` is the DuckLake and `pg.ledger` the ledger."""

    def __init__(
        self,
        *,
        database_url: str,
        data_path: str,
        s3_endpoint_url: str | None = None,
        s3_region: str = "us-east-1",
        memory_limit: str = "2GB",
        threads: int = 2,
    ) -> None:
        """`data_path` is a folder or an `s3://` prefix; S3 keys come from AWS's usual environment variables."""
        self._dsn = keyword_dsn(database_url)
        self._data_path = data_path.removeprefix("file://")
        self._s3_endpoint_url = s3_endpoint_url
        self._s3_region = s3_region
        self._reader_lock = threading.Lock()
        self._kept: duckdb.DuckDBPyConnection | None = None
        self._config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory_limit,
            "threads": str(threads),
        }

    @contextmanager
    def connect(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """An in-memory DuckDB with the lake and the ledger attached, closed at the end of the block.

        Raises:
            DatabaseUnavailable: Postgres or the store did not answer, or another process committed first; also of what
                the block asks.
        """
        connection = duckdb.connect(config=self._config)
        try:
            self._prepare(connection, read_only=read_only)
            yield connection
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.OperationalError as error:
            raise DatabaseUnavailable(
                f"The lake did not answer ({type(error).__name__}): look whether Postgres and the object store do."
            ) from error
        finally:
            connection.close()

    @contextmanager
    def reader(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A read-only cursor on a DuckDB that this process keeps: attaching costs about 0.7 s, a cursor nothing.

        Each statement outside a transaction reads the newest snapshot. When Postgres was restarted meanwhile, the kept
        DuckDB is given up and opened anew.
        """
        with self._reader_lock:
            if self._kept is None:
                self._kept = duckdb.connect(config=self._config)
                try:
                    self._prepare(self._kept, read_only=True)
                except BaseException:
                    self._give_up_reader()
                    raise
            cursor = self._kept.cursor()
        try:
            cursor.execute("set timezone = 'UTC'")
            yield cursor
        except duckdb.Error:
            with self._reader_lock:
                self._give_up_reader()
            raise
        finally:
            cursor.close()

    def _give_up_reader(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def migrate(self) -> None:
        """Create the lake's tables where they are missing; safe to run twice and at the same time as itself."""
        with psycopg.connect(self._dsn, autocommit=True) as lock:
            lock.execute("select pg_advisory_lock(7316502)")
            with self.connect() as connection:
                connection.execute((HERE / "lake" / "schema.ddl").read_text())

    def adopt_data_path(self) -> None:
        """Tell the catalog that the store's files were moved to where this process looks for them."""
        with psycopg.connect(self._dsn) as connection:
            connection.execute(
                query("ledger/lake_catalog", "set_data_path"), {"data_path": self._data_path.rstrip("/") + "/"}
            )

    def _prepare(self, connection: duckdb.DuckDBPyConnection, *, read_only: bool) -> None:
        for name in ("ducklake", "postgres_scanner", "icu"):
            import_extension(name, con=connection)
            connection.load_extension(name)
        connection.execute("set timezone = 'UTC'")
        if self._data_path.startswith("s3://"):
            self._prepare_s3(connection)
        else:
            Path(self._data_path).mkdir(parents=True, exist_ok=True)
        access = ", read_only" if read_only else ""
        try:
            connection.execute(
                f"attach 'ducklake:postgres:{_quoted(self._dsn)}' as lake (data_path '{_quoted(self._data_path)}', "
                f"metadata_schema 'lake', data_inlining_row_limit {_INLINED_ROWS}{access})"
            )
        except duckdb.Error as error:
            if "does not match existing data path" not in str(error):
                raise
            # Writing elsewhere would tear the lake apart, so a person has to say that the files were moved.
            raise ConfigInvalid(
                "The lake's files are not where this process looks: LEADMILL_STORE is not the store that the lake "
                "was made in. Correct the setting, or run `leadmill move-lake` once you have moved the store's files."
            ) from error
        connection.execute(f"attach '{_quoted(self._dsn)}' as pg (type postgres{access})")
        with suppress(duckdb.CatalogException):  # before the first migration there are no events to ask
            connection.execute(query("lake/outcomes", "define_touches"))

    def _prepare_s3(self, connection: duckdb.DuckDBPyConnection) -> None:
        import_extension("httpfs", con=connection)
        connection.load_extension("httpfs")
        import boto3

        credentials = boto3.Session().get_credentials()
        frozen = credentials.get_frozen_credentials() if credentials else None
        options = ["type s3", f"region '{_quoted(self._s3_region)}'"]
        if frozen:
            options += [f"key_id '{_quoted(frozen.access_key)}'", f"secret '{_quoted(frozen.secret_key)}'"]
            options += [f"session_token '{_quoted(frozen.token)}'"] if frozen.token else []
        if self._s3_endpoint_url:
            scheme, _, host = self._s3_endpoint_url.partition("://")
            options += [f"endpoint '{_quoted(host)}'", "url_style 'path'", f"use_ssl {str(scheme == 'https').lower()}"]
        connection.execute(f"create or replace secret store ({', '.join(options)})")


def _quoted(text: str | None) -> str:
    return (text or "").replace("'", "''")

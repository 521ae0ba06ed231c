"""Copies of a test's ledger: taken, put back in its place, and set up beside it on the same store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from typing import Any

import psycopg
from psycopg import sql

from leadmill.bootstrap import App
from leadmill.settings import Settings
from tests.conftest import url_of
from tests.mail_servers import SmtpRecorder


def name_of(url: str) -> str:
    """The database that a URL names."""
    return url.partition("?")[0].rpartition("/")[2]


@contextmanager
def server_of(app: App) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the server's own database, with nobody else in the app's."""
    app.database.close()
    url = app.settings.database_url
    with psycopg.connect(url.replace(f"/{name_of(url)}?", "/postgres?", 1), autocommit=True) as connection:
        connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name_of(url),))
        yield connection


def copy_ledger(app: App, name: str) -> str:
    """Copy the ledger as it is now into another database of the server; returns that one's URL."""
    with server_of(app) as server:
        server.execute(
            sql.SQL("create database {} template {}").format(
                sql.Identifier(name), sql.Identifier(name_of(app.settings.database_url))
            )
        )
        return url_of(server_url(app), name)


def server_url(app: App) -> str:
    url = app.settings.database_url
    return url.replace(f"/{name_of(url)}?", "/postgres?", 1)


def restore_ledger(app: App, copy: str, *, is_the_same_database: bool = True) -> App:
    """Put a copy back in the ledger's place; returns an app on it.

    `is_the_same_database`: as a snapshot of the server's disk does it; else as `pg_restore` into a new database.
    """
    with server_of(app) as server:
        own = name_of(app.settings.database_url)
        row = server.execute("select oid from pg_database where datname = %s", (own,)).fetchone()
        assert row
        server.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(own)))
        oid = sql.SQL("oid {}").format(sql.Literal(int(row[0]))) if is_the_same_database else sql.SQL("")
        server.execute(
            sql.SQL("create database {} template {} {}").format(sql.Identifier(own), sql.Identifier(name_of(copy)), oid)
        )
    return App(app.settings)


def beside(app: App, copy: str, **changes: Any) -> App:
    """An app on a copy of the ledger, with the same store."""
    return App(Settings(**(app.settings.model_dump() | {"database_url": copy} | changes)))


def mails_by_person(mail: SmtpRecorder) -> Counter[tuple[str, str]]:
    """How often each (recipient, subject) arrived."""
    read = [message_from_bytes(raw) for raw in mail.mails]
    return Counter((str(each["To"]), str(each["Subject"])) for each in read)

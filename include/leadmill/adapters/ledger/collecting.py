"""What collecting needs of the ledger: its lock, and what is known of the sends that events name."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
import pyarrow as pa
from psycopg import sql
from pyarrow import csv

from leadmill.adapters.ledger.database import Database
from leadmill.errors import DatabaseUnavailable
from leadmill.sql import query

_LOCK = 7_316_505  # any number that no other advisory lock of ours has

KNOWN_SENDS = pa.schema(
    [
        ("send_id", pa.int64()),
        ("provider_message_id", pa.string()),
        ("campaign_id", pa.int64()),
        ("step", pa.int16()),
        ("lead_id", pa.int64()),
        ("variant_id", pa.int64()),
        ("mailbox_id", pa.int64()),
        ("accepted_at", pa.timestamp("us", tz="UTC")),
    ]
)


@contextmanager
def collecting_alone(database_url: str) -> Iterator[None]:
    """Wait for a collector elsewhere to end, then keep others waiting. The lock dies with its connection."""
    try:
        connection = psycopg.connect(database_url, autocommit=True)
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable("Postgres did not answer when collecting events began.") from error
    with connection:
        connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
        yield


def sends_of(database: Database, send_ids: Sequence[int], message_ids: Sequence[str]) -> pa.Table:
    """What the ledger knows of these sends, by our id or by the provider's; columns as `KNOWN_SENDS`.

    COPY instead of a cursor: a batch names up to some hundred thousand sends.
    """
    with database.transaction() as connection:
        tables = [
            _copy(connection, "sends_by_id", {"send_ids": list(send_ids)}) if send_ids else None,
            _copy(connection, "sends_by_message", {"message_ids": list(message_ids)}) if message_ids else None,
        ]
    return pa.concat_tables([KNOWN_SENDS.empty_table(), *(t for t in tables if t is not None)])


def sends_named_plainly(database: Database, send_ids: Sequence[int]) -> list[tuple[int, str | None]]:
    """Those of the sends that a provider took, with its id for each; None where it gave none that events repeat."""
    with database.transaction() as connection:
        rows = connection.execute(query("ledger/collecting", "sends_by_plain_id"), {"send_ids": list(send_ids)})
        return [(row["send_id"], row["provider_message_id"]) for row in rows.fetchall()]


def latest_sends_of(database: Database, emails: Sequence[str]) -> dict[str, int]:
    """The send that each of these people got last; people we never wrote to are left out."""
    with database.transaction() as connection:
        rows = connection.execute(
            query("ledger/collecting", "latest_sends_of_addresses"), {"emails": list(emails)}
        ).fetchall()
    return {row["email"]: row["send_id"] for row in rows}


def own_answers(database: Database, answers: Sequence[tuple[int, str]]) -> set[int]:
    """The places, from 0, of those answers (send and sender) that one of our own mailboxes wrote."""
    with database.transaction() as connection:
        rows = connection.execute(
            query("ledger/collecting", "own_answers"),
            {"send_ids": [send_id for send_id, _ in answers], "senders": [sender for _, sender in answers]},
        ).fetchall()
    return {row["place"] - 1 for row in rows}


def _copy(connection: psycopg.Connection[dict[str, object]], name: str, parameters: dict[str, object]) -> pa.Table:
    statement = sql.SQL("copy ({}) to stdout (format csv)").format(
        sql.SQL(query("ledger/collecting", name).strip().rstrip(";"))
    )
    body = io.BytesIO()
    with connection.cursor().copy(statement, parameters) as rows:
        for block in rows:
            body.write(block)
    if not body.tell():
        return KNOWN_SENDS.empty_table()
    body.seek(0)
    return csv.read_csv(
        body,
        read_options=csv.ReadOptions(column_names=KNOWN_SENDS.names),
        convert_options=csv.ConvertOptions(
            column_types=KNOWN_SENDS, timestamp_parsers=["%Y-%m-%d %H:%M:%S", csv.ISO8601]
        ),
    )

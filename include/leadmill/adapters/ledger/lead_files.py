"""Lead files, leads and opt-outs in the ledger."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from leadmill.adapters.ledger.audit import record_audit
from leadmill.adapters.ledger.database import Database
from leadmill.domain.access import Actor
from leadmill.domain.identity import hash_pads
from leadmill.domain.lead_files import ImportDefaults, ImportOutcome, Verdict, outcome_of
from leadmill.errors import DatabaseUnavailable, NotFound
from leadmill.ports.lead_files import STAGED_COLUMNS, BegunLeadFile, LeadFileContent, StagedLeadFile
from leadmill.sql import query

_SQL = "ledger/lead_files"
_CHUNK_BYTES = 1 << 18
_WAIT_FOR_CONTENT = "-c timezone=UTC -c lock_timeout=600s"
# COPY and TRUNCATE cannot be prepared, so they stand here and not among the tested statements.
_COPY = sql.SQL("copy ledger.{table} ({columns}) from stdin (format csv, null '\\N')")
_EMPTY = "truncate ledger.staged_leads, ledger.staged_opt_outs"


class LedgerLeadFiles:
    """The ledger's side of an import; the accepted rows arrive by COPY and are upserted by one statement."""

    def __init__(self, database: Database, *, key: bytes) -> None:
        """`key` is the secret of the addresses' keyed hash."""
        self._database = database
        inner, outer = hash_pads(key)
        self._pads = {"inner_pad": inner, "outer_pad": outer}

    @contextmanager
    def content_lock(self, sha256: str) -> Iterator[None]:
        # A session of its own: the lock outlives the import's transactions, and falls with the process.
        try:
            session = psycopg.connect(self._database.url, autocommit=True, options=_WAIT_FOR_CONTENT)
            session.execute(query(_SQL, "lock_content"), {"sha256": sha256})
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable(
                f"Could not get hold of lead file content {sha256[:12]}; another import of it may still run. Try later."
            ) from error
        try:
            yield
        finally:
            session.close()

    def imported(self, sha256: str) -> Mapping[str, Any] | None:
        with self._database.transaction() as connection:
            return connection.execute(query(_SQL, "imported_file"), {"sha256": sha256}).fetchone()

    def begin(self, content: LeadFileContent, defaults: ImportDefaults, *, requested_by: str) -> BegunLeadFile:
        parameters = _object_parameters(content, requested_by) | {
            "default_source": defaults.source,
            "default_legal_basis": defaults.legal_basis,
            "default_country": defaults.country,
        }
        return BegunLeadFile(**self._row(query(_SQL, "begin_file"), parameters))

    def forgive_try(self, lead_file_id: int) -> None:
        with suppress(DatabaseUnavailable, psycopg.Error), self._transaction() as connection:
            connection.execute(query(_SQL, "forgive_try"), {"lead_file_id": lead_file_id})

    def repeat(self, content: LeadFileContent, first: Mapping[str, Any], *, requested_by: str) -> int:
        verdict = f"Same content as lead file {first['lead_file_id']}, imported before; nothing was done."
        parameters = _object_parameters(content, requested_by) | {
            "repeats_lead_file_id": first["lead_file_id"],
            "verdict": verdict,
        }
        return int(self._row(query(_SQL, "repeat_file"), parameters)["lead_file_id"])

    def end(self, outcome: ImportOutcome, how_read: Mapping[str, Any]) -> None:
        with self._transaction() as connection:
            _end(connection, outcome, how_read)

    def refuse(self, refusal: ImportOutcome, staged: StagedLeadFile, *, as_of: datetime) -> None:
        parameters = {"lead_file_id": refusal.lead_file_id, "as_of": as_of, **self._pads}
        with tempfile.TemporaryDirectory(prefix="leadmill-import-") as folder:
            opted_out = Path(folder) / "opted_out.csv"
            staged.write_opted_out(opted_out)
            with self._transaction() as connection:
                connection.execute(query(_SQL, "lock_leads"))
                connection.execute(_EMPTY)
                _copy(connection, "staged_opt_outs", ("email",), opted_out)
                connection.execute(query(_SQL, "suppress_opt_outs"), parameters)
                connection.execute(_EMPTY)
                _end(connection, refusal, staged.how_read)

    def take_in(
        self, lead_file_id: int, staged: StagedLeadFile, verdict: Verdict, *, as_of: datetime, quarantine_uri: str
    ) -> ImportOutcome:
        parameters = {"lead_file_id": lead_file_id, "as_of": as_of, **self._pads}
        with tempfile.TemporaryDirectory(prefix="leadmill-import-") as folder:
            accepted, opted_out = Path(folder) / "accepted.csv", Path(folder) / "opted_out.csv"
            staged.write_accepted(accepted)
            staged.write_opted_out(opted_out)
            with self._transaction() as connection:
                connection.execute(query(_SQL, "lock_leads"))
                connection.execute(query(_SQL, "sort_in_memory"))
                connection.execute(_EMPTY)
                _copy(connection, "staged_leads", STAGED_COLUMNS, accepted)
                _copy(connection, "staged_opt_outs", ("email",), opted_out)
                connection.execute(query(_SQL, "suppress_opt_outs"), parameters)
                taken = connection.execute(query(_SQL, "take_in_leads"), parameters).fetchone()
                if taken and taken["updated_count"]:  # a country that is known now may forbid what was planned
                    connection.execute(query("ledger/country_rules", "withdraw_of_lead_file"), parameters)
                connection.execute(_EMPTY)
                outcome = outcome_of(lead_file_id, verdict, staged.profile, taken=taken, quarantine_uri=quarantine_uri)
                _end(connection, outcome, staged.how_read)
        return outcome

    def note_upload(self, actor: Actor, key: str, file_name: str, byte_size: int, *, as_of: datetime) -> None:
        with self._database.transaction() as connection:
            details = {"byte_size": byte_size, "file_name": file_name}
            record_audit(connection, actor, "lead_file.upload", ("lead_file", key), at=as_of, details=details)

    def registered(self) -> set[tuple[str, int, datetime | None]]:
        with self._database.transaction() as connection:
            rows = connection.execute(query(_SQL, "registered_objects")).fetchall()
        return {(row["uri"], row["byte_size"], row["object_modified_at"]) for row in rows}

    def files(self, *, limit: int, offset: int) -> list[dict[str, Any]]:
        with self._database.transaction() as connection:
            return connection.execute(query(_SQL, "lead_files"), {"limit": limit, "offset": offset}).fetchall()

    def file(self, lead_file_id: int) -> dict[str, Any]:
        with self._database.transaction() as connection:
            row = connection.execute(query(_SQL, "lead_file"), {"lead_file_id": lead_file_id}).fetchone()
        if row is None:
            raise NotFound(f"There is no lead file {lead_file_id}.")
        return row

    def _row(self, statement: str, parameters: Mapping[str, Any]) -> DictRow:
        with self._transaction() as connection:
            row = connection.execute(statement, parameters).fetchone()
        if row is None:
            raise DatabaseUnavailable("Another process finished this lead file meanwhile; run the import again.")
        return row

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Connection[DictRow]]:
        try:
            with self._database.transaction() as connection:
                yield connection
        except psycopg.OperationalError as error:  # connection lost, deadlock, disk full: nothing was committed
            raise DatabaseUnavailable("Postgres gave up during an import; nothing was written. Try again.") from error


def _copy(connection: psycopg.Connection[DictRow], table: str, columns: tuple[str, ...], path: Path) -> None:
    statement = _COPY.format(
        table=sql.Identifier(table), columns=sql.SQL(", ").join(sql.Identifier(column) for column in columns)
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy, path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            copy.write(chunk)


def _end(connection: psycopg.Connection[DictRow], outcome: ImportOutcome, how_read: Mapping[str, Any]) -> None:
    parameters = asdict(outcome) | {
        "rejected_by_reason": Jsonb(dict(outcome.rejected_by_reason)),
        "column_mapping": Jsonb(dict(how_read)),
    }
    if connection.execute(query(_SQL, "end_file"), parameters).rowcount != 1:
        raise DatabaseUnavailable(f"Lead file {outcome.lead_file_id} was closed by somebody else; import it again.")


def _object_parameters(content: LeadFileContent, requested_by: str) -> dict[str, Any]:
    return {
        "key": content.key,
        "uri": content.uri,
        "file_name": content.file_name,
        "object_modified_at": content.modified_at,
        "sha256": content.sha256,
        "byte_size": content.byte_size,
        "requested_by": requested_by,
    }

"""One lead file in a DuckDB of its own: read, mapped, each row judged; gone from disk when it is done."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
from duckdb_extensions import import_extension

from leadmill.adapters.idna_domains import idna_domain
from leadmill.adapters.lead_files.canonical import canonical_query
from leadmill.adapters.lead_files.detection import is_workbook
from leadmill.adapters.lead_files.row_rules import rule_parameters
from leadmill.adapters.lead_files.tables import LoadedTable, load_csv, load_workbook
from leadmill.domain.countries import country_code
from leadmill.domain.lead_columns import ColumnMapping, Field, map_columns
from leadmill.domain.lead_files import BatchProfile, ImportDefaults, reason_sentence
from leadmill.domain.lead_words import employee_count, flag_opts_out, legal_basis, status_opts_out, time_zone_name
from leadmill.errors import LeadFileInvalid
from leadmill.ports.lead_files import LeadFileContent
from leadmill.sql import query

_SQL = "lake/lead_files"
_SAMPLE_ROWS = 1_000
_SAMPLE_CHARACTERS = 500
_RISKY_START = ("=", "+", "-", "@", "\t", "\r")
_BLANKS = " \t\n\r\u00a0\ufeff"


class DuckLeadFileReader:
    """Reads CSV by DuckDB and XLSX by calamine; the row rules run as a few set-based statements."""

    def __init__(self, *, allow_special_use_domains: bool, memory_limit: str = "1GB", threads: int = 2) -> None:
        self._allow_special_use = allow_special_use_domains
        self._config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory_limit,
            "threads": str(threads),
        }

    @contextmanager
    def stage(
        self, content: LeadFileContent, defaults: ImportDefaults, *, as_of: datetime
    ) -> Iterator[DuckStagedLeadFile]:
        with tempfile.TemporaryDirectory(prefix="leadmill-import-") as folder:
            scratch = Path(folder)
            # A database file, not memory: a million rows spill to disk instead of pushing other tasks off the machine.
            with duckdb.connect(scratch / "staging.duckdb", config=self._config) as duck:
                import_extension("icu", con=duck)
                duck.load_extension("icu")
                duck.execute("set timezone = 'UTC'")
                table = (
                    load_workbook(duck, content.body, scratch)
                    if is_workbook(content.body)
                    else load_csv(duck, content.body, scratch)
                )
                staged = DuckStagedLeadFile(duck, table)
                staged.judge(defaults, allow_special_use=self._allow_special_use, as_of=as_of)
                yield staged


class DuckStagedLeadFile:
    """The tables `raw`, `judged` and `unreadable` of one file."""

    def __init__(self, duck: duckdb.DuckDBPyConnection, table: LoadedTable) -> None:
        self._duck = duck
        self._table = table

    @property
    def how_read(self) -> dict[str, Any]:
        others = [self._table.headers[index] for index in self.mapping.unmapped]
        return {"file": self._table.form, "columns": self.mapping.for_people(), "attributes": others}

    @cached_property
    def mapping(self) -> ColumnMapping:
        names = [f"c{number + 1}" for number in range(len(self._table.headers))]
        cells = ", ".join(f"left({name}, {_SAMPLE_CHARACTERS})" for name in names)
        rows = self._duck.execute(f"select {cells} from raw limit {_SAMPLE_ROWS}").fetchall()
        samples = [[cell.strip() for cell in column if cell and cell.strip()] for column in zip(*rows, strict=True)]
        return map_columns(self._table.headers, samples or [[] for _ in names])

    @cached_property
    def profile(self) -> BatchProfile:
        row_count, accepted, duplicates, opted_out, blank_country, unproved = _one(self._run("batch_counts"))
        by_reason = dict(self._run("rejected_by_reason").fetchall())
        return BatchProfile(
            row_count=row_count,
            accepted_count=accepted,
            duplicate_count=duplicates,
            rejected_count=sum(by_reason.values()),
            opted_out_count=opted_out,
            rejected_by_reason=by_reason,
            blank_country_count=blank_country,
            unproved_consent_count=unproved,
        )

    def judge(self, defaults: ImportDefaults, *, allow_special_use: bool, as_of: datetime) -> None:
        """Bring the rows into canonical form and find for each the first reason to reject it.

        Raises:
            LeadFileInvalid: No column holds e-mail addresses.
        """
        if not self.mapping.has(Field.EMAIL):
            columns = ", ".join(self._table.headers[:12])
            raise LeadFileInvalid(
                "The table has no e-mail column, neither by name nor by content, so it holds no leads. "
                f"Its columns are: {columns}."
            )
        for name in ("define_cell", "define_text", "define_filled", "define_address"):
            self._run(name)
        self._duck.execute(f"create view canonical as {canonical_query(self.mapping)}")
        self._run("make_words")
        self._fill_words()
        (day_first,) = _one(self._run("day_comes_first"))
        self._run(
            "make_judged",
            rule_parameters(
                self.mapping, defaults, allow_special_use=allow_special_use, day_first=day_first, as_of=as_of
            ),
        )
        self._run("make_repeats")
        self._run("make_accepted")

    def sample(self, size: int) -> dict[str, list[Any]]:
        every = max(1, self.profile.accepted_count // size)
        cursor = self._run("sample_accepted", {"every": every, "size": size})
        names = [column[0] for column in cursor.description or ()]
        rows = cursor.fetchall()
        return {name: [row[index] for row in rows] for index, name in enumerate(names)}

    def quarantine(self) -> bytes:
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer)
        writer.writerow(["row", "reason", "what is wrong", *map(_harmless, self._table.headers)])
        names = ", ".join(f"r.c{number + 1}" for number in range(len(self._table.headers)))
        # The original cells are looked up by position: only rejected rows are read again.
        rejected = self._duck.execute(
            "select j.position + 1 + $header + coalesce(b.refused, 0) as row, j.reason, "
            f"{names} from judged j join raw r on r.rowid = j.position "
            "asof left join refused_before b on b.first_position <= j.position where j.reason is not null order by 1",
            {"header": self._table.header_row},
        )
        while rows := rejected.fetchmany(10_000):
            for number, reason, *cells in rows:
                writer.writerow([number, reason, reason_sentence(reason), *map(_harmless, cells)])
        unreadable = self._duck.execute("select row_number, reason, text from unreadable order by row_number, text")
        for number, reason, text in unreadable.fetchall():
            writer.writerow([number, reason, reason_sentence(reason), _harmless(text)])
        return buffer.getvalue().encode("utf-8-sig")

    def write_accepted(self, path: Path) -> None:
        self._write("accepted_rows", path)

    def write_opted_out(self, path: Path) -> None:
        self._write("opted_out_addresses", path)

    def _write(self, name: str, path: Path) -> None:
        target = str(path).replace("'", "''")
        statement = query(_SQL, name).rstrip().rstrip(";")
        self._duck.execute(f"copy ({statement}) to '{target}' (format csv, header false, nullstr '\\N')")

    def _fill_words(self) -> None:
        import pyarrow as pa

        found = self._run("words_of_fields").fetchall()
        rows = [(field, word, word.strip(_BLANKS) or None) for field, word in found]
        columns = {
            "field": [field for field, _, _ in rows],
            "word": [word for _, word, _ in rows],
            "cleaned": [cleaned for _, _, cleaned in rows],
            "meaning": [_MEANINGS[field](cleaned) if cleaned else None for field, _, cleaned in rows],
        }
        self._duck.register("words_found", pa.table({name: pa.array(v, pa.string()) for name, v in columns.items()}))
        self._duck.execute("insert into words select * from words_found")
        self._duck.unregister("words_found")

    def _run(self, name: str, parameters: Mapping[str, Any] | None = None) -> duckdb.DuckDBPyConnection:
        return self._duck.execute(query(_SQL, name), parameters or {})


def _one(cursor: duckdb.DuckDBPyConnection) -> tuple[Any, ...]:
    row = cursor.fetchone()
    if row is None:  # an aggregate always has one row
        raise LeadFileInvalid("DuckDB returned no counts for the file; import it again.")
    return row


def _harmless(cell: str | None) -> str:
    """A cell that no spreadsheet runs as a formula. Source: OWASP, CSV Injection."""
    return f"'{cell}" if cell and cell.startswith(_RISKY_START) else cell or ""


def _number(word: str) -> str | None:
    count = employee_count(word)
    return None if count is None else str(count)


_MEANINGS: Mapping[str, Callable[[str], str | None]] = {
    "country": country_code,
    "time_zone": time_zone_name,
    "legal_basis": legal_basis,
    "employee_count": _number,
    "status": lambda words: "opted_out" if any(map(status_opts_out, words.split("\x1f"))) else None,
    "opted_out": lambda words: "opted_out" if any(map(flag_opts_out, words.split("\x1f"))) else None,
    "domain": idna_domain,
}

"""Loads a lead file's rows, as text and otherwise untouched, into a DuckDB table `raw` with columns c1 … cn."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from pathlib import Path

import duckdb

from leadmill.adapters.lead_files.detection import CsvForm, csv_form, header_among, utf8_rows
from leadmill.domain.lead_files import ROW_COUNT_MAX, UNPACKED_BYTES_MAX
from leadmill.errors import LeadFileInvalid, ReadingInterrupted
from leadmill.sql import query

_LINE_BYTES_MAX = 8 * 1024 * 1024
_MISFITS_ALWAYS_TOLD = 50_000
_MISFITS_MAX = 0.1
"""Share of rows that do not fit the header, beyond which a file with over 50,000 of them is refused: each takes 1 kB of
memory until it is told of."""
_PIECE_BYTES = 1 << 20
_HEADER_ROWS = 100
_WORKBOOK_SECONDS = 900
_OUT_OF_MEMORY = {-signal.SIGABRT, -signal.SIGSEGV}
_SMALLER = "Delete what stands beside and below the table, or export the sheet as CSV."


@dataclass(frozen=True, slots=True)
class LoadedTable:
    """What was loaded: column names, rows above the first row of values, and how the file was read."""

    headers: tuple[str, ...]
    header_row: int
    form: str


def load_csv(duck: duckdb.DuckDBPyConnection, body: bytes, scratch: Path) -> LoadedTable:
    """Load a text file; rows that do not fit the header go to the table `unreadable`.

    Raises:
        LeadFileInvalid: It is no text or no table.
    """
    form = csv_form(body)
    path = scratch / "rows.csv"
    with path.open("wb") as file:
        file.writelines(utf8_rows(body, form))
    _require_few_misfits(path, form)
    columns = {f"c{number + 1}": "VARCHAR" for number in range(len(form.headers))}
    # No `new_line`: DuckDB 1.5.5 takes a whole file for one row when it is *told* of CRLF; it finds it by itself.
    try:
        duck.execute(
            "create table raw as select * from read_csv($path, delim = $delimiter, quote = '\"', escape = '\"', "
            f"header = false, auto_detect = false, columns = {columns}, nullstr = '', "
            "store_rejects = true, rejects_limit = 0, strict_mode = true, max_line_size = $line)",
            {
                "path": str(path),
                "delimiter": form.delimiter,
                "line": _LINE_BYTES_MAX,
            },
        )
    except duckdb.Error as error:
        raise LeadFileInvalid("The rows cannot be read as CSV; export the file anew.") from error
    path.unlink()
    duck.execute(query("lake/lead_files", "make_unreadable"), {"header_row": form.header_row})
    duck.execute(query("lake/lead_files", "make_row_numbers"))
    delimiter = {"\t": "tabs"}.get(form.delimiter, form.delimiter)
    return LoadedTable(form.headers, form.header_row, f"CSV, {form.encoding}, delimiter {delimiter}")


def _require_few_misfits(path: Path, form: CsvForm) -> None:
    """Stop before rows that do not fit the header fill the memory; only a file that may have some is parsed for it."""
    width, rows, misfits = len(form.headers), 0, 0
    if _is_even(path, form.delimiter.encode(), width):
        return
    with path.open(encoding="utf-8", errors="replace", newline="") as file, suppress(csv.Error):  # a far too long cell
        for row in csv.reader(file, delimiter=form.delimiter):
            rows += 1
            misfits += len(row) not in (0, width)
            if misfits > _MISFITS_MAX * ROW_COUNT_MAX:
                break
    if misfits > max(_MISFITS_ALWAYS_TOLD, _MISFITS_MAX * rows):
        raise LeadFileInvalid(
            f"More than {_MISFITS_MAX:.0%} of the rows have more or fewer cells than the header with its {width}, too "
            "many to tell of each; export the file anew."
        )


def _is_even(path: Path, delimiter: bytes, width: int) -> bool:
    """Whether no cell is quoted and each piece of the file has as many delimiters as its lines should."""
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES) + file.readline():
            if b'"' in piece or piece.count(delimiter) != (width - 1) * piece.count(b"\n"):
                return False
    return True


def load_workbook(duck: duckdb.DuckDBPyConnection, body: bytes, scratch: Path) -> LoadedTable:
    """Load the first sheet of an XLSX workbook that has something in it.

    Raises:
        LeadFileInvalid: It is no workbook, unpacks to too much, has no rows, or needs too much memory or time.
    """
    _check_archive(body)
    book, rows = scratch / "book.xlsx", scratch / "rows.arrow"
    book.write_bytes(body)
    said = _read_workbook(book, rows)
    book.unlink()
    if "refused" in said:
        raise LeadFileInvalid(said["refused"])
    table = _load_rows(duck, rows, said["sheet"])
    rows.unlink()
    return table


def _read_workbook(book: Path, rows: Path) -> dict[str, str]:
    command = [sys.executable, "-P", "-m", "leadmill.adapters.lead_files.workbook_rows", str(book), str(rows)]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=_WORKBOOK_SECONDS)  # noqa: S603 - ours
    except subprocess.TimeoutExpired as error:
        raise LeadFileInvalid(
            f"Reading the workbook took over {_WORKBOOK_SECONDS // 60} minutes; {_SMALLER}"
        ) from error
    if done.returncode in _OUT_OF_MEMORY:
        raise LeadFileInvalid(f"The workbook needs too much memory: does a cell stand far from the others? {_SMALLER}")
    if done.returncode < 0:  # killed: the machine stops, or has no memory left
        raise ReadingInterrupted(f"Reading a workbook was ended by signal {-done.returncode}; it is read again.")
    if done.returncode > 0:
        raise RuntimeError(f"reading a workbook failed: {done.stderr.decode(errors='replace')[-1000:]}")
    found: dict[str, str] = json.loads(done.stdout)
    return found


def _check_archive(body: bytes) -> None:
    try:
        with zipfile.ZipFile(BytesIO(body)) as archive:
            infos = archive.infolist()
            if not any(info.filename.startswith("xl/") for info in infos):
                raise LeadFileInvalid("The file is a ZIP archive but no .xlsx workbook; drop its files one by one.")
            if sum(info.file_size for info in infos) > UNPACKED_BYTES_MAX or _unpacks_beyond(body, infos):
                raise LeadFileInvalid("The workbook unpacks to more than 1 GiB; split it, or export CSV.")
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error) as error:
        raise LeadFileInvalid("The workbook is damaged; save it as .xlsx again.") from error


def _unpacks_beyond(body: bytes, infos: Sequence[zipfile.ZipInfo]) -> bool:
    """Whether the parts inflate to more than they claim: a bomb may lie about its size."""
    for info in infos:
        if info.compress_type != zipfile.ZIP_DEFLATED:
            continue
        name_bytes = int.from_bytes(body[info.header_offset + 26 : info.header_offset + 28], "little")
        extra_bytes = int.from_bytes(body[info.header_offset + 28 : info.header_offset + 30], "little")
        start = info.header_offset + 30 + name_bytes + extra_bytes
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        pending, inflated = body[start : start + info.compress_size], 0
        while pending and not inflater.eof:
            inflated += len(inflater.decompress(pending, 1 << 20))
            pending = inflater.unconsumed_tail
            if inflated > info.file_size:
                return True
    return False


def _load_rows(duck: duckdb.DuckDBPyConnection, path: Path, sheet: str) -> LoadedTable:
    import pyarrow as pa

    with pa.memory_map(str(path)) as file, pa.ipc.open_stream(file) as stream:
        batch = stream.read_next_batch()
        first = [[cell or "" for cell in row.values()] for row in batch.slice(0, _HEADER_ROWS).to_pylist()]
        index, headers = header_among(first)
        header_row = index + 1 if index is not None else 0
        names = [f"c{number + 1}" for number in range(len(headers))]
        duck.execute(f"create table raw ({', '.join(f'{name} varchar' for name in names)})")
        for rows in chain([batch.slice(header_row)], stream):
            duck.register("batch", pa.table(rows.columns[: len(names)], names=names))
            duck.execute("insert into raw select * from batch")
            duck.unregister("batch")
    duck.execute("create table unreadable (line bigint, row_number bigint, reason varchar, text varchar)")
    duck.execute(query("lake/lead_files", "make_row_numbers"))
    return LoadedTable(headers, header_row, f"workbook, sheet {sheet}")

"""Loads a lead file's rows, as text and otherwise untouched, into a DuckDB table `raw` with columns c1 … cn."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from io import BytesIO
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from leadmill.adapters.lead_files.detection import csv_form, header_among, utf8_rows
from leadmill.domain.lead_files import UNPACKED_BYTES_MAX
from leadmill.errors import LeadFileInvalid
from leadmill.sql import query

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

_LINE_BYTES_MAX = 8 * 1024 * 1024
_BATCH_ROWS = 20_000
_HEADER_ROWS = 100


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


def load_workbook(duck: duckdb.DuckDBPyConnection, body: bytes) -> LoadedTable:
    """Load the first sheet of an XLSX workbook that has something in it.

    Raises:
        LeadFileInvalid: It is no workbook, unpacks to too much, or has no rows.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    _check_archive(body)
    try:
        with CalamineWorkbook.from_filelike(BytesIO(body)) as book:
            for name in book.sheet_names:
                sheet = book.get_sheet_by_name(name)
                if sheet.height:
                    return _load_sheet(duck, sheet)
    except (CalamineError, OSError, ValueError) as error:
        raise LeadFileInvalid("The workbook cannot be read; save it as .xlsx again, without a password.") from error
    raise LeadFileInvalid("The workbook is empty: no sheet has a row in it.")


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


def _load_sheet(duck: duckdb.DuckDBPyConnection, sheet: CalamineSheet) -> LoadedTable:
    import pyarrow as pa

    rows = iter(sheet.iter_rows())
    first = [[_text(cell) or "" for cell in row] for row in islice(rows, _HEADER_ROWS)]
    index, headers = header_among(first)
    header_row = index + 1 if index is not None else 0
    names = [f"c{number + 1}" for number in range(len(headers))]
    duck.execute(f"create table raw ({', '.join(f'{name} varchar' for name in names)})")
    texts = ([_text(cell) for cell in row] for row in rows)
    for batch in _batches(chain(([cell or None for cell in row] for row in first[header_row:]), texts)):
        columns = [pa.array(column, pa.string()) for column in zip(*batch, strict=True)]
        table = pa.table(columns[: len(names)], names=names)
        duck.register("batch", table)
        duck.execute("insert into raw select * from batch")
        duck.unregister("batch")
    duck.execute("create table unreadable (line bigint, row_number bigint, reason varchar, text varchar)")
    duck.execute(query("lake/lead_files", "make_row_numbers"))
    return LoadedTable(headers, header_row, f"workbook, sheet {sheet.name}")


def _batches(rows: Iterator[list[str | None]]) -> Iterator[list[list[str | None]]]:
    while batch := list(islice(rows, _BATCH_ROWS)):
        yield batch


def _text(cell: Any) -> str | None:
    """A cell as a CSV export of the sheet would show it; None for an empty one."""
    if isinstance(cell, str):
        return cell or None
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, (date, time, timedelta, int)):
        return str(cell)
    return None

"""Reads a workbook in a process of its own: `python -m leadmill.adapters.lead_files.workbook_rows BOOK ROWS`.

One cell at the far corner makes the reader ask for hundreds of gigabytes, and then it ends its process. Here that is
this one, under a limit of memory. It writes the first sheet that has something in it as an Arrow stream of texts to
ROWS, and prints one JSON object: `sheet`, or `refused`, a sentence for whoever sent the file.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from leadmill.domain.lead_files import COLUMNS_MAX

MEMORY_BYTES = 3 << 30
_BATCH_ROWS = 20_000
_UNREADABLE = "The workbook cannot be read; save it as .xlsx again, without a password."
_EMPTY = "The workbook is empty: no sheet has a row in it."


def main(book: Path, rows: Path) -> None:
    """Read the workbook under the limit; prints what came of it."""
    limit = _virtual_bytes() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        sheet = _first_filled(book)
    except (CalamineError, OSError, ValueError):
        said = {"refused": _UNREADABLE}
    else:
        if sheet is None:
            said = {"refused": _EMPTY}
        elif sheet.width > COLUMNS_MAX:
            said = {"refused": f"The table has {sheet.width} columns; {COLUMNS_MAX} is the limit."}
        else:
            _write(sheet, rows)  # what fails here is the disk's fault, not the workbook's
            said = {"sheet": sheet.name}
    sys.stdout.write(json.dumps(said))


def _virtual_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


def _first_filled(path: Path) -> CalamineSheet | None:
    with CalamineWorkbook.from_path(path) as book:
        for name in book.sheet_names:
            sheet = book.get_sheet_by_name(name)
            if sheet.height:
                return sheet
    return None


def _write(sheet: CalamineSheet, path: Path) -> None:
    schema = pa.schema([(f"c{number + 1}", pa.string()) for number in range(sheet.width)])
    texts = ([_text(cell) for cell in row] for row in sheet.iter_rows())
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
        for batch in _batches(texts):
            columns = [pa.array(column, pa.string()) for column in zip(*batch, strict=True)]
            stream.write_batch(pa.record_batch(columns, schema=schema))


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


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except MemoryError:
        os.abort()  # as calamine ends where it gets no memory

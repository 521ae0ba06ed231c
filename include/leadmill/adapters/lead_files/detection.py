"""What a lead file is: workbook or text, in which encoding, with which delimiter and where its header stands."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from leadmill.domain.lead_columns import Field, field_rank, looks_like_address
from leadmill.domain.lead_files import COLUMNS_MAX
from leadmill.errors import LeadFileInvalid

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
# Encodings that spreadsheets and CRMs still write; the guess is confined to them, since on short samples the whole list
# of Python's codecs yields Arabic or DOS code pages for two accented letters.
_LEGACY_ENCODINGS = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "shift_jis", "gb18030", "big5", "euc_kr"]
_SAMPLE_BYTES = 256 * 1024
_SAMPLE_CHARACTERS = 128 * 1024
_HEADER_WITHIN_ROWS = 20
_DELIMITERS = ",;\t|"
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_CONTROL_SHARE_MAX = 0.02
_CONTROL_FEW = 32
_CHUNK = 1 << 20
_GARBLED_SHARE_MAX = 0.1


@dataclass(frozen=True, slots=True)
class CsvForm:
    """How a text file is to be read; `skipped_lines` stand before its first row of values.

    `is_garbled` says that some bytes do not fit the encoding and have to be replaced.
    """

    encoding: str
    delimiter: str
    headers: tuple[str, ...]
    skipped_lines: int
    header_row: int
    is_garbled: bool = False


def is_workbook(body: bytes) -> bool:
    """Whether the bytes are a ZIP archive, as an XLSX is.

    Raises:
        LeadFileInvalid: The file is empty, an old or encrypted workbook, or no text.
    """
    if not body.strip():
        raise LeadFileInvalid("The file is empty.")
    if body.startswith(_OLE):
        raise LeadFileInvalid(
            "This is a workbook with a password or of the old .xls kind; save it as .xlsx without one, or as CSV."
        )
    return body.startswith(_ZIP)


def encoding_of(body: bytes) -> tuple[str, bool]:
    """The text's encoding, by its byte-order mark, else UTF-8 where that fits, else by charset-normalizer's guess.

    The second value says whether some bytes of a UTF-8 text do not fit.

    Raises:
        LeadFileInvalid: The bytes are no text.
    """
    for bom, encoding in _BOMS:
        if body.startswith(bom):
            return encoding, False
    sample = body[:_SAMPLE_BYTES]
    wide = _wide_encoding(sample)
    if wide:
        return wide, False
    if len(_CONTROL.findall(sample)) > max(_CONTROL_FEW, len(sample) * _CONTROL_SHARE_MAX):
        raise LeadFileInvalid("The file is no text and no .xlsx workbook; export the leads as CSV or XLSX.")
    garbled, proper = _utf8_characters(body)
    if garbled <= proper * _GARBLED_SHARE_MAX:  # a few rows may be pasted in from elsewhere; they show as garbled
        return "utf-8", garbled > 0
    return _guessed_encoding(body), False


def _wide_encoding(sample: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of European text is NUL."""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = len(sample) / 2
    if odd > half * 0.4 and even < half * 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > half * 0.4 and odd < half * 0.05 else None


def _utf8_characters(body: bytes) -> tuple[int, int]:
    """How many bytes or sequences are no UTF-8, and how many characters beyond ASCII are."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    garbled = proper = 0
    for start in range(0, len(body), _CHUNK):
        chunk = body[start : start + _CHUNK]
        if chunk.isascii() and not decoder.getstate()[0]:
            continue
        text = decoder.decode(chunk, final=start + _CHUNK >= len(body))
        bad = text.count("\ufffd")
        garbled += bad
        proper += len(text) - len(text.encode("ascii", "ignore")) - bad
    return garbled, proper


def _guessed_encoding(body: bytes) -> str:
    from charset_normalizer import from_bytes

    # A few lines around the foreign bytes say more than a long stretch of plain ASCII at the start.
    lines = [line for line in body[: _SAMPLE_BYTES * 16].splitlines(keepends=True) if not line.isascii()]
    sample = b"".join(lines)[:_SAMPLE_BYTES]
    best = from_bytes(sample, cp_isolation=_LEGACY_ENCODINGS).best()
    western = from_bytes(sample, cp_isolation=["cp1252"]).best()
    # Windows-1252 wins ties: it is what Excel writes in most of Europe and the Americas, and it contains Latin-1.
    if best is None or (western is not None and western.chaos <= best.chaos and western.coherence >= best.coherence):
        return "cp1252"
    return best.encoding


def utf8_rows(body: bytes, form: CsvForm) -> Iterable[bytes | memoryview]:
    """The rows behind the header as UTF-8, all with the same line end.

    NUL, which no database takes, becomes SUBSTITUTE (U+001A), so that the row rules still find it. Files joined from
    several systems mix line ends; these are made the same.
    """
    returns, pairs = body.count(b"\r"), body.count(b"\r\n")
    is_even = returns == 0 or returns == pairs == body.count(b"\n")
    if form.encoding != "utf-8" or form.is_garbled or not is_even or b"\0" in body:
        return _even_rows(body, form)
    start = 0
    for _ in range(form.skipped_lines):
        start = body.find(b"\n", start) + 1 or len(body)
    return [memoryview(body)[start:]]


def _even_rows(body: bytes, form: CsvForm) -> Iterator[bytes]:
    with io.TextIOWrapper(io.BytesIO(body), form.encoding, errors="replace", newline=None) as text:
        for _ in range(form.skipped_lines):
            text.readline()
        while chunk := text.read(_CHUNK):
            yield chunk.replace("\0", "\x1a").encode()


def csv_form(body: bytes) -> CsvForm:
    """Find out how to read a text file.

    Raises:
        LeadFileInvalid: It is no text, or no table.
    """
    encoding, is_garbled = encoding_of(body)
    with io.TextIOWrapper(io.BytesIO(body), encoding, errors="replace", newline=None) as text:
        sample = text.read(_SAMPLE_CHARACTERS)
        is_whole = not text.read(1)
    sample = sample.replace("\0", "\x1a")
    if not is_whole and "\n" in sample:
        sample = sample[: sample.rindex("\n") + 1]
    first, _, rest = sample.partition("\n")
    if re.fullmatch(r"\ufeff?sep=.", first):  # Excel's own way of saying its delimiter
        rows, ends = _rows(rest, first[-1])
        delimiter, before = first[-1], 1
    else:
        delimiter, before = _delimiter(sample), 0
        rows, ends = _rows(sample, delimiter)
    index, headers = header_among(rows)
    skipped = before + (ends[index] if index is not None else 0)
    header_row = before + (index + 1 if index is not None else 0)
    return CsvForm(encoding, delimiter, headers, skipped, header_row, is_garbled)


def header_among(rows: Sequence[Sequence[str]]) -> tuple[int | None, tuple[str, ...]]:
    """The index of the header row among a table's first rows and the columns' names, unique and never blank.

    The header is the first row with a known name for an e-mail column or two other known names; titles and notes may
    stand above it. A table that starts with addresses has no header (None, made-up names).

    Raises:
        LeadFileInvalid: There is no row, or there are more than 500 columns.
    """
    first_filled = next((i for i, row in enumerate(rows) if any(cell.strip() for cell in row)), None)
    if first_filled is None:
        raise LeadFileInvalid("The file holds no table: there is no row with anything in it.")
    for index, row in enumerate(rows[:_HEADER_WITHIN_ROWS]):
        known = {rank[0] for cell in row if (rank := field_rank(cell)) is not None}
        if any(looks_like_address(cell) for cell in row):
            width = max(len(row) for row in rows)
            return None, _checked_names([f"column {number + 1}" for number in range(width)])
        if Field.EMAIL in known or len(known) > 1:
            return index, _checked_names(row)
    return first_filled, _checked_names(rows[first_filled])


def _checked_names(row: Sequence[str]) -> tuple[str, ...]:
    if len(row) > COLUMNS_MAX:
        raise LeadFileInvalid(f"The table has {len(row)} columns; {COLUMNS_MAX} is the limit. Is the delimiter right?")
    names: list[str] = []
    taken: Counter[str] = Counter()
    for number, cell in enumerate(row):
        name = " ".join(cell.split())[:100] or f"column {number + 1}"
        taken[name.casefold()] += 1
        copies = taken[name.casefold()]
        names.append(name if copies == 1 else f"{name} ({copies})")
    return tuple(names)


def _rows(sample: str, delimiter: str) -> tuple[list[list[str]], list[int]]:
    reader = csv.reader(io.StringIO(sample), delimiter=delimiter)
    rows: list[list[str]] = []
    ends: list[int] = []
    try:
        for row in reader:
            rows.append(row)
            ends.append(reader.line_num)
            if len(rows) >= _HEADER_WITHIN_ROWS * 5:
                break
    except csv.Error:  # a cell beyond csv's own limit; the rows before it are enough to go by
        pass
    return rows, ends


def _delimiter(sample: str) -> str:
    """The delimiter with which most of the first rows have the same, largest number of cells."""

    def fitness(delimiter: str) -> tuple[float, int]:
        widths = Counter(len(row) for row in _rows(sample, delimiter)[0] if row)
        width, count = max(widths.items(), key=lambda item: (item[0] > 1, item[1], item[0]), default=(0, 0))
        return (count / max(widths.total(), 1) if width > 1 else 0.0, width)

    return max(_DELIMITERS, key=fitness)

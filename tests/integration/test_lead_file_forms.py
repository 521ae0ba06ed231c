"""What kinds of files arrive: encodings, delimiters, workbooks, and things that are no lead file at all."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadmill.adapters.lead_files.staging import DuckLeadFileReader, DuckStagedLeadFile
from leadmill.domain.lead_files import ImportDefaults
from leadmill.errors import LeadFileInvalid
from leadmill.ports.lead_files import STAGED_COLUMNS, LeadFileContent

NOW = datetime(2026, 11, 1, tzinfo=UTC)
CONSENT = ImportDefaults(source="test", legal_basis="consent")


@contextmanager
def staged(body: bytes, defaults: ImportDefaults = CONSENT) -> Iterator[DuckStagedLeadFile]:
    reader = DuckLeadFileReader(allow_special_use_domains=True)
    content = LeadFileContent("landing/leads/x", "x", NOW, "0" * 64, len(body), body)
    with reader.stage(content, defaults, as_of=NOW) as file:
        yield file


def accepted(body: bytes, tmp_path: Path, defaults: ImportDefaults = CONSENT) -> list[dict[str, str]]:
    import csv

    with staged(body, defaults) as file:
        file.write_accepted(tmp_path / "accepted.csv")
    with (tmp_path / "accepted.csv").open(newline="", encoding="utf-8") as rows:
        return list(csv.DictReader(rows, fieldnames=list(STAGED_COLUMNS)))


def names(body: bytes, tmp_path: Path) -> list[tuple[str, str]]:
    return [(row["email"], row["first_name"]) for row in accepted(body, tmp_path)]


def workbook(rows: list[list[object]], title: str = "Leads") -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


TEXT = "E-Mail;Vorname\na@x.test;Jürgen\nb@x.test;Bärbel\nc@x.test;Zoë\n"
PEOPLE = [("a@x.test", "Jürgen"), ("b@x.test", "Bärbel"), ("c@x.test", "Zoë")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "utf-32"])
def test_a_file_is_read_in_its_own_encoding(encoding: str, tmp_path: Path) -> None:
    assert names(TEXT.encode(encoding), tmp_path) == PEOPLE


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_file_is_read_with_its_own_delimiter_and_line_ends(delimiter: str, line_end: str, tmp_path: Path) -> None:
    body = TEXT.replace(";", delimiter).replace("\n", line_end).encode()

    assert names(body, tmp_path) == PEOPLE


def test_titles_above_the_header_and_blank_rows_are_no_leads(tmp_path: Path) -> None:
    body = b"Export of May,,\n,,\nEmail,First name,Note\na@x.test,Ann,hello\n,,\n\nb@x.test,Bo,\n"

    assert names(body, tmp_path) == [("a@x.test", "Ann"), ("b@x.test", "Bo")]
    with staged(body) as file:
        assert file.profile.row_count == 2


def test_excels_own_word_for_the_delimiter_is_understood(tmp_path: Path) -> None:
    assert names(b"sep=;\r\nEmail;First name\r\na@x.test;A,nn\r\n", tmp_path) == [("a@x.test", "A,nn")]


def test_a_file_without_header_is_mapped_by_content(tmp_path: Path) -> None:
    rows = "".join(f"Person{n},p{n}@x.test,+4930123456{n},Europe/Berlin\n" for n in range(5))

    row = accepted(rows.encode(), tmp_path)[0]

    assert (row["email"], row["phone"], row["time_zone"]) == ("p0@x.test", "+49301234560", "Europe/Berlin")


def test_a_column_called_email_without_addresses_gives_way_to_one_with(tmp_path: Path) -> None:
    body = b"Email,Contact channel\nyes,a@x.test\nno,b@x.test\n"

    assert [row["email"] for row in accepted(body, tmp_path)] == ["a@x.test", "b@x.test"]


def test_doubled_and_blank_headers_lose_no_column(tmp_path: Path) -> None:
    body = b"Email,Note,Note,\na@x.test,one,two,three\n"

    assert accepted(body, tmp_path)[0]["attributes"] == '{"note":"one","note_2":"two","column_4":"three"}'


def test_ragged_rows_are_rejected_and_their_neighbours_kept(tmp_path: Path) -> None:
    body = b"Email,First name,Company\na@x.test,Ann,Acme\nb@x.test,Bo\nc@x.test,Cy,Acme,more\nd@x.test,Di,Acme\n"

    assert names(body, tmp_path) == [("a@x.test", "Ann"), ("d@x.test", "Di")]
    with staged(body) as file:
        assert file.profile.rejected_by_reason == {"wrong_column_count": 2}
        assert [line.split(b",")[0] for line in file.quarantine().splitlines()[1:]] == [b"3", b"4"]


def test_a_quote_that_never_closes_costs_rows_but_not_the_file() -> None:
    good = "".join(f"a{n}@x.test,Ann\n" for n in range(5))

    with staged(f'Email,First name\n{good}b@x.test,"Bo\nc@x.test,Cy\n'.encode()) as file:
        assert file.profile.accepted_count == 5
        assert file.profile.rejected_by_reason == {"unreadable_row": 2}


def test_a_trailing_delimiter_on_every_row_is_no_column(tmp_path: Path) -> None:
    assert names(b"Email,First name\na@x.test,Ann,\nb@x.test,Bo,\n", tmp_path) == [
        ("a@x.test", "Ann"),
        ("b@x.test", "Bo"),
    ]


def test_a_huge_cell_is_too_long_and_harms_no_other_row(tmp_path: Path) -> None:
    body = b"Email,First name,Note\na@x.test,Ann,hi\nb@x.test,Bo," + b"x" * 3_000_000 + b"\nc@x.test,Cy,hi\n"

    assert names(body, tmp_path) == [("a@x.test", "Ann"), ("c@x.test", "Cy")]


def test_nul_bytes_count_as_control_characters(tmp_path: Path) -> None:
    filler = "".join(f"f{n}@x.test,Flo\n" for n in range(20))

    with staged(f"Email,First name\n{filler}a@x.test,A\0nn\n".encode()) as file:
        assert file.profile.rejected_by_reason == {"control_characters": 1}


def test_a_garbled_row_in_a_utf8_file_is_rejected_alone() -> None:
    rows = "".join(f"p{n}@x.test,Jürgen\n" for n in range(30)).encode()

    with staged(b"Email,Vorname\n" + rows + b"q@x.test,J\xfcrgen\n") as file:
        assert file.profile.accepted_count == 30
        assert file.profile.rejected_by_reason == {"mojibake": 1}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"\r\n \n", "empty"),
        (bytes(range(256)) * 50, "no text"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "password"),
        (b"PK\x03\x04 but not really", "damaged"),
        (b"name,city\nAnn,Rome\n", "no e-mail column"),
        (b"%PDF-1.7\n" + bytes([1, 2, 3, 200, 255]) * 300, "no text"),
    ],
)
def test_what_is_no_lead_file_is_refused_with_its_reason(body: bytes, reason: str) -> None:
    with pytest.raises(LeadFileInvalid, match=reason), staged(body):
        pass


def test_a_file_with_only_a_header_has_no_rows() -> None:
    with staged(b"Email,First name\n") as file:
        assert file.profile.row_count == 0


def test_a_workbook_is_read_with_its_dates_numbers_and_blank_cells(tmp_path: Path) -> None:
    body = workbook(
        [
            ["Our leads", None, None, None],
            ["Email", "Employees", "Consent date", "Postcode"],
            ["a@x.test", 1200, date(2026, 1, 2), 8001.0],
            [None, None, None, None],
            ["b@x.test", 15.0, datetime(2026, 1, 2, 3, 4), None],  # noqa: DTZ001 - cells have no zone
        ]
    )

    rows = accepted(body, tmp_path)

    assert [(row["email"], row["employee_count"]) for row in rows] == [("a@x.test", "1200"), ("b@x.test", "15")]
    assert [row["consent_at"] for row in rows] == ["2026-01-02 00:00:00+00", "2026-01-02 03:04:00+00"]
    assert rows[0]["attributes"] == '{"postcode":"8001"}'


def test_the_first_sheet_with_rows_is_taken(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.create_sheet("Data").append(["Email"])
    book["Data"].append(["a@x.test"])
    buffer = io.BytesIO()
    book.save(buffer)

    assert [row["email"] for row in accepted(buffer.getvalue(), tmp_path)] == ["a@x.test"]


def archive(parts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, body in parts.items():
            file.writestr(name, body)
    return buffer.getvalue()


def test_a_zip_of_other_things_is_refused() -> None:
    with pytest.raises(LeadFileInvalid, match="ZIP archive"), staged(archive({"leads.csv": b"email\na@x.test\n"})):
        pass


def test_a_bomb_that_lies_about_its_size_is_refused_before_it_is_unpacked() -> None:
    honest = archive({"xl/worksheets/sheet1.xml": bytes(20_000_000)})
    lying = honest.replace((20_000_000).to_bytes(4, "little"), (2_000).to_bytes(4, "little"))
    assert lying != honest

    with pytest.raises(LeadFileInvalid, match=r"1 GiB|damaged"), staged(lying):
        pass


def test_dates_with_slashes_are_read_as_the_files_own_dates_show(tmp_path: Path) -> None:
    header = "Email,Consent date\n"
    day_first = accepted(f"{header}a@x.test,03/04/2026\nb@x.test,25/04/2026\n".encode(), tmp_path)
    month_first = accepted(f"{header}a@x.test,03/04/2026\nb@x.test,04/25/2026\n".encode(), tmp_path)

    assert [row["consent_at"][:10] for row in day_first] == ["2026-04-03", "2026-04-25"]
    assert [row["consent_at"][:10] for row in month_first] == ["2026-03-04", "2026-04-25"]


def test_a_foreign_domain_is_kept_in_its_ascii_form(tmp_path: Path) -> None:
    assert accepted("Email\nann@MÜLLER.test\n".encode(), tmp_path)[0]["email"] == "ann@xn--mller-kva.test"


@pytest.mark.parametrize(
    ("cell", "given_name", "family_name"),
    [
        ("Ann Lee", "Ann", "Lee"),
        ("Lee, Ann", "Ann", "Lee"),
        ("Ann", "Ann", ""),
        ("Ana Maria de Souza", "Ana", "Maria de Souza"),
    ],
)
def test_one_name_column_is_split(cell: str, given_name: str, family_name: str, tmp_path: Path) -> None:
    row = accepted(f'Email,Name\na@x.test,"{cell}"\n'.encode(), tmp_path)[0]

    assert (row["first_name"], row["last_name"]) == (given_name, family_name)


BLANKS = " \t\n\r\u00a0\ufeff"
CELLS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20) | st.sampled_from(
    ["", " ", "\x07", "a\nb", 'say "x"', "a@x.test", "A@X.TEST", "b@x.test", "a,b", "=1+1", "\ufeff"]
)


@pytest.mark.parametrize("cell", ["NULL", "(null)", "#N/A", "n/a", "NaN", "None", "\\N", "-", " – "])
@pytest.mark.parametrize("header", ["First name", "Name"])
def test_a_cell_that_only_stands_for_a_missing_name_is_no_name(cell: str, header: str, tmp_path: Path) -> None:
    (row,) = accepted(f"Email;{header};Company\na@x.test;{cell};NULL\n".encode(), tmp_path)
    assert (row["first_name"], row["last_name"], row["company"]) == ("", "", "")


@pytest.mark.parametrize(
    ("cell", "first", "last"), [("NULL NULL", "", ""), ("Ann NULL", "Ann", ""), ("NULL, Ann", "Ann", "")]
)
def test_a_part_of_a_full_name_that_is_missing_is_none(cell: str, first: str, last: str, tmp_path: Path) -> None:
    (row,) = accepted(f'Email;Name\na@x.test;"{cell}"\n'.encode(), tmp_path)
    assert (row["first_name"], row["last_name"]) == (first, last)


@pytest.mark.parametrize("name", ["Null", "Nan", "Na", "Nil", "Undefined Ltd"])
def test_a_name_that_only_looks_like_a_missing_one_stays(name: str, tmp_path: Path) -> None:
    (row,) = accepted(f"Email;First name;Company\na@x.test;{name};{name}\n".encode(), tmp_path)
    assert (row["first_name"], row["company"]) == (name, name)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8))
def test_every_row_of_any_file_is_accounted_for(rows: list[tuple[str, str]]) -> None:
    import csv

    buffer = io.StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerows([("email", "company"), *rows])

    with staged(buffer.getvalue().encode()) as file:
        profile = file.profile
        parts = profile.accepted_count + profile.duplicate_count + profile.rejected_count + profile.opted_out_count
        assert profile.row_count == parts
        assert profile.row_count == sum(bool((a + b).strip(BLANKS)) for a, b in rows)
        assert sum(profile.rejected_by_reason.values()) == profile.rejected_count


def test_many_misfits_among_far_more_good_rows_are_told_of_each() -> None:
    good = b"".join(b"a%d@x.test,DE\n" % number for number in range(560_000))
    with staged(b"email,country\n" + good + b"a\n" * 51_000) as file:
        assert file.profile.rejected_by_reason == {"wrong_column_count": 51_000}
        assert file.profile.accepted_count == 560_000

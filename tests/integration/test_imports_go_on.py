"""One bad object never stops the others: wrong folders, tools' leavings, far cells, outages, thousands of files."""

from __future__ import annotations

import io
import re
import signal
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import duckdb
import openpyxl
import pytest

from leadmill.bootstrap import App
from leadmill.domain.access import SYSTEM, Actor, Role
from leadmill.domain.lead_files import GROUP_BYTES, GROUP_FILES, GROUPS_MAX, TRIES_MAX, imported_together
from leadmill.errors import (
    ConfigInvalid,
    DatabaseUnavailable,
    LeadFileInvalid,
    NotFound,
    ReadingInterrupted,
    StoreUnavailable,
)
from leadmill.ports.store import ObjectStore, StoredObject

NOW = datetime(2026, 11, 1, tzinfo=UTC)
GOOD = b"email,legal_basis,country\n%s@x.test,contract,DE\n"


def drop(app: App, **bodies: bytes) -> None:
    for name, body in bodies.items():
        app.store.write(f"landing/leads/{name}", body)


def run(app: App, **said: Any) -> list[dict[str, Any]]:
    """What a run of the DAG does."""
    groups = app.lead_files_to_import()
    return [
        outcome
        for keys in groups
        for outcome in app.import_lead_files(keys, as_of=NOW, requested_by="test", only_waiting=True, **said)
    ]


def statuses(app: App) -> dict[str, str]:
    return {file["file_name"]: file["status"] for file in app.lead_files()}


@pytest.mark.parametrize("folder", ["legal_basis=whatever", "country=Narnia", "legal_basis=consent/country=1"])
def test_a_folder_that_says_nonsense_refuses_its_file_and_no_other(lake_app: App, folder: str) -> None:
    drop(lake_app, **{f"{folder}/bad.csv": GOOD % b"bad", "good.csv": GOOD % b"good"})
    run(lake_app)
    assert statuses(lake_app) == {"bad.csv": "refused", "good.csv": "accepted"}
    (refused,) = [file for file in lake_app.lead_files() if file["status"] == "refused"]
    assert refused["verdict"].startswith("Refused: The name of its folder cannot be understood: ")
    assert [(alert.kind, alert.subject) for alert in lake_app.open_alerts()] == [("lead_file_refused", "bad.csv")]
    assert lake_app.lead_files_to_import() == []
    drop(lake_app, **{"legal_basis=contract/bad.csv": GOOD % b"bad"})  # as the sentence asks
    run(lake_app)
    assert lake_app.open_alerts() == []


def test_what_a_run_is_told_wrongly_is_refused_before_it_begins(lake_app: App) -> None:
    drop(lake_app, **{"good.csv": GOOD % b"good"})
    with pytest.raises(ConfigInvalid, match="'Narnia' is no country"):
        lake_app.lead_files_to_import(default_country="Narnia")
    with pytest.raises(ConfigInvalid, match="is no legal basis"):
        lake_app.lead_files_to_import(default_legal_basis="hope")
    with pytest.raises(NotFound, match="moved or deleted"):
        lake_app.lead_files_to_import("landing/leads/other.csv")


def test_what_tools_leave_beside_files_is_left_alone(lake_app: App) -> None:
    for name in (
        *(".hidden.csv", "_SUCCESS", "_committed_123", "leads.csv.tmp", "leads.csv.part", "x.crdownload", "leads.csv~"),
        *("~$leads.xlsx", "Thumbs.db", "_temporary/0/leads.csv", ".spark/leads.csv", "a/_delta_log/0.csv"),
    ):
        drop(lake_app, **{name: GOOD % b"no"})
    drop(lake_app, **{"_leads.csv": GOOD % b"yes", "legal_basis=contract/a_b.csv": b"email,country\nc@x.test,DE"})
    run(lake_app)
    assert statuses(lake_app) == {"_leads.csv": "accepted", "a_b.csv": "accepted"}


def test_thousands_of_files_are_few_groups_and_each_is_there_once() -> None:
    sizes = {f"{n:05}": 200_000 if n % 100 else 2_000_000 for n in range(6_000)}
    groups = imported_together(sizes)
    assert len(groups) <= GROUPS_MAX
    assert sorted(key for group in groups for key in group) == sorted(sizes)
    assert max(map(len, groups)) <= GROUP_FILES
    assert max(sum(sizes[key] for key in group) for group in groups if len(group) > 1) <= GROUP_BYTES
    assert len(imported_together(dict.fromkeys(map(str, range(300)), 2_000_000))) == GROUPS_MAX


def workbook(**cells: str) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for place, text in {
        "A1": "email",
        "B1": "legal_basis",
        "A2": "ann@x.test",
        "B2": "contract",
        "C1": "country",
        "C2": "DE",
        **cells,
    }.items():
        sheet[place] = text
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("cell", "says"), [("XFD1048576", "needs too much memory"), ("XFD9", "has 16384 columns; 500 is the limit")]
)
def test_a_workbook_with_a_cell_far_away_is_refused_and_the_process_lives(lake_app: App, cell: str, says: str) -> None:
    drop(lake_app, **{"far.xlsx": workbook(**{cell: "x"}), "good.xlsx": workbook()})
    run(lake_app)
    assert statuses(lake_app) == {"far.xlsx": "refused", "good.xlsx": "accepted"}
    (refused,) = [file for file in lake_app.lead_files() if file["status"] == "refused"]
    assert says in refused["verdict"]


def test_a_workbook_that_lies_about_its_dimension_is_read(lake_app: App) -> None:
    source, lying = zipfile.ZipFile(io.BytesIO(workbook())), io.BytesIO()
    with zipfile.ZipFile(lying, "w", zipfile.ZIP_DEFLATED) as target:
        for info in source.infolist():
            part = re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1:XFD1048576"', source.read(info))
            target.writestr(info.filename, part)
    drop(lake_app, **{"lying.xlsx": lying.getvalue()})
    run(lake_app)
    assert statuses(lake_app) == {"lying.xlsx": "accepted"}


def test_a_file_of_nothing_but_misfits_is_refused_early(lake_app: App) -> None:
    drop(lake_app, **{"misfits.csv": b"email,legal_basis\n" + b"a\n" * 200_000, "good.csv": GOOD % b"good"})
    run(lake_app)
    assert statuses(lake_app) == {"misfits.csv": "refused", "good.csv": "accepted"}
    (refused,) = [file for file in lake_app.lead_files() if file["status"] == "refused"]
    assert "More than 10% of the rows have more or fewer cells than the header with its 2" in refused["verdict"]


@pytest.mark.parametrize(("ends", "status"), [("SIGKILL", "importing"), ("SIGABRT", "refused")])
def test_a_reader_that_is_killed_is_not_the_workbooks_fault(
    lake_app: App, monkeypatch: pytest.MonkeyPatch, ends: str, status: str
) -> None:
    drop(lake_app, **{"a.csv": GOOD % b"a", "book.xlsx": workbook()})
    with monkeypatch.context() as patched:
        patched.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=-getattr(signal, ends)))
        with nullcontext() if status == "refused" else pytest.raises(ReadingInterrupted):
            run(lake_app)
    assert statuses(lake_app) == {"a.csv": "accepted", "book.xlsx": status}
    if status == "importing":
        run(lake_app)
        assert set(statuses(lake_app).values()) == {"accepted"}


class Killed(BaseException):
    """A process that ends without a word."""


@dataclass(frozen=True, slots=True)
class OddStore:
    """A store at whose objects of one name something happens."""

    inner: ObjectStore
    name: str
    happens: Callable[[], None]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def read(self, key: str) -> bytes:
        if self.name in key:
            self.happens()
        return self.inner.read(key)

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[StoredObject]:
        return self.inner.list(prefix, start_after=start_after)


def test_one_object_that_the_store_does_not_give_waits_and_the_others_go_in(lake_app: App) -> None:
    drop(lake_app, **{"a.csv": GOOD % b"a", "odd.csv": GOOD % b"odd", "z.csv": GOOD % b"z"})

    def silent() -> None:
        raise StoreUnavailable("The object store did not answer.")

    store, lake_app.__dict__["store"] = lake_app.store, OddStore(lake_app.store, "odd", silent)
    lake_app.__dict__.pop("_lead_import", None)
    with pytest.raises(StoreUnavailable):
        run(lake_app)
    assert statuses(lake_app) == {"a.csv": "accepted", "z.csv": "accepted"}
    lake_app.__dict__["store"] = store
    lake_app.__dict__.pop("_lead_import", None)
    assert [outcome["status"] for outcome in run(lake_app)] == ["accepted"]
    assert set(statuses(lake_app).values()) == {"accepted"}


def test_a_defect_at_one_file_is_told_and_the_others_go_in(lake_app: App) -> None:
    drop(lake_app, **{"a.csv": GOOD % b"a", "odd.csv": GOOD % b"odd", "z.csv": GOOD % b"z"})

    class Judge:
        def judge(self, staged: Any) -> list[Any]:
            if "odd@x.test" in str(staged.sample(5)):
                raise RuntimeError("a defect")
            return judge.judge(staged)

    judge = lake_app._lead_import.judge
    object.__setattr__(lake_app._lead_import, "judge", Judge())
    with pytest.raises(LeadFileInvalid, match=r"Of 3 lead files these failed: landing/leads/odd\.csv"):
        run(lake_app)
    assert statuses(lake_app) == {"a.csv": "accepted", "odd.csv": "failed", "z.csv": "accepted"}
    assert [alert.subject for alert in lake_app.open_alerts()] == ["odd.csv"]


def test_a_file_at_which_the_process_dies_is_refused_after_some_tries(lake_app: App) -> None:
    drop(lake_app, **{"a.csv": GOOD % b"a", "deadly.csv": GOOD % b"deadly", "z.csv": GOOD % b"z"})
    work = lake_app._lead_import
    stage = work.reader.stage

    class Reader:
        def stage(self, content: Any, *said: Any, **more: Any) -> Any:
            if "deadly" in content.key:
                raise Killed
            return stage(content, *said, **more)

    object.__setattr__(work, "reader", Reader())
    for _ in range(TRIES_MAX):
        with pytest.raises(Killed):
            run(lake_app)
    assert statuses(lake_app) == {"a.csv": "accepted", "deadly.csv": "importing"}
    run(lake_app)
    assert statuses(lake_app) == {"a.csv": "accepted", "deadly.csv": "refused", "z.csv": "accepted"}
    assert [alert.subject for alert in lake_app.open_alerts()] == ["deadly.csv"]


def test_a_lake_that_does_not_answer_makes_no_file_a_failed_one(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    drop(lake_app, **{"a.csv": GOOD % b"a"})

    def away(*_: Any, **__: Any) -> None:
        raise duckdb.IOException("IO Error: Could not connect to server")

    with monkeypatch.context() as patched:
        patched.setattr("leadmill.adapters.lake.duck.Lake._prepare", away)
        with pytest.raises(DatabaseUnavailable, match="look whether Postgres and the object store do"):
            run(lake_app)
    assert statuses(lake_app) == {"a.csv": "importing"}
    run(lake_app)
    assert statuses(lake_app) == {"a.csv": "accepted"}


def test_an_outage_does_not_count_as_a_process_that_died(lake_app: App) -> None:
    drop(lake_app, **{"a.csv": GOOD % b"a"})
    work = lake_app._lead_import
    reader = work.reader

    class Reader:
        def stage(self, *said: Any, **more: Any) -> Any:
            raise StoreUnavailable("The object store did not answer.")

    object.__setattr__(work, "reader", Reader())
    for _ in range(TRIES_MAX + 2):
        with pytest.raises(StoreUnavailable):
            run(lake_app)
    object.__setattr__(work, "reader", reader)
    run(lake_app)
    assert statuses(lake_app) == {"a.csv": "accepted"}


def test_a_file_goes_by_its_own_name_its_real_times_and_who_uploaded_it(lake_app: App) -> None:
    began = datetime.now(UTC)
    ann = Actor("ann@acme.test", Role.ANALYST)
    lake_app.upload_lead_file(ann, "Messe Köln & Bonn.csv", GOOD % b"a", NOW)
    lake_app.upload_lead_file(SYSTEM, "again.csv", GOOD % b"a", NOW)
    run(lake_app)
    files = {file["file_name"]: file for file in lake_app.lead_files()}
    assert {name: (file["requested_by"], file["status"]) for name, file in files.items()} == {
        "Messe Köln & Bonn.csv": ("ann@acme.test", "accepted"),
        "again.csv": ("system", "repeated"),
    }
    for file in files.values():
        assert began <= file["started_at"] <= file["finished_at"] <= datetime.now(UTC)


def test_two_uploads_of_one_name_in_one_second_are_two_files(lake_app: App) -> None:
    ann = Actor("ann@acme.test", Role.ANALYST)
    keys = {lake_app.upload_lead_file(ann, "leads.csv", GOOD % name, NOW) for name in (b"a", b"b")}
    assert len(keys) == 2
    run(lake_app)
    assert [file["status"] for file in lake_app.lead_files()] == ["accepted", "accepted"]

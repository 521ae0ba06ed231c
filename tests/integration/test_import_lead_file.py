"""A lead file's whole way: object store → rows judged → batch judged → ledger, on real Postgres and DuckLake."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import io
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from leadmill.bootstrap import App
from leadmill.domain.access import SYSTEM, Actor, Role
from leadmill.domain.identity import email_hash
from leadmill.domain.lead_rules import REASONS
from leadmill.errors import ConfigInvalid, DatabaseUnavailable, LeadFileInvalid, NotAllowed, NotFound
from leadmill.local.sample_leads import BAD_KINDS, sample_leads

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests" / "data" / "leads"
NOW = datetime(2026, 11, 1, tzinfo=UTC)
HEADER = ("email", "first_name", "company", "country", "legal_basis", "consent_at", "source")


def lead(email: str, **changes: str) -> list[str]:
    row = dict(zip(HEADER, (email, "Ann", "Acme", "DE", "consent", "2026-01-02", "webinar"), strict=True))
    return list((row | changes).values())


def table(rows: Iterable[Sequence[str]], header: Sequence[str] = HEADER) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([header, *rows])
    return buffer.getvalue().encode()


def drop(app: App, body: bytes, name: str = "leads.csv", **said: str) -> dict[str, Any]:
    key = f"landing/leads/{name}"
    app.store.write(key, body)
    return app.import_lead_file(key, as_of=NOW, requested_by="test", **said)


def leads(app: App) -> dict[str, Mapping[str, Any]]:
    with app.database.transaction() as connection:
        return {row["email"]: row for row in connection.execute("select * from ledger.leads").fetchall()}


def suppress(app: App, email: str, reason: str) -> None:
    with app.database.transaction() as connection:
        connection.execute(
            "insert into ledger.suppressions values (%s, %s, %s, 'test', %s)",
            (email_hash(email, app.settings.secret), None if reason == "erased" else email, reason, NOW),
        )


def suppressed(app: App) -> dict[bytes, str]:
    with app.database.transaction() as connection:
        rows = connection.execute("select email_hash, reason from ledger.suppressions").fetchall()
    return {row["email_hash"]: row["reason"] for row in rows}


def assert_conserved(outcome: Mapping[str, Any]) -> None:
    parts = ("new", "updated", "unchanged", "duplicate", "rejected", "opted_out", "erased")
    assert outcome["row_count"] == sum(outcome[f"{part}_count"] for part in parts)


def test_the_demo_file_yields_every_good_lead_and_every_planted_reason(lake_app: App) -> None:
    sample = sample_leads(count=300, bad=42, seed=3)

    outcome = drop(lake_app, sample.body)

    assert outcome["new_count"] == 300
    assert outcome["rejected_by_reason"] == dict(Counter(sample.planted))
    assert set(sample.planted) == set(BAD_KINDS) <= set(REASONS)
    assert outcome["status"] == "accepted_with_warnings"  # 42 of 342 is more than one in twenty
    assert_conserved(outcome)


def test_a_lead_keeps_source_basis_consent_country_zone_and_further_columns(lake_app: App) -> None:
    header = (*HEADER, "time_zone", "employees", "Favourite Colour")
    drop(lake_app, table([[*lead(" Ann.Lee@Acme.test ", country="Germany"), "europe/berlin", "11-50", "blue"]], header))

    row = leads(lake_app)["ann.lee@acme.test"]
    assert (row["source"], row["legal_basis"], row["country"]) == ("webinar", "consent", "DE")
    assert (row["time_zone"], row["employee_count"], row["email_domain"]) == ("Europe/Berlin", 11, "acme.test")
    assert row["consent_at"] == datetime(2026, 1, 2, tzinfo=UTC)
    assert row["attributes"] == {"favourite_colour": "blue"}
    assert row["email_hash"] == email_hash("ann.lee@acme.test", lake_app.settings.secret)


def test_no_good_row_is_rejected_and_every_planted_defect_is_found(lake_app: App, tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("gen_leads", ROOT / "bench" / "gen_leads.py")
    assert spec is not None
    assert spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    truth = generator.write(6_000, tmp_path / "leads.csv", seed=5)

    outcome = drop(lake_app, (tmp_path / "leads.csv").read_bytes())

    rejected = csv.DictReader(io.StringIO(lake_app.lead_file_quarantine(outcome["lead_file_id"]).decode("utf-8-sig")))
    found = {row["id"]: (row["reason"], int(row["row"])) for row in rejected}
    expected = {number: kind for number, kind in truth.items() if kind not in ("repeat", "fine")}
    assert {number: reason for number, (reason, _) in found.items()} == expected
    assert set(expected.values()) == set(generator.DEFECTS) - {"repeat", "fine"}
    assert all(row == int(number) + 1 for number, (_, row) in found.items())
    assert outcome["duplicate_count"] == Counter(truth.values())["repeat"] - 1
    assert_conserved(outcome)


def test_the_same_content_twice_is_a_no_op_that_says_so(lake_app: App) -> None:
    first = drop(lake_app, table([lead("a@x.test")]))
    before = leads(lake_app)

    again = drop(lake_app, table([lead("a@x.test")]))
    copy = drop(lake_app, table([lead("a@x.test")]), "copy.csv")

    assert (again["already_imported"], copy["already_imported"]) == (True, True)
    assert f"lead file {first['lead_file_id']}" in copy["verdict"]
    assert leads(lake_app) == before
    assert lake_app.waiting_lead_files() == []


def test_two_imports_of_one_content_at_once_write_it_once(lake_app: App) -> None:
    body = table([lead(f"a{number}@x.test") for number in range(500)])
    lake_app.store.write("landing/leads/one.csv", body)
    lake_app.store.write("landing/leads/two.csv", body)
    outcomes: list[dict[str, Any]] = []

    def run(name: str) -> None:
        app = App(lake_app.settings)
        outcomes.append(app.import_lead_file(f"landing/leads/{name}.csv", as_of=NOW, requested_by=name))
        app.database.close()

    threads = [threading.Thread(target=run, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcome["already_imported"] for outcome in outcomes) == [False, True]
    assert len(leads(lake_app)) == 500


def test_a_later_file_fills_blanks_and_never_overwrites_with_blanks(lake_app: App) -> None:
    drop(lake_app, table([lead("a@x.test", company="Acme", first_name="")]), "1.csv")
    outcome = drop(lake_app, table([lead("A@X.test", company="", first_name="Ann"), lead("b@x.test")]), "2.csv")
    unchanged = drop(lake_app, table([lead("a@x.test", company="")]), "3.csv")

    row = leads(lake_app)["a@x.test"]
    assert (row["company"], row["first_name"]) == ("Acme", "Ann")
    assert (outcome["updated_count"], outcome["new_count"]) == (1, 1)
    assert unchanged["unchanged_count"] == 1


@pytest.mark.parametrize(
    ("first", "then", "kept"),
    [
        (("consent", "2026-01-02", "form"), ("legitimate_interest", "", "bought"), ("consent", 2, "form")),
        (("legitimate_interest", "", "event"), ("consent", "2026-03-04", "form"), ("consent", 4, "form")),
        (("consent", "2026-01-02", "form"), ("consent", "2026-03-04", "other"), ("consent", 4, "form")),
        (("consent", "2026-03-04", "form"), ("consent", "2026-01-02", "other"), ("consent", 4, "form")),
        (("consent", "2026-03-04", "form"), ("contract", "", "shop"), ("consent", 4, "form")),
    ],
)
def test_an_import_never_weakens_consent(
    lake_app: App, first: tuple[str, str, str], then: tuple[str, str, str], kept: tuple[str, int, str]
) -> None:
    for number, (basis, at, source) in enumerate((first, then)):
        row = lead("a@x.test", legal_basis=basis, consent_at=at, source=source)
        drop(lake_app, table([row]), f"{number}.csv")

    row = leads(lake_app)["a@x.test"]
    assert (row["legal_basis"], row["consent_at"].day, row["source"]) == kept


def test_a_suppressed_address_stays_suppressed_whatever_a_file_says(lake_app: App) -> None:
    suppress(lake_app, "a@x.test", "unsubscribed")
    before = suppressed(lake_app)

    header = (*HEADER, "status")
    outcome = drop(lake_app, table([[*lead("a@x.test"), "subscribed"], [*lead("b@x.test"), ""]], header))

    assert suppressed(lake_app) == before
    assert outcome["suppressed_count"] == 1


def test_an_erased_person_is_not_taken_in_again(lake_app: App) -> None:
    suppress(lake_app, "a@x.test", "erased")

    outcome = drop(lake_app, table([lead("a@x.test"), lead("b@x.test")]))

    assert set(leads(lake_app)) == {"b@x.test"}
    assert (outcome["erased_count"], outcome["new_count"]) == (1, 1)
    assert_conserved(outcome)


@pytest.mark.parametrize(
    ("column", "value"),
    [("Status", "unsubscribed"), ("Status", "cleaned"), ("UNSUB_TIME", "2025-01-01 10:00:00"),
     ("Email Opt Out", "TRUE"), ("HasOptedOutOfEmail", "1"), ("Unsubscribed from all email", "Yes")],
)  # fmt: skip
def test_an_opt_out_in_a_file_becomes_a_suppression_and_no_lead(lake_app: App, column: str, value: str) -> None:
    outcome = drop(
        lake_app, table([["A@x.test", value], ["b@x.test", ""]], ("Email", column)), default_legal_basis="consent"
    )

    assert set(leads(lake_app)) == {"b@x.test"}
    assert suppressed(lake_app) == {email_hash("a@x.test", lake_app.settings.secret): "imported"}
    assert (outcome["opted_out_count"], outcome["suppressed_count"]) == (1, 1)
    assert_conserved(outcome)


def test_an_opt_out_in_any_of_several_columns_counts(lake_app: App) -> None:
    header = ("Email", "Unsubscribed", "UNSUB_TIME")
    outcome = drop(
        lake_app,
        table([["a@x.test", "false", "2025-01-01"], ["b@x.test", "no", ""]], header),
        default_legal_basis="consent",
    )

    assert (outcome["opted_out_count"], outcome["new_count"]) == (1, 1)


def test_the_last_of_a_files_rows_with_one_address_wins(lake_app: App) -> None:
    outcome = drop(lake_app, table([lead("a@x.test", company="Old"), lead("A@X.TEST", company="New")]))

    assert leads(lake_app)["a@x.test"]["company"] == "New"
    assert (outcome["duplicate_count"], outcome["new_count"]) == (1, 1)


def test_a_mailchimp_export_is_understood(lake_app: App) -> None:
    outcome = drop(lake_app, (SAMPLES / "mailchimp-export.csv").read_bytes())

    row = leads(lake_app)["mail@example.com"]
    assert outcome["new_count"] == 1
    assert (row["legal_basis"], row["consent_at"]) == ("consent", datetime(2015, 3, 16, 14, 40, 47, tzinfo=UTC))
    assert row["attributes"]["member_rating"] == "2"


def test_a_table_without_addresses_is_refused_with_its_columns_named(lake_app: App) -> None:
    outcome = drop(lake_app, (SAMPLES / "spanish-latin1-crlf.csv").read_bytes())

    assert outcome["status"] == "refused"
    assert "no e-mail column" in outcome["verdict"]
    assert "Descripción" in outcome["verdict"]
    assert leads(lake_app) == {}
    assert [alert.kind for alert in lake_app.open_alerts()] == ["lead_file_refused"]
    with pytest.raises(LeadFileInvalid, match="no e-mail column"):
        lake_app.require_accepted_lead_files([outcome["lead_file_id"]])


def test_a_file_that_is_bad_in_the_main_is_refused_whole_and_its_report_says_why(lake_app: App) -> None:
    good = [lead(f"a{number}@x.test") for number in range(10)]
    bad = [lead(f"b{number}@x.test", legal_basis="") for number in range(15)]

    outcome = drop(lake_app, table([*good, *bad]))

    assert outcome["status"] == "refused"
    assert leads(lake_app) == {}
    report = lake_app.lead_file_report(outcome["lead_file_id"])
    assert report["reasons"] == [
        {"code": "missing_legal_basis", "sentence": REASONS["missing_legal_basis"], "count": 15}
    ]
    failed = [check for check in report["validation"] if not check["success"]]
    assert {check["column_name"] for check in failed} == {"rejected_share"}
    assert {check["severity"] for check in failed} == {"critical", "warning"}
    assert len(list(csv.reader(io.StringIO(lake_app.lead_file_quarantine(outcome["lead_file_id"]).decode())))) == 16


def test_the_opt_outs_of_a_refused_file_count_all_the_same(lake_app: App) -> None:
    header = (*HEADER, "Unsubscribed")
    bad = [[*lead(f"b{number}@x.test", legal_basis=""), ""] for number in range(25)]

    outcome = drop(lake_app, table([*bad, [*lead("Out@x.test"), "yes"]], header))

    assert outcome["status"] == "refused"
    assert leads(lake_app) == {}
    assert suppressed(lake_app) == {email_hash("out@x.test", lake_app.settings.secret): "imported"}
    assert outcome["verdict"].endswith("Its opt-outs were taken in all the same (rows: 1).")
    assert (outcome["opted_out_count"], outcome["suppressed_count"]) == (1, 1)


def test_looking_for_files_where_none_waits_loads_neither_great_expectations_nor_duckdb(lake_app: App) -> None:
    drop(lake_app, table([lead("a@x.test")]))
    settings = lake_app.settings
    program = (
        "import sys; from leadmill.bootstrap import app; assert app().lead_files_to_import() == []; "
        "print(sorted({'great_expectations', 'pandas', 'duckdb'} & set(sys.modules)))"
    )
    environment = dict(os.environ) | {
        "LEADMILL_DATABASE_URL": settings.database_url,
        "LEADMILL_STORE": settings.store,
        "LEADMILL_SECRET_KEY": settings.secret_key.get_secret_value(),
    }
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_a_refused_file_may_be_tried_again_with_what_it_lacked(lake_app: App) -> None:
    body = table([["a@x.test", "Ann"]], ("email", "first_name"))
    refused = drop(lake_app, body)
    accepted = drop(lake_app, body, default_legal_basis="opt-in", default_source="fair", default_country="France")

    assert (refused["status"], accepted["new_count"]) == ("refused", 1)
    assert leads(lake_app)["a@x.test"]["country"] == "FR"
    assert lake_app.open_alerts() == []


def test_folders_of_the_key_say_what_the_file_does_not(lake_app: App) -> None:
    body = table([["a@x.test", "Ann"]], ("email", "first_name"))

    drop(lake_app, body, "legal_basis=legitimate_interest/source=trade fair/x.csv")

    row = leads(lake_app)["a@x.test"]
    assert (row["legal_basis"], row["source"]) == ("legitimate_interest", "trade fair")


@pytest.mark.parametrize("said", [{"default_legal_basis": "maybe"}, {"default_country": "Korea"}])
def test_a_default_that_means_nothing_is_an_error_before_anything_is_read(lake_app: App, said: dict[str, str]) -> None:
    with pytest.raises(ConfigInvalid):
        drop(lake_app, table([lead("a@x.test")]), **said)
    assert lake_app.lead_files() == []


def test_quarantined_cells_do_nothing_in_a_spreadsheet(lake_app: App) -> None:
    formula = '=HYPERLINK("http://x.test")'
    outcome = drop(lake_app, table([lead("a@x.test", company=formula), lead("b@x.test")]))

    rows = list(csv.reader(io.StringIO(lake_app.lead_file_quarantine(outcome["lead_file_id"]).decode("utf-8-sig"))))
    assert rows[1][:2] == ["2", "formula"]
    assert f"'{formula}" in rows[1]
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)


def test_special_use_domains_are_rejected_unless_the_setting_allows_them(lake_app: App) -> None:
    app = App(lake_app.settings.model_copy(update={"allow_special_use_domains": False}))
    outcome = drop(app, table([lead("a@x.test"), lead("b@sub.example.com"), lead("c@acme.com")]))
    app.database.close()

    assert outcome["rejected_by_reason"] == {"special_use_domain": 2}


def test_a_crash_before_the_commit_leaves_nothing_and_the_next_run_finishes(lake_app: App) -> None:
    class Crash(BaseException):
        """Stands for a killed process: no handler of ours may see it."""

    class CrashingHistory:
        def keep(self, *_: object, **__: object) -> None:
            raise Crash

    body = table([lead("a@x.test")])
    broken = App(lake_app.settings)
    broken.__dict__["_validation_history"] = CrashingHistory()
    with pytest.raises(Crash):
        drop(broken, body)
    broken.database.close()
    assert leads(lake_app) == {}
    assert lake_app.waiting_lead_files() == ["landing/leads/leads.csv"]

    outcome = lake_app.import_lead_file("landing/leads/leads.csv", as_of=NOW, requested_by="again")

    assert (outcome["status"], outcome["new_count"]) == ("accepted", 1)
    assert [file["status"] for file in lake_app.lead_files()] == ["accepted"]


def test_a_lost_database_is_worth_another_try_and_commits_nothing(lake_app: App) -> None:
    class Cut:
        """A staged file during whose hand-over the server ends the session."""

        def __init__(self, app: App) -> None:
            self.app = app

        def keep(self, *_: object, **__: object) -> None:
            raise DatabaseUnavailable("the connection was lost")

    broken = App(lake_app.settings)
    broken.__dict__["_validation_history"] = Cut(broken)
    with pytest.raises(DatabaseUnavailable):
        drop(broken, table([lead("a@x.test")]))
    broken.database.close()

    assert [file["status"] for file in lake_app.lead_files()] == ["importing"]
    assert len(lake_app.waiting_lead_files()) == 1


def test_a_file_replaced_under_its_name_waits_again(lake_app: App) -> None:
    drop(lake_app, table([lead("a@x.test")]))
    assert lake_app.waiting_lead_files() == []

    lake_app.store.write("landing/leads/leads.csv", table([lead("b@x.test")]))

    assert lake_app.waiting_lead_files() == ["landing/leads/leads.csv"]
    assert lake_app.lead_files_to_import() == [["landing/leads/leads.csv"]]


def test_a_file_deleted_meanwhile_is_a_clear_error(lake_app: App) -> None:
    with pytest.raises(NotFound, match="moved or deleted"):
        lake_app.import_lead_file("landing/leads/gone.csv", as_of=NOW, requested_by="test")


def test_an_analyst_uploads_and_a_viewer_does_not(lake_app: App) -> None:
    body = table([["a@x.test"]], ("email",))
    viewer, analyst = Actor("v@us.example", Role.VIEWER), Actor("a@us.example", Role.ANALYST)

    with pytest.raises(NotAllowed):
        lake_app.upload_lead_file(viewer, "x.csv", body, NOW)
    key = lake_app.upload_lead_file(analyst, "../my leads.csv", body, NOW, default_legal_basis="consent")

    digest = hashlib.sha256(body).hexdigest()[:8]
    assert key == f"landing/leads/legal_basis=consent/20261101T000000-{digest}-my leads.csv"
    assert lake_app.waiting_lead_files() == [key]
    with pytest.raises(LeadFileInvalid):
        lake_app.upload_lead_file(SYSTEM, "leads.pdf", body, NOW)


def test_a_future_consent_is_one_after_the_files_own_time_wherever_it_was_given(lake_app: App) -> None:
    now = datetime.now(UTC)  # the run's time is older than the file, as after a night in the queue
    times = {"old": now - timedelta(days=1), "tokyo": now + timedelta(hours=9), "wrong": now + timedelta(days=2)}
    rows = [lead(f"{name}@x.test", consent_at=f"{at:%Y-%m-%d %H:%M:%S}") for name, at in times.items()]

    outcome = drop(lake_app, table(rows))

    assert outcome["rejected_by_reason"] == {"consent_in_future": 1}

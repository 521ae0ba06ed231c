"""What people wished and what was stopped outlives the ledger: into the store, and back into an older copy."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from leadmill import bootstrap
from leadmill.adapters.wish_log import PREFIX
from leadmill.bootstrap import App
from leadmill.cli import main
from leadmill.domain.campaigns import CampaignStatus
from leadmill.domain.contact_rules import ContactRules
from leadmill.domain.identity import email_hash
from tests.campaign_world import ADMIN, ANALYST, NOW, approved_campaign, execute, make_draft, make_lead, suppress
from tests.event_world import ledger_rows

LATER = NOW + timedelta(days=1)
ANN = "ann@people.test"
PEOPLE = "select email_hash, email, reason, created_at from ledger.suppressions order by email_hash"
TABLES = "suppressions, suppression_lifts, leads, mailboxes, sending_domains, provider_accounts, campaigns, sends"


def snapshot(app: App) -> Callable[[], None]:
    """Keep the ledger's rows as they are; what is returned puts them back, as a restored copy has them."""
    execute(app, "create schema kept")
    for table in TABLES.split(", "):
        execute(app, f"create table kept.{table} as table ledger.{table}")

    def restore() -> None:
        with app.database.transaction() as connection:
            connection.execute("set local session_replication_role = replica")  # no trigger, no foreign key
            connection.execute("delete from ledger.wishes")
            for table in TABLES.split(", "):
                connection.execute(f"delete from ledger.{table}")
                connection.execute(f"insert into ledger.{table} overriding system value table kept.{table}")

    return restore


def words(app: App) -> list[dict[str, Any]]:
    """Every line in the store, in order."""
    objects = [app.store.read(item.key) for item in app.store.list(PREFIX)]
    return [json.loads(line) for body in objects for line in body.splitlines()]


def reasons(app: App) -> dict[str | None, str]:
    return {row["email"]: row["reason"] for row in ledger_rows(app, PEOPLE)}


def test_every_way_of_suppressing_is_written_down_without_an_address(lake_app: App) -> None:
    app = lake_app
    lead = make_lead(app, ANN)
    app.suppress_person(ANALYST, lead_id=lead, reason="Asked by phone", as_of=NOW)
    suppress(app, "by+statement@people.test", "complained")
    app.erase_person(ADMIN, email="erased@people.test", reason="Asked by letter", as_of=NOW)
    app.store.write("landing/leads/a.csv", b"email,status\nopted@people.test,unsubscribed\n")
    app.import_lead_file("landing/leads/a.csv", as_of=NOW, requested_by="test", default_legal_basis="consent")
    app.lift_suppression(ADMIN, lead_id=lead, reason="Wants our news", proof="Form of 3 May", as_of=LATER)
    app.log_wishes(LATER)
    told = words(app)
    key = app.settings.secret
    expected = [
        ("suppressed", ANN, "manual"),
        ("suppressed", "by+statement@people.test", "complained"),
        ("erased", "erased@people.test", "erased"),
        ("suppressed", "opted@people.test", "imported"),
        ("lifted", ANN, None),
    ]
    assert [(w["word"], w["who"], w.get("reason")) for w in told] == [
        (word, email_hash(email, key).hex(), reason) for word, email, reason in expected
    ]
    assert told[1]["inbox"] == email_hash("by@people.test", key).hex()
    assert "@" not in json.dumps(told)
    assert ledger_rows(app, "select 1 from ledger.wishes") == []


def test_what_was_stopped_is_written_down_by_a_keyed_hash_and_so_is_its_release(app: App) -> None:
    make_lead(app, ANN)
    campaign = approved_campaign(app)
    (box, *_) = [m.mailbox.mailbox_id for m in app.mailboxes(NOW)]
    (domain, *_) = [d.name for d in app.sending_domains(NOW)]
    app.pause_mailbox(ADMIN, box, reason="odd replies", as_of=NOW)
    app.cool_down_domain(domain, reason="spam block", until=LATER, as_of=NOW)
    app.pause_account(ADMIN, "own smtp", reason="moves", as_of=NOW)
    app.pause_campaign(ANALYST, campaign, NOW, "typo")
    app.lift_account_pause(ADMIN, "own smtp", reason="moved", as_of=NOW)
    app.log_wishes(NOW)
    told = [(w["what"], w["status"], w.get("until")) for w in words(app) if w["word"] == "status"]
    assert told[-5:] == [
        ("mailbox", "paused", None),
        ("domain", "cooling_down", LATER.isoformat()),
        ("account", "paused", None),
        ("campaign", "paused", None),
        ("account", "active", None),
    ]
    said = json.dumps(words(app))
    assert not [name for name in ("odd", "spam", domain, "own smtp", "Spring", "@") if name in said]


def test_a_restored_copy_comes_back_to_the_last_word_of_everybody(app: App) -> None:
    """Suppressed, erased and taken back after the copy was made; reapplied twice."""
    for name in ("ann", "bob", "cid", "dan", "eve"):
        make_lead(app, f"{name}@people.test", first_name=name)
    suppress(app, "bob@people.test", "unsubscribed")
    suppress(app, "cid@people.test", "manual")
    restore = snapshot(app)
    app.suppress_person(ANALYST, email=ANN, reason="Asked by phone", as_of=NOW)
    app.lift_suppression(ADMIN, email="bob@people.test", reason="Wants it", proof="Form", as_of=LATER)
    app.lift_suppression(ADMIN, email="cid@people.test", reason="Wants it", proof="Form", as_of=LATER)
    app.suppress_person(ANALYST, email="cid@people.test", reason="Changed mind", as_of=LATER + timedelta(hours=1))
    app.erase_person(ADMIN, email="dan@people.test", reason="By letter", as_of=NOW)
    app.erase_person(ADMIN, email="stranger@people.test", reason="By letter", as_of=NOW)
    app.suppress_person(ANALYST, email="nobody@elsewhere.test", reason="Asked by phone", as_of=NOW)
    before = [(row["email_hash"], row["reason"], row["created_at"]) for row in ledger_rows(app, PEOPLE)]
    restore()
    counts = app.reapply_logged_wishes(LATER)
    after = ledger_rows(app, PEOPLE)
    assert [(row["email_hash"], row["reason"], row["created_at"]) for row in after] == before
    assert {row["email"] for row in after} == {ANN, "cid@people.test", None}
    assert (counts["suppressed"], counts["lifted"], counts["erased"]) == (3, 1, 2)
    emptied = ledger_rows(app, "select email, first_name from ledger.leads where erased_at is not null")
    assert emptied == [{"email": None, "first_name": ""}]
    again = app.reapply_logged_wishes(LATER)
    assert {name: again[name] for name in ("suppressed", "lifted", "erased", "stopped")} == dict.fromkeys(
        ("suppressed", "lifted", "erased", "stopped"), 0
    )
    assert ledger_rows(app, PEOPLE) == after


def test_a_lift_holds_against_older_events_that_are_read_again_and_not_against_a_new_one(app: App) -> None:
    """The event was projected a second time after the lift's word: it was forgiven all the same."""
    make_lead(app, ANN)
    suppress(app, ANN, "unsubscribed")
    app.lift_suppression(ADMIN, email=ANN, reason="Wants it", proof="Form", as_of=LATER)
    suppress(app, ANN, "unsubscribed")
    app.reapply_logged_wishes(LATER)
    assert reasons(app) == {}
    execute(app, "update ledger.suppressions set created_at = %s", LATER + timedelta(hours=1))
    suppress(app, ANN, "unsubscribed")
    execute(app, "update ledger.suppressions set created_at = %s", LATER + timedelta(hours=1))
    app.reapply_logged_wishes(LATER + timedelta(days=1))
    assert reasons(app) == {ANN: "unsubscribed"}


def test_an_old_word_that_the_restored_outbox_still_held_does_not_undo_a_newer_one(app: App) -> None:
    suppress(app, ANN)
    app.log_wishes(NOW)
    execute(app, "create table held as table ledger.wishes")
    execute(app, "insert into ledger.suppression_lifts values (%s, %s)", email_hash(ANN, app.settings.secret), NOW)
    execute(app, "delete from ledger.suppressions")
    execute(app, "insert into held table ledger.wishes")
    app.log_wishes(NOW)
    suppress(app, ANN, "manual")
    app.log_wishes(LATER)
    execute(app, "insert into ledger.wishes overriding system value table held")  # as the restored copy has them
    app.reapply_logged_wishes(LATER)
    assert reasons(app) == {ANN: "manual"}


def test_an_alias_in_the_inbox_of_somebody_the_copy_does_not_know_is_barred(app: App) -> None:
    make_lead(app, ANN)
    make_lead(app, "bob@people.test")
    make_lead(app, "cid@people.test")
    restore = snapshot(app)
    suppress(app, "ann+news@people.test")
    suppress(app, "bob+news@people.test", "hard_bounced")
    suppress(app, "cid+news@people.test")
    app.lift_suppression(ADMIN, email="cid@people.test", reason="Wants it", proof="Form", as_of=LATER)
    app.log_wishes(NOW)
    restore()
    app.reapply_logged_wishes(LATER)
    assert {email for email in reasons(app) if email} == {ANN}


def test_what_was_stopped_stops_again_unless_it_was_released_or_its_time_is_over(app: App) -> None:
    make_lead(app, ANN)
    first, second, third = (approved_campaign(app) if not n else _another(app) for n in range(3))
    app.plan_campaigns(NOW)
    one, two = (m.mailbox.mailbox_id for m in app.mailboxes(NOW))
    (domain,) = [d.name for d in app.sending_domains(NOW)]
    restore = snapshot(app)
    app.pause_mailbox(ADMIN, one, reason="odd replies", as_of=NOW)
    app.pause_mailbox(ADMIN, two, reason="odd replies", as_of=NOW)
    app.lift_pause(ADMIN, two, reason="all well", as_of=NOW)
    app.cool_down_domain(domain, reason="spam block", until=NOW + timedelta(days=14), as_of=NOW)
    app.pause_domain(ADMIN, domain, reason="a look", as_of=NOW)
    app.pause_account(ADMIN, "own smtp", reason="moves", as_of=NOW)
    app.pause_campaign(ANALYST, first, NOW, "typo")
    app.cancel_campaign(ANALYST, second, NOW, "wrong list")
    app.pause_campaign(ANALYST, third, NOW, "a look")
    app.resume_campaign(ANALYST, third, NOW)
    app.log_wishes(NOW)
    restore()
    assert app.reapply_logged_wishes(LATER)["stopped"] == 5
    boxes = {m.mailbox.mailbox_id: m.status_reason for m in app.mailboxes(LATER)}
    assert "restored" in boxes[one]
    assert boxes[two] == ""
    (row,) = ledger_rows(app, "select status, cool_down_until from ledger.sending_domains")
    assert (row["status"], row["cool_down_until"]) == ("paused", NOW + timedelta(days=14))
    statuses = [app.campaign(campaign).status for campaign in (first, second, third)]
    assert statuses == [CampaignStatus.PAUSED, CampaignStatus.CANCELLED, CampaignStatus.RUNNING]
    assert app.reapply_logged_wishes(LATER)["stopped"] == 0
    restore()
    app.reapply_logged_wishes(NOW + timedelta(days=30))
    assert ledger_rows(app, "select cool_down_until from ledger.sending_domains") == [{"cool_down_until": None}]


def _another(app: App) -> int:
    anybody = ContactRules(leave_out_replied=False, leave_out_in_sequence=False, days_apart=0)
    draft = make_draft(app.pools()[0].pool_id, name="More", contacts=anybody)
    campaign = app.create_campaign(ANALYST, draft, NOW)
    app.approve_campaign(ANALYST, campaign, NOW)
    return campaign


def test_wishes_wait_while_the_store_is_down_and_people_are_told_after_ten_minutes(app: App, tmp_path: Path) -> None:
    app.store.write("wishes/x", b"")
    app.store.delete("wishes/x")
    folder = tmp_path / "store" / "wishes"
    folder.rmdir()
    folder.write_text("in the way")
    assert app.suppress_person(ANALYST, email=ANN, reason="Asked by phone", as_of=NOW).changed
    assert app.log_wishes(NOW) == 0
    assert ledger_rows(app, "select 1 from ledger.alerts") == []
    execute(app, "update ledger.wishes set noted_at = noted_at - interval '11 minutes'")
    app.open_lanes(NOW)
    (alert,) = ledger_rows(app, "select kind, severity, message from ledger.alerts where resolved_at is null")
    assert (alert["kind"], alert["severity"]) == ("wishes", "critical")
    assert "@" not in alert["message"]
    folder.unlink()
    assert app.log_wishes(LATER) == 1
    assert ledger_rows(app, "select 1 from ledger.alerts where resolved_at is null") == []
    assert [word["word"] for word in words(app)] == ["suppressed"]


def test_a_cut_off_or_foreign_line_is_counted_and_the_others_are_applied(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    suppress(app, ANN)
    app.log_wishes(NOW)
    whole = json.dumps(words(app)[0])
    hostile = [
        whole[:40],
        "[]",
        "null",
        "{}",
        '"x"',
        "\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
    ]
    hostile += [whole.replace('"suppressed"', word) for word in ('"forgiven"', "7", '["suppressed"]')]
    hostile += [whole.replace('"word"', '"what": "\\ud800", "word"')]  # half a surrogate pair, escaped
    hostile += [whole.replace(NOW.isoformat(), "yesterday"), '{"word": "status", "at": "x"}', "[" * 100_000]
    app.store.write("wishes/2026/03/02/x.ndjson", "\n".join(hostile).encode())
    execute(app, "delete from ledger.suppressions")
    monkeypatch.setattr(bootstrap, "app", lambda: app)
    said = CliRunner().invoke(main, ["reapply-wishes"])
    assert "1 people suppressed" in said.output
    assert f"{len(hostile)} lines could not be read" in said.output
    assert said.exit_code == 1
    assert list(reasons(app).values()) == ["unsubscribed"]


def test_who_takes_no_mail_from_us_stays_that_and_nobody_else_of_the_inbox_is_barred(app: App) -> None:
    make_lead(app, ANN)
    make_lead(app, "ann+news@people.test")
    suppress(app, ANN, "refuses_us")
    restore = snapshot(app)
    suppress(app, "bob@people.test", "refuses_us")
    app.log_wishes(NOW)
    restore()
    app.reapply_logged_wishes(LATER)
    assert reasons(app) == {ANN: "refuses_us", None: "refuses_us"}


def test_a_lift_holds_against_an_older_refusal_that_is_read_again(app: App) -> None:
    make_lead(app, ANN)
    suppress(app, ANN, "refuses_us")
    app.lift_suppression(ADMIN, email=ANN, reason="Lets us in", proof="Mail of 3 May", as_of=LATER)
    suppress(app, ANN, "refuses_us")
    app.reapply_logged_wishes(LATER)
    assert reasons(app) == {}


def test_the_log_is_read_from_a_day_on(app: App) -> None:
    suppress(app, ANN)
    app.log_wishes(NOW)
    (old,) = words(app)
    app.store.write("wishes/2020/01/01/x.ndjson", json.dumps(old | {"who": "ab" * 32}).encode())
    assert app.reapply_logged_wishes(LATER, since=date(2020, 1, 2))["read"] == 1
    assert app.reapply_logged_wishes(LATER)["read"] == 2


def test_a_statement_that_suppresses_thousands_is_one_object(app: App) -> None:
    execute(
        app,
        "insert into ledger.suppressions (email_hash, email, reason, created_at)"
        " select sha256(n::text::bytea), n || '@x.test', 'imported', %s from generate_series(1, 3000) n",
        NOW,
    )
    assert app.log_wishes(NOW) == 3000
    assert len(list(app.store.list(PREFIX))) == 1


def test_a_campaign_that_got_the_number_of_another_is_not_stopped_for_it(app: App) -> None:
    make_lead(app, ANN)
    campaign = approved_campaign(app)
    app.pause_campaign(ANALYST, campaign, NOW, "typo")
    app.log_wishes(NOW)
    execute(app, "update ledger.campaigns set status = 'approved', created_at = created_at + interval '1 hour'")
    assert app.reapply_logged_wishes(LATER)["stopped"] == 0

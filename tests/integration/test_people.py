"""Suppressing and erasing people on the real ledger: nobody mails or imports them again, and nothing names them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from typer.testing import CliRunner

from leadmill import bootstrap
from leadmill.bootstrap import App
from leadmill.cli import main
from leadmill.domain.identity import email_hash
from leadmill.errors import InputInvalid, NotAllowed, NotFound
from leadmill.sql import query
from tests.campaign_world import approved_campaign, make_leads
from tests.campaign_world import sends as planned_sends
from tests.mail_servers import SmtpRecorder, smtp_server
from tests.sending_world import (
    ADMIN,
    ANALYST,
    NOW,
    VIEWER,
    execute,
    later,
    make_campaign,
    make_lane,
    make_mailboxes,
    make_pool,
    people,
    sends,
    states,
    suppress,
)

ANN = "lead-1@people.test"


@pytest.fixture
def mail() -> SmtpRecorder:
    return SmtpRecorder()


@pytest.fixture
def lane(app: App, mail: SmtpRecorder) -> Iterator[str]:
    with smtp_server(mail) as port:
        yield make_lane(app, port)


def lead_of(app: App, email: str) -> int:
    return int(execute(app, "select lead_id from ledger.leads where email = %s", email)[0]["lead_id"])


def whole_ledger(app: App) -> dict[str, list[dict[str, Any]]]:
    """Everything about people, and the audit log."""
    tables = ("leads", "suppressions", "sends", "lead_scores", "lead_windows", "audit_log")
    return {table: execute(app, f"select * from ledger.{table} order by 1") for table in tables}


def audit(app: App) -> list[dict[str, Any]]:
    return execute(app, "select * from ledger.audit_log where action like 'person.%%' order by audit_id")


def test_a_lead_suppressed_by_hand_gets_no_mail_by_an_older_plan(app: App, mail: SmtpRecorder, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(3), steps=2)
    outcome = app.suppress_person(ANALYST, lead_id=lead_of(app, ANN), reason="Asked by phone", as_of=NOW)
    assert (outcome.changed, outcome.withdrawn) == (True, 2)
    assert [(s["state"], s["code"]) for s in sends(app, campaign, f"email = '{ANN}'")] == [
        ("suppressed", "manual"),
        ("cancelled", "suppressed"),
    ]
    app.send_lane(lane, NOW, time_budget_seconds=5)
    assert sorted(mail.copies) == ["lead-0@people.test", "lead-2@people.test"]
    (row,) = execute(app, "select * from ledger.suppressions")
    assert (row["email"], row["reason"], row["source"]) == (ANN, "manual", ANALYST.email)


def test_a_new_plan_leaves_out_who_was_suppressed_or_erased(app: App) -> None:
    kept, suppressed, erased = make_leads(app, 3)
    app.suppress_person(ANALYST, lead_id=suppressed, reason="Asked by phone", as_of=NOW)
    app.erase_person(ADMIN, lead_id=erased, reason="Asked by letter", as_of=NOW)
    campaign = approved_campaign(app)
    app.plan_campaigns(NOW)
    assert {send["lead_id"] for send in planned_sends(app, campaign)} == {kept}


def test_a_follow_up_of_somebody_mailed_before_is_withdrawn_too(app: App, mail: SmtpRecorder, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(2), steps=3)
    app.send_lane(lane, NOW, time_budget_seconds=5)
    app.erase_person(ADMIN, email=ANN, reason="Asked by letter", as_of=later(days=1))
    app.send_lane(lane, later(days=4), time_budget_seconds=5)
    assert mail.copies == {"lead-0@people.test": 2, ANN: 1}
    gone = sends(app, campaign, "email is null")
    assert [(s["step"], s["state"], s["code"]) for s in gone] == [
        (1, "accepted", None),
        (2, "suppressed", "erased"),
        (3, "cancelled", "suppressed"),
    ]


def test_a_claim_refuses_an_erased_persons_send_even_if_one_was_planned(
    app: App, mail: SmtpRecorder, lane: str
) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(2))
    app.erase_person(ADMIN, email=ANN, reason="Asked by letter", as_of=NOW)
    execute(app, "update ledger.sends set state = 'planned', code = null")
    app.send_lane(lane, NOW, time_budget_seconds=5)
    assert sorted(mail.copies) == ["lead-0@people.test"]
    assert states(app, campaign) == {"accepted": 1, "suppressed": 1}


def test_an_erased_row_holds_nothing_of_the_person_and_twice_is_the_same(app: App) -> None:
    make_campaign(app, make_pool(app), people(2), steps=2)
    lead = lead_of(app, ANN)
    execute(
        app,
        "update ledger.leads set last_name = 'Secretname', company = 'Secretname', phone = 'Secretname', city = 'Secretname',"
        " website = 'Secretname', job_title = 'Secretname', region = 'Secretname', industry = 'Secretname',"
        " category = 'Secretname', source = 'Secretname', country = 'DE', employee_count = 3, consent_at = now(),"
        """ attributes = '{"note": "Secretname"}' where lead_id = %s""",
        lead,
    )
    execute(
        app, "insert into ledger.lead_scores (lead_id, probability, model, as_of) values (%s, 0.5, 'm', now())", lead
    )
    execute(
        app,
        "insert into ledger.lead_windows values (%s, 'Europe/Berlin', 'file', 1, '{33}', 1, 'default', now())",
        lead,
    )
    suppress(app, ANN, "unsubscribed")
    assert app.erase_person(ADMIN, lead_id=lead, reason="Asked by letter", as_of=NOW).changed
    once = whole_ledger(app)
    for said in ("Secretname", ANN, "lead-1"):
        assert said not in str(once)
    row = next(row for row in once["leads"] if row["lead_id"] == lead)
    assert (row["email"], row["attributes"], row["erased_at"]) == (None, {}, NOW)
    assert (row["country"], row["employee_count"], row["consent_at"]) == ("", None, None)
    assert once["lead_scores"] == once["lead_windows"] == []
    (tombstone,) = once["suppressions"]
    assert (tombstone["email_hash"], tombstone["email"]) == (email_hash(ANN, app.settings.secret), None)
    assert tombstone["reason"] == "erased"
    for named in ({"lead_id": lead}, {"email": ANN.upper()}):
        assert not app.erase_person(ADMIN, **named, reason="Again", as_of=later(days=1)).changed
        assert not app.suppress_person(ADMIN, **named, reason="Again", as_of=later(days=1)).changed
    assert whole_ledger(app) == once


@pytest.mark.parametrize("before", ["no lead", "lead", "opted out"])
def test_an_erased_person_is_refused_and_counted_by_the_next_import(lake_app: App, before: str) -> None:
    file = "email,first_name,legal_basis\nann@bücher.test,Ann,consent\nbob@x.test,Bob,consent\n"
    if before == "lead":
        lake_app.store.write("landing/leads/first.csv", file.replace("Bob", "Rob").encode())
        lake_app.import_lead_file("landing/leads/first.csv", as_of=NOW, requested_by="test")
    if before == "opted out":
        suppress(lake_app, "ann@xn--bcher-kva.test", "imported")
    outcome = lake_app.erase_person(ADMIN, email=" Ann@Bücher.test", reason="Asked by letter", as_of=NOW)
    assert (outcome.changed, outcome.lead_id is None) == (True, before != "lead")
    lake_app.store.write("landing/leads/second.csv", file.encode())
    counts = lake_app.import_lead_file("landing/leads/second.csv", as_of=later(days=1), requested_by="test")
    assert (counts["erased_count"], counts["row_count"]) == (1, 2)
    living = execute(lake_app, "select email from ledger.leads where erased_at is null")
    assert [row["email"] for row in living] == ["bob@x.test"]
    assert execute(lake_app, "select email, reason from ledger.suppressions") == [{"email": None, "reason": "erased"}]


def test_an_erasure_waits_for_an_import_that_is_writing_and_erases_what_it_wrote(app: App) -> None:
    with ThreadPoolExecutor() as threads:
        with app.database.transaction() as importing:
            importing.execute(query("ledger/lead_files", "lock_leads"))
            erased = threads.submit(app.erase_person, ADMIN, email="lead0@people0.test", reason="By letter", as_of=NOW)
            with pytest.raises(TimeoutError):
                erased.result(timeout=1)
            make_leads(app, 1)
        assert erased.result(timeout=30).lead_id is not None
    (row,) = execute(app, "select email, erased_at from ledger.leads")
    assert (row["email"], row["erased_at"]) == (None, NOW)


def test_an_address_that_is_no_lead_is_suppressed_and_an_earlier_reason_stays(app: App) -> None:
    suppress(app, "old@x.test", "complained")
    new = app.suppress_person(ANALYST, email=" New@X.test ", reason="Asked by phone", as_of=NOW)
    old = app.suppress_person(ANALYST, email="old@x.test", reason="Asked by phone", as_of=NOW)
    assert (new.lead_id, new.changed, old.changed) == (None, True, False)
    rows = execute(app, "select email, reason from ledger.suppressions order by email")
    assert [(row["email"], row["reason"]) for row in rows] == [("new@x.test", "manual"), ("old@x.test", "complained")]


def test_roles_and_reasons_hold_and_nothing_is_done_without(app: App) -> None:
    (lead,) = make_leads(app, 1)
    before = whole_ledger(app)
    with pytest.raises(NotAllowed):
        app.suppress_person(VIEWER, lead_id=lead, reason="Asked", as_of=NOW)
    for actor in (VIEWER, ANALYST):
        with pytest.raises(NotAllowed):
            app.erase_person(actor, lead_id=lead, reason="Asked", as_of=NOW)
    for act in (app.suppress_person, app.erase_person):
        for reason in (" ", "ann@x.test asked"):
            with pytest.raises(InputInvalid):
                act(ADMIN, lead_id=lead, reason=reason, as_of=NOW)
        with pytest.raises(InputInvalid):
            act(ADMIN, lead_id=lead, email="a@x.test", reason="Asked", as_of=NOW)
        with pytest.raises(InputInvalid):
            act(ADMIN, reason="Asked", as_of=NOW)
        with pytest.raises(InputInvalid):
            act(ADMIN, email="not an address", reason="Asked", as_of=NOW)
        with pytest.raises(NotFound):
            act(ADMIN, lead_id=424242, reason="Asked", as_of=NOW)
    assert whole_ledger(app) == before


def test_the_audit_log_names_the_lead_by_id_alone(app: App) -> None:
    lead, _ = make_leads(app, 2)
    app.suppress_person(ANALYST, lead_id=lead, reason="Asked by phone", as_of=NOW)
    app.erase_person(ADMIN, email="lead0@people0.test", reason="Asked by letter", as_of=NOW)
    app.erase_person(ADMIN, email="stranger@x.test", reason="Asked by letter", as_of=NOW)
    lines = audit(app)
    assert [(line["action"], line["subject_id"]) for line in lines] == [
        ("person.suppress", str(lead)),
        ("person.erase", str(lead)),
        ("person.erase", "none"),
    ]
    assert lines[1]["details"] == {"withdrawn_sends": 0, "suppressed_for": "manual"}
    told = json.dumps([{k: v for k, v in line.items() if k not in ("actor", "at")} for line in lines])
    assert "@" not in told


def test_the_commands_suppress_and_erase_and_erasing_asks_first(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    (lead,) = make_leads(app, 1)
    address = "lead0@people0.test"
    monkeypatch.setattr(bootstrap, "app", lambda: app)
    run = CliRunner().invoke
    assert f"No campaign mails lead {lead}" in run(main, ["suppress", address, "--reason", "by phone"]).output
    assert run(main, ["erase", address, "--reason", "by letter"], input="n\n").exit_code == 1
    assert execute(app, "select email from ledger.leads") == [{"email": address}]
    assert f"Erased lead {lead}" in run(main, ["erase", address, "--reason", "by letter", "--yes"]).output
    assert "Nothing to do" in run(main, ["erase", address, "--reason", "by letter"], input="y\n").output


@pytest.mark.parametrize("known", ["hard_bounced", "refuses_us"])
@pytest.mark.parametrize("by_file", [False, True], ids=["by hand", "by a file"])
def test_a_persons_word_bars_their_aliases_also_where_a_server_spoke_before(
    lake_app: App, mail: SmtpRecorder, lane: str, known: str, by_file: bool
) -> None:
    app = lake_app
    make_mailboxes(app, 1, pool=(make_pool(app), "pool")[1])
    suppress(app, "jo@people.test", known)
    if by_file:
        rows = [f"p{n}@people.test,no" for n in range(30)]
        app.store.write("landing/leads/out.csv", "\n".join(["email,opted out", "jo@people.test,yes", *rows]).encode())
        app.import_lead_file(
            "landing/leads/out.csv", as_of=NOW, requested_by="Ada", default_source="x", default_legal_basis="consent"
        )
    else:
        app.suppress_person(ANALYST, email="jo@people.test", reason="Asked by phone", as_of=NOW)
    campaign = make_campaign(app, 1, ["jo+news@people.test"])
    app.send_lane(lane, later(minutes=1), time_budget_seconds=3)
    assert states(app, campaign) == {"suppressed": 1}
    assert not mail.copies
    app.log_wishes(NOW)
    said = b"".join(app.store.read(each.key) for each in app.store.list("wishes/"))
    assert (b'"imported"' if by_file else b'"manual"') in said


def test_erasing_who_had_left_keeps_their_aliases_out_also_of_later_imports_and_restores(
    lake_app: App, mail: SmtpRecorder, lane: str
) -> None:
    app = lake_app
    make_mailboxes(app, 1, pool=(make_pool(app), "pool")[1])
    campaign = make_campaign(app, 1, ["jo.doe@gmail.com", "jodoe@gmail.com", "other@people.test"])
    suppress(app, "jo.doe@gmail.com", "unsubscribed")
    app.erase_person(ADMIN, email="jo.doe@gmail.com", reason="Asked by letter", as_of=NOW)
    app.send_lane(lane, later(minutes=1), time_budget_seconds=3)
    assert states(app, campaign) == {"accepted": 1, "suppressed": 2}
    rows = [f"p{n}@people.test" for n in range(30)]
    app.store.write("landing/leads/in.csv", "\n".join(["email", "j.odoe+x@googlemail.com", *rows]).encode())
    counts = app.import_lead_file(
        "landing/leads/in.csv", as_of=NOW, requested_by="Ada", default_source="x", default_legal_basis="consent"
    )
    assert counts["erased_count"] == 1
    assert not execute(app, "select 1 from ledger.leads where email like 'j.odoe%%'")

    execute(app, "delete from ledger.suppressions")
    execute(app, "delete from ledger.wishes")
    app.reapply_logged_wishes(later(hours=1))
    assert {row["email"] for row in execute(app, "select email from ledger.suppressions")} == {None, "jodoe@gmail.com"}


ODD = ["<jo@people.test>", "mailto:jo@people.test", "jo@people.test,", "jo@people.test;", '"jo"@people.test']


@pytest.mark.parametrize("typed", [*ODD, "\u200bjo@people.test", "Jo <jo@people.test>", "jo@people.test\0"])
def test_an_address_with_something_around_it_is_refused_and_not_taken_for_another(app: App, typed: str) -> None:
    for act in (app.suppress_person, app.erase_person):
        with pytest.raises(InputInvalid, match="nothing around it"):
            act(ADMIN, email=typed, reason="Asked by letter", as_of=NOW)
    assert not execute(app, "select 1 from ledger.suppressions")

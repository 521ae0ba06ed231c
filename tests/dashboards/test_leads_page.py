"""The Leads page on a real ledger and lake, through Streamlit's own test runner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from leadmill.bootstrap import App
from leadmill.domain.access import SYSTEM, Role
from tests.dashboards.page_runner import open_page, words_of
from tests.scoring_history import NOW, add_events, add_leads, delivered_and_answered, event
from tests.sending_world import execute, make_campaign, make_pool, people, sends


def table(page, number: int = 0):
    return page.dataframe[number].value


def test_without_leads_the_page_says_what_to_do(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, lake_app, "leads")
    assert not page.exception
    assert "There are no leads yet" in words_of(page)
    assert "No file was imported yet" in words_of(page)


def test_leads_are_listed_filtered_and_paged_without_repeats(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    add_leads(lake_app, 60)
    add_leads(lake_app, 3, first=100, country="IN", company="100% Cotton_Ltd")
    page = open_page(monkeypatch, lake_app, "leads")
    assert not page.exception
    assert "**1-50** of 63 leads" in words_of(page)
    first = set(table(page)["E-mail"])
    page.button(key="leads_next").click().run()
    second = set(table(page)["E-mail"])
    assert len(first) == 50
    assert len(second) == 13
    assert not first & second
    page.multiselect(key="lead_countries").set_value(["IN"]).run()
    assert "**1-3** of 3 leads" in words_of(page)
    page.text_input(key="lead_text").set_value("0% cotton_").run()
    assert len(table(page)) == 3
    page.text_input(key="lead_text").set_value("o%n").run()
    assert "No lead fits the search" in words_of(page)


def test_the_best_score_comes_first(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    leads = add_leads(lake_app, 600)
    add_events(lake_app, delivered_and_answered(leads, answered=60, at=NOW - timedelta(days=20)))
    lake_app.score_leads(as_of=NOW)
    page = open_page(monkeypatch, lake_app, "leads")
    page.selectbox(key="lead_order").set_value("Best score first").run()
    scores = list(table(page)["Score"])
    assert scores == sorted(scores, reverse=True)
    page.button(key="leads_next").click().run()
    assert max(table(page)["Score"]) <= scores[-1]
    assert set(table(page)["Score from"]) == {"model"}


def test_a_leads_page_shows_history_with_machines_apart(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    (lead,) = add_leads(lake_app, 1)
    at = NOW - timedelta(days=2)
    opened = event(lead, "opened", at, machine=True, machine_reason="apple_mail_privacy")
    bounced = event(lead, "bounced", at - timedelta(hours=1), bounce_kind="refuses_us")
    answered = event(lead, "replied", at + timedelta(hours=2))
    add_events(lake_app, [bounced, event(lead, "delivered", at), opened, answered])
    lake_app.score_leads(as_of=NOW)
    lake_app.plan_send_windows(as_of=NOW)
    page = open_page(monkeypatch, lake_app, "leads", lead=str(lead))
    assert not page.exception
    said = words_of(page)
    assert "Not enough history yet" in said
    assert "Best hours in Europe/Berlin" in said
    assert "No campaign has planned a mail to this lead" in said
    people, machines = table(page, -2), table(page, -1)
    assert list(people["What"]) == ["replied", "delivered", "bounced: the address takes no mail from outside"]
    assert list(machines["Detail"]) == ["apple mail privacy"]


def test_a_suppressed_lead_says_why(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    (lead,) = add_leads(lake_app, 1)
    with lake_app.database.transaction() as ledger:
        ledger.execute(
            "insert into ledger.suppressions select email_hash, email, 'unsubscribed', '', %s from ledger.leads", (NOW,)
        )
    page = open_page(monkeypatch, lake_app, "leads", lead=str(lead))
    assert "This person unsubscribed (17 Jun 2026)" in words_of(page)


def test_a_lead_that_is_not_there_is_a_sentence(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, lake_app, "leads", lead="424242")
    assert not page.exception
    assert "There is no such lead" in words_of(page)


def test_an_upload_lands_in_the_store_is_followed_and_reported(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, lake_app, "leads")
    rows = "email,first_name,country\nada@acme.test,Ada,DE\nbroken-address,Bob,DE\ngrace@acme.test,Grace,US\n"
    page.file_uploader(key="lead_file").upload("fair.csv", rows.encode(), "text/csv")
    page.text_input(key="file_source").set_value("fair")
    page.selectbox(key="file_basis").set_value("legitimate_interest")
    next(button for button in page.button if button.label == "Upload and import").click().run()
    assert not page.exception
    (key,) = lake_app.waiting_lead_files()
    assert "waiting for Airflow to pick it up" in words_of(page)
    lake_app.import_lead_file(key, as_of=NOW, requested_by="ada@acme.test")
    page.run()
    said = words_of(page)
    assert not page.exception
    assert "fair.csv" in said
    assert "Rejected: 1" in said
    assert "Accepted: 2" in said
    assert any("has no @" in str(frame.value.to_dict()) for frame in page.dataframe)


def test_a_viewer_may_not_upload(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, lake_app, "leads", role=Role.VIEWER)
    assert not page.file_uploader
    assert "Uploading needs the role analyst" in words_of(page)


def test_an_analyst_puts_a_lead_on_the_list_of_those_never_mailed_for_a_reason(
    lake_app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lead,) = add_leads(lake_app, 1)
    page = open_page(monkeypatch, lake_app, "leads", lead=str(lead))
    assert "erase_lead" not in {button.key for button in page.button}
    page.button(key="suppress_lead").click().run()
    assert "Say why" in words_of(page)
    page.text_input(key="suppress_reason").set_value("Asked us by phone").run()
    page.button(key="suppress_lead").click().run()
    assert not page.exception
    assert "A colleague put this address on the list of those never to be mailed" in words_of(page)
    assert "suppress_lead" not in {button.key for button in page.button}


def test_an_administrator_lets_somebody_come_back_with_a_proof(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    (lead,) = add_leads(lake_app, 1)
    lake_app.suppress_person(SYSTEM, lead_id=lead, reason="Asked by phone", as_of=datetime.now(UTC))
    page = open_page(monkeypatch, lake_app, "leads", lead=str(lead))
    assert "lift_suppression" not in {button.key for button in page.button}
    page = open_page(monkeypatch, lake_app, "leads", role=Role.ADMIN, lead=str(lead))
    page.text_input(key="lift_reason").set_value("Wants our news").run()
    page.button(key="lift_suppression").click().run()
    assert "Say how you know" in words_of(page)
    page.text_input(key="lift_proof").set_value("Form of 3 May").run()
    page.button(key="lift_suppression").click().run()
    assert not page.exception
    assert "New campaigns may mail this person again" in words_of(page)
    assert "suppress_lead" in {button.key for button in page.button}


def test_erasing_needs_an_administrator_who_types_the_word(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    lead, other = add_leads(lake_app, 2)
    page = open_page(monkeypatch, lake_app, "leads", role=Role.ADMIN, lead=str(lead))
    assert "Raw files in the store's landing zone are kept" in words_of(page)
    assert page.button(key="erase_lead").disabled
    page.text_input(key="erase_reason").set_value("Asked by letter").run()
    page.text_input(key="erase_typed").set_value("ERASE").run()
    page.button(key="erase_lead").click().run()
    assert not page.exception
    said = words_of(page)
    assert "The person is erased" in said
    assert "**1-1** of 1 leads" in said
    page = open_page(monkeypatch, lake_app, "leads", role=Role.ADMIN, lead=str(lead))
    assert "There is no such lead" in words_of(page)
    page = open_page(monkeypatch, lake_app, "leads", role=Role.VIEWER, lead=str(other))
    assert not {"suppress_lead", "erase_lead"} & {button.key for button in page.button}


def test_a_mail_says_in_words_why_it_stands_where_it_stands(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = make_campaign(lake_app, make_pool(lake_app), people(1), steps=3)
    for step, state, code in (
        (1, "dropped", None),
        (2, "cancelled", "replied_elsewhere"),
        (3, "planned", "weekly_cap"),
    ):
        sql = "update ledger.sends set state = %s, code = %s where campaign_id = %s and step = %s"
        execute(lake_app, sql, state, code, campaign, step)
    page = open_page(monkeypatch, lake_app, "leads", lead=str(sends(lake_app, campaign)[0]["lead_id"]))
    assert not page.exception
    mails = next(found.value for found in page.dataframe if "State" in found.value)
    assert sorted(mails["State"]) == [
        "cancelled (they answered another campaign)",
        "not sent: on the provider's own list",
        "planned (they had their mails of the week)",
    ]

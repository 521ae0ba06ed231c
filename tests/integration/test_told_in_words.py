"""What happens during dispatch is told to people in words they know, and nothing that a provider says goes unread."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from leadmill.bootstrap import App
from leadmill.cli import main
from leadmill.domain.identity import email_hash
from leadmill.errors import Conflict
from leadmill.ports.lead_search import LeadFilter
from tests.mail_servers import SmtpRecorder, smtp_server
from tests.sending_world import (
    ANALYST,
    NOW,
    execute,
    later,
    make_campaign,
    make_lane,
    make_mailboxes,
    make_pool,
    people,
    states,
    suppress,
)


@pytest.fixture
def lane(app: App) -> Iterator[str]:
    with smtp_server(SmtpRecorder()) as port:
        yield make_lane(app, port)


def test_a_channel_that_fails_with_the_last_mail_in_flight_is_told_of_and_held_back(app: App, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(1, "mute"))
    app.send_lane(lane, NOW, time_budget_seconds=5)
    assert states(app, campaign) == {"ambiguous": 1}
    assert [alert.kind for alert in app.open_alerts()] == ["provider_unavailable"]
    (mailbox,) = execute(app, "select next_send_at from ledger.mailboxes")
    assert mailbox["next_send_at"] > later(seconds=59)


def test_a_refusal_of_the_content_names_the_campaign_as_people_do(app: App, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    make_campaign(app, pool, people(1, "reject"), name="Spring offer")
    app.send_lane(lane, NOW, time_budget_seconds=5)
    (alert,) = app.open_alerts()
    assert (alert.kind, alert.subject) == ("content_refused", "campaign “Spring offer”")
    assert alert.message.startswith("A mail was refused for its content (554 5.6.0")


def test_a_server_that_is_not_there_is_told_of_by_the_accounts_name_and_without_an_exceptions(app: App) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    lane, pool = make_lane(app, port), make_pool(app)
    make_mailboxes(app, 1)
    make_campaign(app, pool, people(1))
    app.send_lane(lane, NOW, time_budget_seconds=5)
    (alert,) = app.open_alerts()
    assert alert.subject == f"provider account {lane}"
    assert "no connection to the mail server (nothing listens at its port)" in alert.message
    assert not re.search(r"Mailbox \d|\blane\b|Error", f"{alert.subject} {alert.message}")


def test_a_refusal_names_the_campaign_and_not_its_number(app: App) -> None:
    campaign = make_campaign(app, make_pool(app), people(1), name="Spring offer", status="finished")
    for refused in (
        lambda: app.pause_campaign(ANALYST, campaign, NOW, "odd"),
        lambda: app.cancel_campaign(ANALYST, campaign, NOW, "odd"),
        lambda: app.delete_campaign(ANALYST, campaign, NOW),
        lambda: app.weigh_campaign(ANALYST, campaign, 2.0, NOW),
        lambda: app.upload_attachment(ANALYST, campaign, "offer.pdf", b"%PDF-1.7"),
    ):
        with pytest.raises(Conflict, match="“Spring offer” is "):
            refused()


def test_a_lead_whose_inbox_opted_out_under_an_alias_shows_as_one_not_to_be_mailed(lake_app: App) -> None:
    app = lake_app
    emails = ["jo+news@people.test", "ann@people.test"]
    execute(
        app,
        "insert into ledger.leads (email, email_hash, email_domain, source, legal_basis, created_at, updated_at)"
        " select r.email, r.hash, 'people.test', 'test', 'consent', %s, %s from unnest(%s::text[], %s::bytea[])"
        " as r(email, hash)",
        NOW, NOW, emails, [email_hash(email, app.settings.secret) for email in emails],
    )  # fmt: skip
    suppress(app, "jo@people.test", "complained")
    suppress(app, "ann+old@people.test", "hard_bounced")  # one address of hers is dead; she is not
    found = {lead.email: lead for lead in app.find_leads(ANALYST, LeadFilter()).leads}
    assert found["jo+news@people.test"].is_suppressed
    assert not found["ann@people.test"].is_suppressed
    lead = app.lead_detail(ANALYST, found["jo+news@people.test"].lead_id).lead
    assert (lead["suppressed_for"], lead["suppressed_at"]) == ("complained", NOW)


@pytest.mark.parametrize(
    "words",
    [
        ["why", "9" * 23],
        ["why", "0"],
        ["send-again", "9" * 23],
        ["simulate", "--campaign", "9" * 23],
        ["simulate", "--recipients", "10", "--plot", "NOWHERE/plan.html"],
        ["senders", "FILE"],
        ["import", "NOWHERE/leads.csv"],
        ["import", "FOLDER"],
    ],
)
def test_a_command_that_gets_nonsense_says_so_in_a_sentence(tmp_path: Path, words: list[str]) -> None:
    file = tmp_path / "senders.yaml"
    file.write_bytes("pools: [{name: Müller}]".encode("latin-1"))
    places = {"FILE": str(file), "FOLDER": str(tmp_path), "NOWHERE": str(tmp_path / "nowhere")}
    for name, place in places.items():
        words = [word.replace(name, place) for word in words]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2
    assert "Traceback" not in done.output
    assert "Invalid value" in done.output

"""The overview: honest where there is nothing, equal to the ledger where there is, people and machines apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from leadmill.bootstrap import App
from leadmill.ports.reports import ReportScope
from tests.dashboards.page_runner import open_page, words_of
from tests.event_world import edge_line, land, make_sends

NOW = datetime.now(UTC)


def with_answers(app: App) -> list[int]:
    """Twelve accepted mails: two opened by people (one of them clicked), one by a machine, one unsubscribed."""
    sends = make_sends(app, 12)
    with app.database.transaction() as ledger:
        ledger.execute("update ledger.sends set accepted_at = %s", (NOW - timedelta(hours=3),))
    at = NOW - timedelta(hours=1)
    person = {"user_agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
    lines = [
        edge_line(sends[0], "opened", at=at, event_id="a", ip="192.0.2.1", **person),
        edge_line(sends[1], "opened", at=at, event_id="b", ip="192.0.2.2", **person),
        edge_line(sends[1], "clicked", at=at, event_id="c", ip="192.0.2.2", url="https://acme.test/", **person),
        edge_line(sends[2], "opened", at=at, event_id="d", ip="192.0.2.3", user_agent="Mozilla/5.0"),
        edge_line(sends[3], "unsubscribed", at=at, event_id="e", ip="192.0.2.4", **person),
    ]
    land(app, "edge", "answers", lines)
    app.collect_events(NOW)
    app.project_events(NOW)
    return sends


def test_an_empty_installation_says_what_to_do_and_draws_no_empty_chart(
    lake_app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page(monkeypatch, lake_app, "overview")
    assert not page.exception
    said = words_of(page)
    assert "Create a campaign under Campaigns" in said
    assert "No mailbox is set up yet" in said
    assert "Bounced: no data yet" in said
    assert not page.get("plotly_chart")


def test_figures_equal_the_ledger_and_machines_stand_apart(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    with_answers(lake_app)
    page = open_page(monkeypatch, lake_app, "overview")
    assert not page.exception
    said = words_of(page)
    assert "Mails sent: 12" in said
    assert "Opened by people: 17% (2)" in said
    assert "Clicked by people: 8% (1)" in said
    assert "Machine opens: 1" in said
    assert "Unsubscribed: 1" in said
    assert page.get("plotly_chart")


def test_a_report_counts_mails_of_its_period_and_campaign_only(lake_app: App) -> None:
    with_answers(lake_app)
    whole = ReportScope(NOW - timedelta(days=7), NOW)
    total = lake_app.overview(whole).total
    assert (total.accepted, total.opened, total.clicked, total.machine_opened) == (12, 2, 1, 1)
    assert lake_app.overview(ReportScope(NOW - timedelta(minutes=5), NOW)).total.accepted == 0
    assert lake_app.overview(ReportScope(NOW - timedelta(days=7), NOW, campaign_id=4242)).states == {}
    by_domain = lake_app.overview(whole).by_domain
    assert sum(o.accepted for o in by_domain.values()) == 12


def test_a_page_reads_while_a_dag_writes(lake_app: App) -> None:
    sends = with_answers(lake_app)
    scope = ReportScope(NOW - timedelta(days=7), NOW + timedelta(minutes=1))
    before = lake_app.overview(scope).total.opened
    with lake_app.lake.connect() as writer:
        writer.execute("begin")
        writer.execute(
            "insert into lake.events by name select 'x' as event_id, 'opened' as kind, 'edge' as provider,"
            " now() - interval 1 minute as occurred_at, now() as collected_at, ? as send_id, false as machine,"
            " 'o' as raw_object, 1 as raw_line",
            [sends[5]],
        )
        assert lake_app.overview(scope).total.opened == before
        writer.execute("commit")
    assert lake_app.overview(scope).total.opened == before + 1

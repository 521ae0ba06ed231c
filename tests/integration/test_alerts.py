"""Alerts: one open row per key under concurrency, told once per channel, never lost."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import psycopg
import pytest
from psycopg.rows import dict_row
from pydantic import SecretStr

from leadmill.bootstrap import App
from leadmill.domain.access import Actor, Role
from leadmill.errors import NotAllowed, NotFound

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ANALYST = Actor("ana@example.com", Role.ANALYST)


def raise_one(app: App, *, key: str = "mailbox:7", at: datetime = NOW, **changes: str) -> bool:
    values = {"kind": "mailbox_paused", "severity": "warning", "subject": "mailbox 7", "message": "5.4 % bounced"}
    return app.alerts.raise_alert(**(values | changes), dedupe_key=key, as_of=at)  # type: ignore[arg-type]


def rows(app: App) -> list[dict[str, object]]:
    with psycopg.connect(app.settings.database_url, row_factory=dict_row) as connection:
        return connection.execute("select * from ledger.alerts order by alert_id").fetchall()


class Hook(BaseHTTPRequestHandler):
    """What a person's chat would be: keeps each body, or fails when told to."""

    bodies: ClassVar[list[dict[str, str]]] = []
    failing: ClassVar[bool] = False

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not type(self).failing:
            type(self).bodies.append(body | {"path": self.path})
        self.send_response(500 if type(self).failing else 200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def hook() -> Iterator[str]:
    Hook.bodies, Hook.failing = [], False
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"json://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def with_urls(app: App, *urls: str) -> App:
    return App(app.settings.model_copy(update={"alert_urls": SecretStr(" ".join(urls))}))


def test_the_same_trouble_again_counts_up_instead_of_opening_another_alert(app: App) -> None:
    assert raise_one(app)
    assert not raise_one(app, at=NOW + timedelta(hours=1), message="6.1 % bounced")
    [alert] = app.open_alerts()
    assert (alert.occurrences, alert.message, alert.first_at) == (2, "6.1 % bounced", NOW)


def test_a_step_that_runs_twice_counts_once(app: App) -> None:
    raise_one(app)
    raise_one(app)
    assert [alert.occurrences for alert in app.open_alerts()] == [1]


def test_a_late_repeat_does_not_reopen_what_a_person_closed(app: App) -> None:
    raise_one(app)
    assert app.resolve_alert(ANALYST, app.open_alerts()[0].alert_id, NOW + timedelta(minutes=5))
    assert not raise_one(app)
    assert app.open_alerts() == []
    assert raise_one(app, at=NOW + timedelta(hours=1))


def test_many_at_once_open_one_alert_and_lose_no_count(app: App) -> None:
    with ThreadPoolExecutor(8) as threads:
        new = list(threads.map(lambda n: raise_one(app, at=NOW + timedelta(seconds=n)), range(40)))
    assert new.count(True) == 1
    [alert] = app.open_alerts()
    assert alert.last_at == NOW + timedelta(seconds=39)
    assert 1 <= alert.occurrences <= 40


def test_the_gravest_alert_stands_first(app: App) -> None:
    raise_one(app, key="a", severity="info", at=NOW + timedelta(minutes=2))
    raise_one(app, key="b", severity="critical")
    raise_one(app, key="c", severity="warning", at=NOW + timedelta(minutes=1))
    assert [alert.severity for alert in app.open_alerts()] == ["critical", "warning", "info"]


def test_resolving_closes_once_and_not_what_was_opened_later(app: App) -> None:
    raise_one(app)
    assert not app.alerts.resolve("mailbox:7", as_of=NOW - timedelta(minutes=1))
    assert app.alerts.resolve("mailbox:7", as_of=NOW + timedelta(minutes=1))
    assert not app.alerts.resolve("mailbox:7", as_of=NOW + timedelta(minutes=1))
    assert [alert.resolved_by for alert in app.recent_alerts(NOW + timedelta(days=1))] == [""]


def test_closing_by_hand_needs_a_role_an_alert_and_leaves_an_audit_line(app: App) -> None:
    raise_one(app)
    [alert] = app.open_alerts()
    with pytest.raises(NotAllowed):
        app.resolve_alert(Actor("v@example.com", Role.VIEWER), alert.alert_id, NOW)
    with pytest.raises(NotFound):
        app.resolve_alert(ANALYST, 999, NOW)
    assert app.resolve_alert(ANALYST, alert.alert_id, NOW)
    assert not app.resolve_alert(ANALYST, alert.alert_id, NOW)
    with app.database.transaction() as connection:
        lines = connection.execute("select actor, action, subject_id from ledger.audit_log").fetchall()
    assert lines == [{"actor": "ana@example.com", "action": "alert.resolve", "subject_id": str(alert.alert_id)}]


def test_with_no_channel_alerts_stay_in_the_ledger(app: App) -> None:
    raise_one(app)
    assert app.notify_alerts(NOW) == {"notified": 0, "failed": 0}
    assert len(app.open_alerts()) == 1


def test_people_are_told_once_in_one_message_without_addresses(app: App, hook: str) -> None:
    app = with_urls(app, f"{hook}/team")
    raise_one(app, message="jane.doe@customer.example complained\nabout mailbox 7")
    raise_one(app, key="other", severity="critical", subject="acme.example", message="listed by a zone")
    assert app.notify_alerts(NOW) == {"notified": 2, "failed": 0}
    assert app.notify_alerts(NOW + timedelta(hours=1)) == {"notified": 0, "failed": 0}
    [body] = Hook.bodies
    assert body["title"] == "Leadmill: 2 alerts"
    assert body["type"] == "failure"
    assert "[WARNING] mailbox 7: (address) complained about mailbox 7" in body["message"]
    assert "acme.example" in body["message"]
    assert "jane" not in json.dumps(body)


def test_a_failing_channel_is_noted_and_retried_alone(app: App, hook: str) -> None:
    secret_url = "json://user:hunter2@127.0.0.1:9/closed"
    app = with_urls(app, f"{hook}/team", secret_url, "nonsense")
    raise_one(app)
    assert app.notify_alerts(NOW) == {"notified": 0, "failed": 1}
    [alert] = app.open_alerts()
    assert alert.notified_at is None
    assert "did not take the message" in alert.notify_error
    assert "does not understand" in alert.notify_error
    assert "hunter2" not in json.dumps(rows(app), default=str)
    assert app.notify_alerts(NOW + timedelta(minutes=1)) == {"notified": 0, "failed": 0}
    assert app.notify_alerts(NOW + timedelta(minutes=6)) == {"notified": 0, "failed": 1}
    assert len(Hook.bodies) == 1


def test_what_failed_is_delivered_when_the_channel_is_back(app: App, hook: str) -> None:
    app = with_urls(app, hook)
    Hook.failing = True
    raise_one(app)
    assert app.notify_alerts(NOW) == {"notified": 0, "failed": 1}
    Hook.failing = False
    assert app.notify_alerts(NOW + timedelta(minutes=5)) == {"notified": 1, "failed": 0}
    [alert] = app.open_alerts()
    assert alert.notify_error == ""
    assert len(Hook.bodies) == 1


def test_two_notifiers_at_once_tell_people_once(app: App, hook: str) -> None:
    app = with_urls(app, hook)
    for number in range(5):
        raise_one(app, key=f"key {number}")
    with ThreadPoolExecutor(4) as threads:
        told = list(threads.map(lambda _: app.notify_alerts(NOW)["notified"], range(4)))
    assert sum(told) == 5
    assert sum(body["message"].count("[WARNING]") for body in Hook.bodies) == 5


def test_people_are_told_when_it_is_over_but_not_of_what_a_person_closed(app: App, hook: str) -> None:
    app = with_urls(app, hook)
    raise_one(app)
    raise_one(app, key="by hand", subject="mailbox 8")
    app.notify_alerts(NOW)
    app.alerts.resolve("mailbox:7", as_of=NOW + timedelta(hours=1))
    [by_hand] = app.open_alerts()
    app.resolve_alert(ANALYST, by_hand.alert_id, NOW + timedelta(hours=1))
    assert app.notify_alerts(NOW + timedelta(hours=1)) == {"notified": 1, "failed": 0}
    assert app.notify_alerts(NOW + timedelta(hours=2)) == {"notified": 0, "failed": 0}
    assert Hook.bodies[-1]["title"] == "Leadmill: resolved"
    assert "[RESOLVED] mailbox 7" in Hook.bodies[-1]["message"]


def test_an_alert_that_becomes_critical_rings_again(app: App, hook: str) -> None:
    app = with_urls(app, hook)
    raise_one(app)
    app.notify_alerts(NOW)
    raise_one(app, severity="critical", at=NOW + timedelta(hours=1))
    assert app.notify_alerts(NOW + timedelta(hours=1)) == {"notified": 1, "failed": 0}

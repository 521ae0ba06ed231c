"""What runs every minute, quarter of an hour and hour may run twice at once: it ends as if it had run once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from leadmill.adapters.ledger.alerts import LedgerAlerts
from leadmill.bootstrap import App
from leadmill.sql import query
from tests.sending_world import (
    ADMIN,
    NOW,
    execute,
    later,
    make_campaign,
    make_lane,
    make_mailboxes,
    make_pool,
    people,
    suppress,
)

TIMES = 4


def at_once(app: App, work: Callable[[App], Any]) -> list[Any]:
    """What `TIMES` processes say that begin together."""
    gate = threading.Barrier(TIMES)
    apps = [App(app.settings) for _ in range(TIMES)]

    def run(each: App) -> Any:
        gate.wait(10)
        return work(each)

    with ThreadPoolExecutor(TIMES) as threads:
        found = list(threads.map(run, apps))
    for each in apps:
        each.database.close()
    return found


def counted(app: App, table: str, columns: str) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(row.values()) for row in execute(app, f"select {columns} from ledger.{table}"))


@pytest.fixture
def troubled(app: App) -> App:
    """Everything that a sweep finds: bad mailboxes, complaints, a cool-down that ends, a warm-up, doubts, stale sends."""
    make_lane(app, 2525)
    pool = make_pool(app)
    boxes = make_mailboxes(app, 4, warm_up_started_on=(NOW - timedelta(days=2)).date())
    make_mailboxes(app, 1, domain="cool.test")
    app.cool_down_domain("cool.test", reason="spam block", until=NOW, as_of=NOW - timedelta(days=14))
    for box, bounced in zip(boxes, (60, 40, 0, 25), strict=True):
        execute(
            app,
            "insert into ledger.mailbox_health (mailbox_id, day, accepted, hard_bounced, complained) values (%s, %s, 500, %s, 0)",
            box, (NOW - timedelta(days=1)).date(), bounced,
        )  # fmt: skip
    execute(app, "update ledger.mailbox_health set complained = 2 where mailbox_id = %s", boxes[2])
    campaign = make_campaign(app, pool, people(40), steps=2, due_at=NOW - timedelta(hours=2))
    assert len(app.send_ledger.claim("own smtp", worker="dies", now=NOW - timedelta(hours=1), limit=2).sends) == 2
    execute(
        app,
        "insert into ledger.complaints (send_id, campaign_id, mailbox_id, complained_at)"
        " select send_id, campaign_id, %s, %s from ledger.sends order by send_id desc limit 2",
        boxes[2], NOW,
    )  # fmt: skip
    suppress(app, "lead-7@people.test")
    execute(
        app,
        "delete from ledger.due_sends where send_id in (select send_id from ledger.sends order by send_id offset 20 limit 5)",
    )
    execute(
        app, "update ledger.campaigns set planned_at = %s, audience_count = 40 where campaign_id = %s", NOW, campaign
    )
    return app


def test_sweeps_at_once_pause_tell_and_grow_once(troubled: App) -> None:
    app = troubled
    at_once(app, lambda each: each.open_lanes(NOW))
    holds = counted(app, "holds", "subject_kind, subject_id, status, began_at")
    assert len(holds) >= 4
    assert set(holds.values()) == {1}
    assert set(counted(app, "alerts", "dedupe_key").values()) == {1}
    assert set(counted(app, "limit_days", "mailbox_id, kind, day").values()) <= {1}
    stops = counted(app, "audit_log", "action, subject_kind, subject_id, at")
    assert {
        count for (action, *_), count in stops.items() if action.startswith(("mailbox.", "domain.", "campaign."))
    } == {1}
    assert counted(app, "sends", "state")[("ambiguous",)] == 2
    tables = ("warm_ups", "probations", "mailboxes", "sending_domains", "holds", "limit_days")
    before = {table: execute(app, f"select * from ledger.{table} order by 1, 2") for table in tables}
    app.open_lanes(NOW)
    assert before == {table: execute(app, f"select * from ledger.{table} order by 1, 2") for table in tables}


def test_upkeep_at_once_withdraws_and_releases_once(troubled: App) -> None:
    found = at_once(troubled, lambda each: each.plan_campaigns(NOW))
    assert sum(each["suppressed"] for each in found) == 2  # both steps
    assert counted(troubled, "sends", "state, code")[("suppressed", "unsubscribed")] == 2
    assert not sum(each["released"] + each["finished"] for each in found)


def test_hourly_checks_at_once_tell_once_and_queue_what_is_missing(troubled: App) -> None:
    app = troubled
    found = at_once(app, lambda each: each.check_conservation(NOW))
    assert {each.faults for each in found} <= {0, 1}
    alerts = execute(app, "select occurrences, resolved_at from ledger.alerts where kind = 'conservation'")
    assert len(alerts) == 1
    assert app.check_conservation(later(hours=1)).faults == 0
    assert [row["n"] for row in execute(app, "select count(distinct send_id) as n from ledger.due_sends")] == [38]
    assert not [alert for alert in app.open_alerts() if alert.kind == "conservation"]


def test_an_alert_that_closes_and_opens_at_once_is_open_once_or_not_at_all(app: App) -> None:
    make_lane(app, 2525)
    make_pool(app)
    (box,) = make_mailboxes(app, 1)
    execute(
        app,
        "insert into ledger.mailbox_health (mailbox_id, day, accepted, complained) values (%s, %s, 500, 1)",
        box, (NOW - timedelta(days=1)).date(),
    )  # fmt: skip
    app.apply_guardrails(NOW)

    def lift_or_judge(each: App) -> None:
        each.lift_pause(ADMIN, box, reason="read it", as_of=later(minutes=1))
        each.apply_guardrails(later(minutes=1))

    at_once(app, lift_or_judge)
    assert execute(app, "select status from ledger.mailboxes") == [{"status": "active"}]
    assert app.open_alerts() == []
    assert counted(app, "audit_log", "action")[("mailbox.release",)] == 1


def test_who_raises_an_alert_while_it_is_closed_at_the_same_time_opens_no_second(app: App) -> None:
    def again() -> bool:
        return LedgerAlerts(app.database).raise_alert(
            kind="k", severity="warning", subject="s", message="m", dedupe_key="k:1", as_of=NOW
        )

    assert again()
    with ThreadPoolExecutor(1) as thread:
        with app.database.transaction() as connection:
            connection.execute(query("ledger/alerts", "one_at_a_time"))
            closing = {"dedupe_key": "k:1", "as_of": NOW}
            assert connection.execute(query("ledger/alerts", "resolve_alerts_of_key"), closing).fetchall()
            raised = thread.submit(again)
            with pytest.raises(TimeoutError):
                raised.result(0.3)
        assert not raised.result(10)
    assert app.open_alerts() == []

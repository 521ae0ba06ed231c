"""The hourly check: it finds each breach of the law, says it in words, mends what is derived, and closes its own alerts."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.types.json import Jsonb

from leadmill.bootstrap import App
from leadmill.ports.alerts import Alert
from tests.sending_world import NOW, execute, later, make_campaign, make_lane, make_mailboxes, make_pool, people, states


@pytest.fixture
def campaign(app: App) -> int:
    make_lane(app, 1)
    pool = make_pool(app)
    make_mailboxes(app, 2, daily_limit=10)
    campaign_id = make_campaign(app, pool, people(8), steps=2, name="Spring", planned_at=NOW)
    execute(
        app,
        "update ledger.campaigns set audience_count = 9, left_out = %s where campaign_id = %s",
        Jsonb({"suppressed": 1}), campaign_id,
    )  # fmt: skip
    return campaign_id


def past_the_triggers(app: App, statement: str) -> None:
    """As a restore with `--disable-triggers`, or a person with a database client, would."""
    with app.database.transaction() as connection:
        connection.execute("set local session_replication_role = replica")
        connection.execute(statement)


def alerts(app: App) -> list[Alert]:
    return [alert for alert in app.open_alerts() if alert.kind == "conservation"]


def test_a_campaign_in_order_raises_no_alert(app: App, campaign: int) -> None:
    claim = app.send_ledger.claim("own smtp", worker="w", now=NOW, limit=3)
    assert len(claim.sends) == 3
    app.recover_expired_leases(later(hours=1))
    assert states(app)["ambiguous"] == 3
    outcome = app.check_conservation(later(hours=1))
    assert (outcome.campaigns, outcome.faults, outcome.repaired) == (1, 0, 0)
    assert alerts(app) == []


def test_lost_rows_are_told_of_and_the_alert_closes_when_they_are_back(app: App, campaign: int) -> None:
    execute(app, "create table kept as select * from ledger.sends where step = 2 limit 2")
    execute(app, "delete from ledger.sends where send_id in (select send_id from kept)")
    app.check_conservation(later(hours=1))
    app.check_conservation(later(hours=1))
    (alert,) = alerts(app)
    assert alert.severity == "critical"
    assert alert.subject == "campaign “Spring”"
    assert alert.message == (
        "It should have 16 mails and has 14. Pause it, and restore the lost rows from a backup of the ledger."
    )
    execute(app, "insert into ledger.sends overriding system value select * from kept")
    assert app.check_conservation(later(hours=2)).resolved == 1
    assert alerts(app) == []


def test_a_lead_that_is_lost_with_all_its_rows_is_missed_in_the_audience(app: App, campaign: int) -> None:
    execute(app, "delete from ledger.sends where lead_id = (select min(lead_id) from ledger.sends)")
    app.check_conservation(later(hours=1))
    (alert,) = alerts(app)
    assert alert.message.startswith("Its audience held 9 leads, but 8 are accounted for.")


def test_due_mails_that_the_queue_lacks_are_put_back_and_can_be_claimed(app: App, campaign: int) -> None:
    execute(app, "delete from ledger.due_sends")
    assert app.send_ledger.claim("own smtp", worker="w", now=NOW, limit=8).sends == ()
    assert app.check_conservation(later(hours=1)).repaired == 8
    (alert,) = alerts(app)
    assert (alert.severity, alert.message[:43]) == ("warning", "8 due mails were missing from the queue. Th")
    assert len(app.send_ledger.claim("own smtp", worker="w", now=later(hours=1), limit=8).sends) == 8
    assert app.check_conservation(later(hours=2)).resolved == 1


def test_unclear_mails_that_nobody_would_see_are_shown_again(app: App, campaign: int) -> None:
    app.send_ledger.claim("own smtp", worker="w", now=NOW, limit=3)
    app.recover_expired_leases(later(hours=1))
    execute(app, "delete from ledger.doubts")
    assert app.ambiguous_sends() == []
    assert app.check_conservation(later(hours=1)).repaired == 3
    assert len(app.ambiguous_sends()) == 3


def test_claimed_mails_that_no_sweep_would_find_are_told_of(app: App, campaign: int) -> None:
    app.send_ledger.claim("own smtp", worker="w", now=NOW, limit=3)
    execute(app, "delete from ledger.claims")
    app.recover_expired_leases(later(hours=1))
    app.check_conservation(later(hours=1))
    (alert,) = alerts(app)
    assert "3 mails are marked as being sent, but no worker holds them" in alert.message


def test_a_finished_campaign_with_an_open_mail_is_told_of(app: App, campaign: int) -> None:
    execute(app, "update ledger.campaigns set status = 'finished'")
    app.check_conservation(later(hours=1))
    assert "16 mails are still open" in alerts(app)[0].message


def test_books_that_say_less_than_was_given_out_are_told_of(app: App, campaign: int) -> None:
    app.send_ledger.claim("own smtp", worker="w", now=NOW, limit=8)
    execute(
        app,
        "update ledger.mailbox_usage set taken = 1 where mailbox_id = (select min(mailbox_id) from ledger.mailboxes)",
    )
    app.check_conservation(later(hours=1))
    (alert,) = alerts(app)
    assert alert.subject == "box0@brand.test"
    assert alert.message.startswith("On 2026-03-02 its books say 1 mails, but ")


def test_a_check_beside_a_claim_that_is_not_committed_sees_a_whole_ledger(app: App, campaign: int) -> None:
    with psycopg.connect(app.settings.database_url) as other:
        other.execute("delete from ledger.due_sends")
        other.execute("update ledger.sends set state = 'claimed' where step = 1")
        assert app.check_conservation(later(hours=1)).faults == 0
        other.rollback()


def test_the_message_and_subject_name_no_lead(app: App, campaign: int) -> None:
    past_the_triggers(app, "delete from ledger.sends where step = 2")
    app.check_conservation(later(hours=1))
    assert "@people.test" not in alerts(app)[0].message + alerts(app)[0].subject

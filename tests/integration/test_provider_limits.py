"""What SES itself allows an account: read before a lane sends, kept, and obeyed where it stops the account."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadmill.bootstrap import App
from leadmill.domain.access import SYSTEM
from tests.provider_apis import SesApi, running

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture
def ses(app: App, monkeypatch: pytest.MonkeyPatch) -> Iterator[SesApi]:
    monkeypatch.setenv("TEST_SES_SECRET", "AKIATEST:very-secret-key")
    api = SesApi()
    with running(api) as url:
        app.add_provider_account(
            SYSTEM, name="ses-eu", provider="ses", config={"endpoint": url}, secret_ref="env:TEST_SES_SECRET", as_of=NOW
        )
        yield api


def account(app: App, name: str = "ses-eu") -> dict[str, Any]:
    with app.database.transaction() as connection:
        row = connection.execute("select * from ledger.provider_accounts where name = %s", (name,)).fetchone()
    assert row is not None
    return row


def open_alerts(app: App) -> set[str]:
    with app.database.transaction() as connection:
        rows = connection.execute("select dedupe_key from ledger.alerts where resolved_at is null")
        return {row["dedupe_key"] for row in rows}


def with_account(api: SesApi, **changes: object) -> None:
    api.account = SesApi.account | changes  # type: ignore[misc]


def test_what_ses_allows_is_kept_with_the_account(app: App, ses: SesApi) -> None:
    assert app.read_provider_limits(["ses-eu"], NOW) == 1
    found = account(app)
    assert (found["provider_daily_limit"], found["provider_max_per_second"]) == (50_000, 14)
    assert (found["provider_sent_24h"], found["provider_status"]) == (1_200, "HEALTHY")
    assert found["provider_limits_read_at"] == NOW
    assert (found["status"], open_alerts(app)) == ("active", set())


def test_it_is_asked_again_only_after_ten_minutes(app: App, ses: SesApi) -> None:
    for minutes in (0, 1, 9, 11):
        app.read_provider_limits(["ses-eu"], NOW + timedelta(minutes=minutes))
    assert [request.path for request in ses.requests] == ["/v2/email/account"] * 2


def test_no_quota_of_sess_means_no_limit(app: App, ses: SesApi) -> None:
    with_account(ses, SendQuota={"Max24HourSend": -1.0, "MaxSendRate": 500.0, "SentLast24Hours": 0.0})
    app.read_provider_limits(["ses-eu"], NOW)
    assert account(app)["provider_daily_limit"] is None


def test_an_account_under_review_pauses_its_lane_and_people_are_told_what_to_do(app: App, ses: SesApi) -> None:
    with_account(ses, EnforcementStatus="PROBATION")
    app.read_provider_limits(["ses-eu"], NOW)
    found = account(app)
    assert (found["status"], found["provider_status"]) == ("paused", "PROBATION")
    assert found["status_reason"] == "the provider has this account under review: PROBATION"
    (hold,) = app.holds(NOW)
    assert (hold.subject_kind, hold.cause, hold.evidence["provider_status"]) == ("account", "provider", "PROBATION")
    (alert,) = app.open_alerts()
    assert (alert.kind, alert.severity) == ("account_paused", "critical")
    assert "find their cause" in alert.message
    assert "Lift the pause" in alert.message


def test_a_lane_released_under_a_review_sends_on_until_the_next_review(app: App, ses: SesApi) -> None:
    with_account(ses, EnforcementStatus="PROBATION")
    app.read_provider_limits(["ses-eu"], NOW)
    app.lift_account_pause(SYSTEM, "ses-eu", reason="answered AWS, volume is halved", as_of=NOW)
    for minutes in (11, 22):  # the same review lasts
        app.read_provider_limits(["ses-eu"], NOW + timedelta(minutes=minutes))
        assert (account(app)["status"], open_alerts(app)) == ("active", {"provider_review:ses-eu"})
    with app.database.transaction() as connection:
        (line,) = connection.execute("select reason from ledger.audit_log where action = 'account.release'").fetchall()
    assert line["reason"] == "answered AWS, volume is halved"
    with_account(ses)
    app.read_provider_limits(["ses-eu"], NOW + timedelta(minutes=33))
    assert (account(app)["status"], open_alerts(app)) == ("active", set())
    with_account(ses, EnforcementStatus="PROBATION")
    app.read_provider_limits(["ses-eu"], NOW + timedelta(minutes=44))
    assert (account(app)["status"], open_alerts(app)) == ("paused", {"account_stopped:ses-eu"})


@pytest.mark.parametrize("changes", [{"EnforcementStatus": "SHUTDOWN"}, {"SendingEnabled": False}])
def test_a_release_under_a_review_does_not_cover_what_comes_after_it(
    app: App, ses: SesApi, changes: dict[str, object]
) -> None:
    with_account(ses, EnforcementStatus="PROBATION")
    app.read_provider_limits(["ses-eu"], NOW)
    app.lift_account_pause(SYSTEM, "ses-eu", reason="answered AWS", as_of=NOW)
    with_account(ses, **({"EnforcementStatus": "PROBATION"} | changes))
    app.read_provider_limits(["ses-eu"], NOW + timedelta(minutes=11))
    assert (account(app)["status"], open_alerts(app)) == ("paused", {"account_stopped:ses-eu"})


def test_a_review_that_was_known_before_its_lane_was_ever_stopped_stops_it(app: App, ses: SesApi) -> None:
    with app.database.transaction() as connection:  # as an installation of before left it: told, not stopped
        connection.execute("update ledger.provider_accounts set provider_status = 'PROBATION'")
    with_account(ses, EnforcementStatus="PROBATION")
    app.read_provider_limits(["ses-eu"], NOW)
    assert account(app)["status"] == "paused"


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"EnforcementStatus": "SHUTDOWN", "SendingEnabled": False}, "SHUTDOWN"), ({"SendingEnabled": False}, "SENDING_DISABLED")],
)  # fmt: skip
def test_a_stopped_account_pauses_its_lane_with_evidence_and_a_person_lifts_it(
    app: App, ses: SesApi, changes: dict[str, object], word: str
) -> None:
    with_account(ses, **changes)
    app.read_provider_limits(["ses-eu"], NOW)
    found = account(app)
    assert found["status"] == "paused"
    assert word in found["status_reason"]
    assert open_alerts(app) == {"account_stopped:ses-eu"}
    with app.database.transaction() as connection:
        (line,) = connection.execute("select details from ledger.audit_log where action = 'account.pause'").fetchall()
    assert line["details"]["provider_status"] == word
    with_account(ses)
    app.lift_account_pause(SYSTEM, "ses-eu", reason="cleared up with AWS", as_of=NOW)
    app.read_provider_limits(["ses-eu"], NOW + timedelta(minutes=11))
    assert (account(app)["status"], open_alerts(app)) == ("active", set())


@pytest.mark.parametrize("changes", [{"SendingEnabled": False}, {"EnforcementStatus": "PROBATION"}])
def test_a_lane_whose_account_ses_stopped_or_reviews_claims_nothing(
    app: App, ses: SesApi, changes: dict[str, object]
) -> None:
    app.set_organisation(SYSTEM, "Acme", "Main Street 1", NOW)
    with_account(ses, **changes)
    counts = app.send_lane("ses-eu", NOW, time_budget_seconds=1)
    assert not counts.get("claimed")
    assert account(app)["status"] == "paused"


def test_a_key_that_may_not_ask_does_not_stop_the_lane(app: App, ses: SesApi) -> None:
    app.read_provider_limits(["ses-eu"], NOW)
    ses.trouble = "credentials"
    assert app.read_provider_limits(["ses-eu"], NOW + timedelta(minutes=11)) == 0
    found = account(app)
    assert (found["status"], found["provider_daily_limit"]) == ("active", 50_000)
    assert open_alerts(app) == {"provider_limits_unread:ses-eu"}
    ses.trouble = ""
    app.read_provider_limits(["ses-eu"], NOW + timedelta(minutes=22))
    assert open_alerts(app) == set()


def test_providers_without_such_a_question_are_not_asked(app: App) -> None:
    app.add_provider_account(SYSTEM, name="own", provider="smtp", config={"host": "127.0.0.1"}, as_of=NOW)
    assert app.read_provider_limits(["own", "no such lane"], NOW) == 0
    assert account(app, "own")["provider_limits_read_at"] is None


@pytest.mark.parametrize("provider", ["mailgun", "postmark"])
def test_an_account_of_each_new_provider_can_be_set_up(app: App, provider: str) -> None:
    app.add_provider_account(SYSTEM, name="x", provider=provider, secret_ref="env:API_KEY_NAME", as_of=NOW)
    assert account(app, "x")["provider"] == provider


def test_an_account_that_changes_its_provider_forgets_what_the_old_one_allowed(app: App, ses: SesApi) -> None:
    with_account(ses, SendQuota={"Max24HourSend": 200.0, "MaxSendRate": 1.0, "SentLast24Hours": 150.0})
    app.read_provider_limits(["ses-eu"], NOW)
    assert account(app)["provider_daily_limit"] == 200
    app.add_provider_account(SYSTEM, name="ses-eu", provider="smtp", config={"host": "127.0.0.1"}, as_of=NOW)
    found = account(app)
    known = ("provider_daily_limit", "provider_max_per_second", "provider_sent_24h", "provider_limits_read_at")
    assert [found[name] for name in known] == [None] * 4
    assert (found["provider_status"], found["others_sent_24h"]) == ("", 0)


def test_an_account_whose_region_changes_is_asked_anew_and_keeps_its_limits_until_then(app: App, ses: SesApi) -> None:
    app.read_provider_limits(["ses-eu"], NOW)
    config = account(app)["config"]
    setup = {"name": "ses-eu", "provider": "ses", "secret_ref": "env:TEST_SES_SECRET"}
    app.add_provider_account(SYSTEM, **setup, config=config, as_of=NOW)
    assert account(app)["provider_limits_read_at"] == NOW
    app.add_provider_account(SYSTEM, **setup, config={**config, "region": "eu-west-1"}, as_of=NOW)
    found = account(app)
    assert (found["provider_limits_read_at"], found["provider_daily_limit"]) == (None, 50_000)
    assert app.read_provider_limits(["ses-eu"], NOW) == 1

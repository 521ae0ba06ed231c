"""Setting up, pausing and judging what sends; and the answer to "why is nothing being sent?"."""

from __future__ import annotations

from datetime import timedelta

import pytest

from leadmill.adapters.esp.secret_refs import resolve_secret
from leadmill.bootstrap import App
from leadmill.errors import ConfigInvalid, Conflict, InputInvalid, NotAllowed, NotFound
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
)


@pytest.fixture
def pool(app: App) -> int:
    make_lane(app, 2525)
    return make_pool(app)


def health(app: App, mailbox_id: int, *, days_ago: int = 1, **counts: int) -> None:
    names, values = ", ".join(counts), list(counts.values())
    execute(
        app,
        f"insert into ledger.mailbox_health (mailbox_id, day, {names}) values (%s, %s{', %s' * len(values)})"
        f" on conflict (mailbox_id, day) do update set {', '.join(f'{n} = excluded.{n}' for n in counts)}",
        mailbox_id, (NOW - timedelta(days=days_ago)).date(), *values,
    )  # fmt: skip


def status(app: App, mailbox_id: int) -> str:
    return execute(app, "select status from ledger.mailboxes where mailbox_id = %s", mailbox_id)[0]["status"]


def test_set_up_is_idempotent_by_name_and_audited(app: App, pool: int) -> None:
    first = make_mailboxes(app, 2)
    assert make_mailboxes(app, 2, daily_limit=20) == first
    assert make_lane(app, 2526) == "own smtp"
    assert [state.day_limit for state in app.mailboxes(NOW)] == [20, 20]
    actions = {row["action"] for row in execute(app, "select distinct action from ledger.audit_log")}
    assert {"account.add", "account.update", "domain.add", "domain.update", "mailbox.add", "mailbox.update"} <= actions


def test_adding_again_neither_lifts_a_pause_nor_restarts_a_warm_up(app: App, pool: int) -> None:
    (mailbox,) = make_mailboxes(app, 1, warm_up_started_on=NOW.date())
    app.pause_mailbox(ANALYST, mailbox, reason="odd", as_of=NOW)
    make_mailboxes(app, 1, warm_up_started_on=later(days=9).date())
    row = execute(app, "select status, warm_up_started_on from ledger.mailboxes")[0]
    assert (row["status"], row["warm_up_started_on"]) == ("paused", NOW.date())


@pytest.mark.parametrize("actor", [ANALYST, VIEWER], ids=["analyst", "viewer"])
def test_only_an_admin_sets_up_senders_and_lifts_pauses(app: App, pool: int, actor: object) -> None:
    (mailbox,) = make_mailboxes(app, 1)
    with pytest.raises(NotAllowed):
        app.add_provider_account(actor, name="x", provider="smtp", as_of=NOW)
    with pytest.raises(NotAllowed):
        app.add_sending_domain(actor, name="x.test", as_of=NOW)
    with pytest.raises(NotAllowed):
        app.add_mailbox(actor, address="a@brand.test", account="own smtp", pool="pool", as_of=NOW)
    with pytest.raises(NotAllowed):
        app.lift_pause(actor, mailbox, reason="please", as_of=NOW)


@pytest.mark.parametrize(
    "values",
    [
        {"address": "Ann@brand.test"},
        {"address": "ann@brand.test\r\nBcc"},
        {"time_zone": "Mars/Olympus"},
        {"daily_limit": -1},
        {"hourly_limit": -1},
    ],
)
def test_a_mailbox_that_makes_no_sense_is_not_taken(app: App, pool: int, values: dict) -> None:
    app.add_sending_domain(ADMIN, name="brand.test", as_of=NOW)
    with pytest.raises((InputInvalid, NotFound)):
        app.add_mailbox(
            ADMIN, **({"address": "ann@brand.test", "account": "own smtp", "pool": "pool", "as_of": NOW} | values)
        )


def test_a_secret_in_the_configuration_is_refused(app: App) -> None:
    with pytest.raises(InputInvalid, match="secret_ref"):
        app.add_provider_account(ADMIN, name="x", provider="sendgrid", config={"api_key": "SG.x"}, as_of=NOW)


@pytest.mark.parametrize(
    "name",
    ["LEADMILL_SECRET_KEY", "AIRFLOW__CORE__FERNET_KEY", "AWS_SECRET_ACCESS_KEY", "POSTGRES_PASSWORD", "PGPASSWORD"],
)
def test_a_secret_of_the_system_itself_is_never_a_mail_secret(
    app: App, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "the system's own")
    for secret_ref in (name, f"env:{name}"):
        with pytest.raises(InputInvalid, match="secret_ref"):
            app.add_provider_account(ADMIN, name="x", provider="smtp", secret_ref=secret_ref, as_of=NOW)
        with pytest.raises(ConfigInvalid, match="secret_ref"):
            resolve_secret(secret_ref)


def test_a_pool_beyond_a_providers_policy_takes_its_mailboxes_only_with_a_reason(app: App, pool: int) -> None:
    app.add_provider_account(ADMIN, name="aws", provider="ses", as_of=NOW)
    app.add_sending_domain(ADMIN, name="brand.test", as_of=NOW)
    execute(app, "update ledger.pools set accepts_legal_bases = '{consent,legitimate_interest}'")
    mailbox = {"address": "ann@brand.test", "account": "aws", "pool": "pool", "as_of": NOW}
    with pytest.raises(Conflict, match="legitimate_interest"):
        app.add_mailbox(ADMIN, **mailbox)
    execute(app, "update ledger.pools set override_reason = 'agreed with AWS'")
    assert app.add_mailbox(ADMIN, **mailbox)


def test_a_pause_needs_a_reason_and_a_mailbox(app: App, pool: int) -> None:
    (mailbox,) = make_mailboxes(app, 1)
    with pytest.raises(InputInvalid):
        app.pause_mailbox(ANALYST, mailbox, reason="  ", as_of=NOW)
    with pytest.raises(NotFound):
        app.pause_mailbox(ANALYST, 999_999, reason="odd", as_of=NOW)
    assert app.pause_mailbox(ANALYST, mailbox, reason="odd", as_of=NOW)
    assert not app.pause_mailbox(ANALYST, mailbox, reason="odd", as_of=NOW)


def test_bounces_above_five_percent_pause_the_mailbox_once_with_its_evidence(app: App, pool: int) -> None:
    bad, good = make_mailboxes(app, 2)
    health(app, bad, accepted=200, hard_bounced=12)
    health(app, good, accepted=200, hard_bounced=3)
    assert app.apply_guardrails(NOW)["paused"] == 1
    assert set(app.apply_guardrails(NOW).values()) == {0}
    assert (status(app, bad), status(app, good)) == ("paused", "active")
    row = execute(app, "select status_evidence from ledger.mailboxes where mailbox_id = %s", bad)[0]
    assert row["status_evidence"]["evidence"]["bounce_rate"] == 0.06
    assert [(alert.kind, alert.occurrences) for alert in app.open_alerts()] == [
        ("domain_paused", 1), ("mailbox_paused", 1)  # half of its two mailboxes
    ]  # fmt: skip


def test_addresses_refused_while_sending_count_as_bounces(app: App, pool: int) -> None:
    (mailbox,) = make_mailboxes(app, 1)
    health(app, mailbox, accepted=100)
    execute(app, "insert into ledger.mailbox_usage (mailbox_id, day, taken, refused, refused_address) values (%s, %s, 110, 10, 10)",
            mailbox, (NOW - timedelta(days=1)).date())  # fmt: skip
    assert app.apply_guardrails(NOW)["paused"] == 1


def test_old_bounces_are_forgotten(app: App, pool: int) -> None:
    (mailbox,) = make_mailboxes(app, 1)
    health(app, mailbox, days_ago=30, accepted=200, hard_bounced=50)
    assert app.apply_guardrails(NOW)["paused"] == 0


def test_bounces_above_three_percent_warn_once(app: App, pool: int) -> None:
    (mailbox,) = make_mailboxes(app, 1)
    health(app, mailbox, accepted=200, hard_bounced=8)
    assert app.apply_guardrails(NOW)["warned"] == 1
    assert app.apply_guardrails(later(minutes=1))["warned"] == 0
    assert status(app, mailbox) == "active"


def test_a_complaint_pauses_the_mailbox_and_asks_for_a_content_review(app: App, pool: int) -> None:
    (mailbox,) = make_mailboxes(app, 1)
    health(app, mailbox, accepted=30, complained=1)
    assert app.apply_guardrails(NOW)["paused"] == 1
    assert [alert.kind for alert in app.open_alerts()] == ["content_review"]


def test_a_lifted_mailbox_is_not_paused_by_what_was_known_but_by_what_is_new(app: App, pool: int) -> None:
    (mailbox,) = make_mailboxes(app, 1)
    health(app, mailbox, accepted=200, hard_bounced=12, complained=1)
    app.apply_guardrails(NOW)
    assert app.lift_pause(ADMIN, mailbox, reason="list cleaned", as_of=later(hours=1))
    assert not app.open_alerts()
    assert app.apply_guardrails(later(hours=2))["paused"] == 0
    health(app, mailbox, accepted=200, hard_bounced=12, complained=2)  # a late complaint about the old mails
    assert app.apply_guardrails(later(hours=3))["paused"] == 1


def test_three_blocks_cool_the_domain_down_once_and_a_release_holds(app: App, pool: int) -> None:
    first, second = make_mailboxes(app, 2)
    health(app, first, accepted=20, blocked=2)
    health(app, second, accepted=20, blocked=1)
    assert app.apply_guardrails(NOW)["cooled_down"] == 1
    until = execute(app, "select cool_down_until from ledger.sending_domains")[0]["cool_down_until"]
    assert until == later(days=14)
    assert app.apply_guardrails(later(days=1))["cooled_down"] == 0
    assert execute(app, "select cool_down_until from ledger.sending_domains")[0]["cool_down_until"] == until
    app.lift_domain_pause(ADMIN, "brand.test", reason="delisted", as_of=later(days=1))
    assert app.apply_guardrails(later(days=1, hours=1))["cooled_down"] == 0


def test_a_persons_pause_is_no_cool_down_and_does_not_end_by_itself(app: App, pool: int) -> None:
    make_mailboxes(app, 1)
    app.pause_domain(ANALYST, "brand.test", reason="legal", as_of=NOW)
    assert app.cool_down_domain("brand.test", reason="listed", until=later(days=14), as_of=NOW)  # beneath the pause
    app.open_lanes(later(days=60))
    assert execute(app, "select status from ledger.sending_domains")[0]["status"] == "paused"


def reasons(app: App, campaign: int, as_of=NOW) -> dict[str, str]:
    return {f"{each.subject}": each.reason for each in app.explain_waiting(campaign, as_of)}


def test_why_names_the_limit_of_each_mailbox_and_when_it_relaxes(app: App, pool: int) -> None:
    first, second = make_mailboxes(app, 2, daily_limit=5, time_zone="Asia/Kolkata")
    campaign = make_campaign(app, pool, people(30))
    app.send_ledger.claim("own smtp", worker="w", now=NOW, limit=50)
    app.pause_mailbox(ANALYST, second, reason="odd", as_of=NOW)
    found = {each.subject: each for each in app.explain_waiting(campaign, NOW)}
    assert found["box0@brand.test"].reason == "mailbox_day"
    assert found["box0@brand.test"].relaxes_at == NOW.replace(hour=18, minute=30)
    assert found["box1@brand.test"].reason == "mailbox_paused"
    assert "odd" in found["box1@brand.test"].sentence
    assert [(each.reason, each.count) for each in app.explain_waiting(campaign, NOW) if each.subject == "sends"] == [
        ("due", 20), ("claimed", 10)
    ]  # fmt: skip
    assert first


def test_why_tells_a_paused_campaign_a_future_window_and_a_waiting_step_apart(app: App, pool: int) -> None:
    make_mailboxes(app, 1)
    paused = make_campaign(app, pool, people(1), status="paused")
    assert reasons(app, paused)["campaign"] == "paused"
    future = make_campaign(app, pool, people(2), steps=2, due_at=later(hours=5))
    found = {each.reason: each for each in app.explain_waiting(future, NOW)}
    assert found["not_due"].relaxes_at == later(hours=5)
    assert found["step_before"].count == 2
    missed = make_campaign(app, pool, people(1), due_at=later(hours=-5))
    execute(app, "update ledger.sends set window_ends_at = %s where campaign_id = %s", later(hours=-4), missed)
    assert reasons(app, missed) == {"sends": "window_passed"}


def test_why_says_when_a_pool_has_no_mailbox(app: App, pool: int) -> None:
    assert reasons(app, make_campaign(app, pool, people(1)))["campaign"] == "no_mailbox"
    with pytest.raises(NotFound):
        app.explain_waiting(999_999, NOW)


def test_settling_needs_a_reason_an_analyst_and_a_doubt(app: App, pool: int) -> None:
    make_mailboxes(app, 1)
    make_campaign(app, pool, people(1))
    send_id = app.send_ledger.claim("own smtp", worker="w", now=NOW, limit=1).sends[0].send_id
    with pytest.raises(Conflict):
        app.settle_ambiguous(ANALYST, send_id, "sent", reason="log", as_of=NOW)
    with pytest.raises(InputInvalid):
        app.settle_ambiguous(ANALYST, send_id, "sent", reason="", as_of=NOW)
    with pytest.raises(NotAllowed):
        app.settle_ambiguous(VIEWER, send_id, "sent", reason="log", as_of=NOW)
    with pytest.raises(NotFound):
        app.settle_ambiguous(ANALYST, 999_999, "lost", reason="log", as_of=NOW)

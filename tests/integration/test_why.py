"""`leadmill why`: every reason for which mails wait is named in a sentence, with its end where it has one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from leadmill import bootstrap, cli
from leadmill.bootstrap import App
from leadmill.domain.dispatch import LEASE, Outcome, SendResult
from leadmill.ports.waiting import Constraint
from tests.sending_world import (
    ADMIN,
    ANALYST,
    NOW,
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
    make_lane(app, 1)
    return make_pool(app)


def why(app: App, campaign: int, as_of: datetime = NOW) -> dict[str, Constraint]:
    return {each.reason: each for each in app.explain_waiting(campaign, as_of)}


def box(app: App, campaign: int, as_of: datetime = NOW) -> Constraint:
    return next(each for each in app.explain_waiting(campaign, as_of) if each.subject == "box0@brand.test")


def accept(app: App, as_of: datetime, count: int = 50) -> None:
    claim = app.send_ledger.claim("own smtp", worker=str(as_of), now=as_of, limit=count)
    results = [SendResult(send.send_id, Outcome.ACCEPTED, provider_message_id="x") for send in claim.sends]
    app.send_ledger.record(str(as_of), results, now=as_of)


def test_a_campaign_that_has_not_begun_says_when_it_does(app: App, pool: int) -> None:
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(3), starts_at=later(days=2))
    found = why(app, campaign)
    assert found["not_started"].relaxes_at == later(days=2)
    assert "next_dispatch" not in found


def test_mails_outside_their_window_say_when_it_opens(app: App, pool: int) -> None:
    make_mailboxes(app, 1)
    found = why(app, make_campaign(app, pool, people(2), due_at=later(hours=9)))
    assert found["not_due"].sentence == "2 mails wait for the time or window of their lead."
    assert found["not_due"].relaxes_at == later(hours=9)


def test_follow_ups_say_whether_they_wait_for_the_mail_before_or_for_its_days(app: App, pool: int) -> None:
    make_mailboxes(app, 1, daily_limit=2)
    campaign = make_campaign(app, pool, people(5), steps=2)
    accept(app, NOW)
    found = why(app, campaign, later(hours=1))
    assert (found["step_delay"].count, found["step_delay"].relaxes_at) == (2, later(days=3))
    assert found["step_before"].sentence == "3 follow-ups wait for the step before."


def test_a_mailbox_at_its_limit_says_which_and_until_when(app: App, pool: int) -> None:
    make_mailboxes(app, 1, daily_limit=2, time_zone="Asia/Kolkata")
    campaign = make_campaign(app, pool, people(5))
    accept(app, NOW)
    said = box(app, campaign, later(minutes=1))
    assert said.sentence == "sends nothing now: its daily limit of 2, 2 taken."
    assert said.relaxes_at == datetime(2026, 3, 2, 18, 30, tzinfo=UTC)


def test_a_free_mailbox_says_that_the_dispatch_comes(app: App, pool: int) -> None:
    make_mailboxes(app, 1)
    found = why(app, make_campaign(app, pool, people(1)))
    assert found["due"].sentence == "1 mail is due now."
    assert found["next_dispatch"].sentence.startswith("1 mailbox is free: the next dispatch takes what fits")


def test_a_pause_by_a_guardrail_names_what_was_measured(app: App, pool: int) -> None:
    make_mailboxes(app, 1, daily_limit=300)
    campaign = make_campaign(app, pool, people(150))
    accept(app, NOW, 100)
    execute(
        app,
        "update ledger.sends set state = 'bounced', bounce_kind = 'hard' where mod(send_id, 5) = 0 and state = 'accepted'",
    )
    execute(
        app,
        "insert into ledger.mailbox_health (mailbox_id, day, accepted, delivered, hard_bounced)"
        " select mailbox_id, %s, 100, 80, 20 from ledger.mailboxes",
        NOW.date(),
    )
    assert app.apply_guardrails(later(hours=1))["paused"] == 1
    said = box(app, campaign, later(hours=1))
    assert said.reason == "mailbox_paused"
    assert "of 100 mails bounced" in said.sentence
    assert said.relaxes_at is None


def test_people_pauses_name_their_reason_on_every_level(app: App, pool: int) -> None:
    (mailbox,) = make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(1))
    app.pause_mailbox(ANALYST, mailbox, reason="password changes", as_of=NOW)
    assert "password changes" in box(app, campaign).sentence
    app.pause_domain(ANALYST, "brand.test", reason="legal asks", as_of=NOW)
    assert "its sending domain is paused (legal asks" in box(app, campaign).sentence
    app.pause_account(ANALYST, "own smtp", reason="contract ends", as_of=NOW)
    assert "its provider account own smtp is paused" in box(app, campaign).sentence
    app.pause_campaign(ANALYST, campaign, NOW, "wrong offer")
    assert "The campaign is paused; resume it (wrong offer)." in why(app, campaign)["paused"].sentence
    app.lift_account_pause(ADMIN, "own smtp", reason="renewed", as_of=NOW)


def test_withdrawn_mails_are_counted(app: App, pool: int) -> None:
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(3))
    app.suppress_person(ANALYST, email="lead-0@people.test", reason="asked", as_of=NOW)
    found = why(app, campaign)
    assert found["suppressed"].count == 1
    assert found["due"].count == 2


def test_doubts_say_where_they_are_settled_and_when_they_count_as_lost(app: App, pool: int) -> None:
    make_mailboxes(app, 1, daily_limit=4)
    campaign = make_campaign(app, pool, people(4))
    app.send_ledger.claim("own smtp", worker="w", now=NOW, limit=4)
    assert why(app, campaign, later(minutes=1))["claimed"].sentence == "4 mails are in a worker's hands."
    after = NOW + LEASE + timedelta(minutes=1)
    assert "A worker died" in why(app, campaign, after)["claimed"].sentence
    app.recover_expired_leases(after)
    found = why(app, campaign, after)
    assert "4 mails may or may not have gone out" in found["ambiguous"].sentence
    assert "Unclear mails" in found["ambiguous"].sentence
    assert found["ambiguous"].relaxes_at == after + timedelta(days=14)


def test_a_finished_campaign_says_so_and_one_with_a_doubt_does_not_finish(app: App, pool: int) -> None:
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(2), steps=2, planned_at=NOW)
    claim = app.send_ledger.claim("own smtp", worker="w", now=NOW, limit=2)
    app.send_ledger.record(
        "w",
        [SendResult(claim.sends[0].send_id, Outcome.ACCEPTED), SendResult(claim.sends[1].send_id, Outcome.AMBIGUOUS)],
        now=NOW,
    )
    status = "select status from ledger.campaigns where campaign_id = %s"
    app.plan_campaigns(later(hours=1))
    assert execute(app, status, campaign)[0]["status"] == "running", "a follow-up waits, and a doubt"
    accept(app, later(days=4))
    app.plan_campaigns(later(days=4, hours=1))
    assert execute(app, status, campaign)[0]["status"] == "running", "one is ambiguous, its follow-up waits"
    app.settle_ambiguous(ANALYST, claim.sends[1].send_id, "lost", reason="not in the log", as_of=later(days=5))
    app.plan_campaigns(later(days=5))
    assert execute(app, status, campaign)[0]["status"] == "finished"
    assert why(app, campaign, later(days=5))["finished"].sentence == "The campaign is finished: nothing of it is open."


def test_the_command_prints_each_reason_with_its_end(app: App, pool: int, monkeypatch: pytest.MonkeyPatch) -> None:
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(2), due_at=datetime(2099, 1, 1, 9, tzinfo=UTC))
    monkeypatch.setattr(bootstrap, "app", lambda: app)
    result = CliRunner().invoke(cli.main, ["why", str(campaign)])
    assert result.exit_code == 0
    assert result.output == "mails: 2 mails wait for the time or window of their lead. Until 2099-01-01 09:00 UTC.\n"


@pytest.mark.parametrize("account", ["own smtp", "other"])
def test_follow_ups_of_a_mailbox_that_was_moved_to_another_pool_go_out_by_its_lane_or_say_that_they_wait(
    app: App, pool: int, account: str
) -> None:
    make_lane(app, 2, name="other")
    make_pool(app, "newsletter")
    make_mailboxes(app, 2)
    campaign = make_campaign(app, pool, people(4), steps=2)
    accept(app, NOW)
    app.add_mailbox(ADMIN, address="box0@brand.test", account=account, pool="newsletter", as_of=NOW)
    accept(app, later(days=4))
    found = why(app, campaign, later(days=4))
    if account == "own smtp":
        assert "moved_away" not in found
        assert "due" not in found
    else:
        assert found["moved_away"].subject == "box0@brand.test"
        assert found["moved_away"].sentence.startswith("2 follow-ups have to go from here, since the thread began here")
        assert "next_dispatch" not in found


def test_a_free_mailbox_promises_nothing_to_follow_ups_that_wait_for_another(app: App, pool: int) -> None:
    box0, _ = make_mailboxes(app, 2)
    campaign = make_campaign(app, pool, people(4), steps=2)
    accept(app, NOW)
    app.pause_mailbox(ANALYST, box0, reason="holiday", as_of=NOW)
    accept(app, later(days=4))
    found = why(app, campaign, later(days=4))
    assert found["due"].count == 2
    assert "next_dispatch" not in found
    assert box(app, campaign, later(days=4)).sentence.endswith("2 follow-ups have to go from here.")

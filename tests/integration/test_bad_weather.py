"""A server that says "later" to everything costs nobody an attempt, is not hammered, is told of, and given up after days."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from leadmill.adapters.ledger.weather import LedgerWeather
from leadmill.bootstrap import App
from leadmill.domain.mailboxes import Binding
from leadmill.domain.weather import GIVE_UP_AFTER, GIVEN_UP_CODE
from leadmill.ports.weather import Refused
from tests.scripted_smtp import HangUp, Said, ScriptedSmtp, scripted
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
    sends,
    states,
)

Answer = Callable[[Said], bytes | None]


def put_off(stage: str, reply: bytes) -> Answer:
    """Says `reply` to everything at one stage."""

    def answer(said: Said) -> bytes | None:
        if said.verb == stage:
            return reply
        behind = {"MAIL": {"RCPT", "DATA"}, "RCPT": {"DATA"}}.get(stage, set())
        return b"503 5.5.1 out of order\r\n" if said.verb in behind else None

    return answer


def run(app: App, lane: str, start: datetime, hours: float, *, minutes: int = 10) -> datetime:
    """Dispatch for so long; returns the time after."""
    now = start
    while now < start + timedelta(hours=hours):
        app.send_lane(lane, now, time_budget_seconds=5)
        now += timedelta(minutes=minutes)
    return now


@pytest.mark.parametrize(
    ("stage", "reply"),
    [
        ("MAIL", b"452 4.3.1 Insufficient system storage\r\n"),
        ("MAIL", b"451 4.7.1 Service unavailable - try again later\r\n"),
        ("MAIL", b"450 4.1.8 Sender address rejected: Domain not found\r\n"),
        ("RCPT", b"452 4.3.1 Insufficient system storage\r\n"),
        ("RCPT", b"451 4.7.1 Try again later\r\n"),
        ("DATA", b"451 4.3.0 Temporary lookup failure\r\n"),
        ("DOT", b"451 4.3.0 Error: queue file write error\r\n"),
        ("EHLO", b"421 4.3.2 Service shutting down\r\n"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.decode().partition(" ")[2][:8].strip(),
)
def test_seven_bad_hours_lose_nobody_are_told_of_and_end_by_themselves(app: App, stage: str, reply: bytes) -> None:
    bad, good = put_off(stage, reply), ScriptedSmtp().answer
    server = ScriptedSmtp(answer=bad)
    with scripted(server) as port:
        lane, pool = make_lane(app, port), make_pool(app)
        make_mailboxes(app, 1, daily_limit=500)
        campaign = make_campaign(app, pool, people(20), steps=2)
        now = run(app, lane, NOW, 7, minutes=15)
        assert states(app, campaign) == {"planned": 40}
        assert [alert.kind for alert in app.open_alerts()] == ["provider_unavailable"]
        assert max(row["attempts"] for row in sends(app, campaign)) <= 2, "greylisting was to be ruled out"
        server.answer = good
        for _ in range(3):
            now += timedelta(hours=2)
            app.send_lane(lane, now, time_budget_seconds=5)
    assert len(server.copies) == 20
    assert set(server.copies.values()) == {1}
    assert not app.open_alerts()
    assert not execute(app, "select from ledger.mailboxes where put_off_since is not null or refused_in_a_row > 0")


def test_one_mail_tries_and_the_waits_grow_to_an_hour(app: App) -> None:
    server = ScriptedSmtp(answer=put_off("MAIL", b"452 4.3.1 Insufficient system storage\r\n"))
    with scripted(server) as port:
        lane, pool = make_lane(app, port), make_pool(app)
        make_mailboxes(app, 1, daily_limit=500)
        campaign = make_campaign(app, pool, people(60))
        waits, now = [], NOW
        for _ in range(6):
            tried = server.counts["MAIL"]
            app.send_lane(lane, now, time_budget_seconds=3)
            assert server.counts["MAIL"] <= tried + 2, "one mail, and perhaps the one that a pipeline had opened"
            (mailbox,) = app.mailboxes(now)
            assert mailbox.mailbox.put_off is not None
            waits.append(round((mailbox.mailbox.put_off.until - now) / timedelta(minutes=1)))
            now = mailbox.mailbox.put_off.until + timedelta(seconds=1)
    assert waits == [1, 5, 15, 60, 60, 60]
    assert states(app, campaign) == {"planned": 60}
    assert {row["attempts"] for row in sends(app, campaign)} == {0}
    why = next(each for each in app.explain_waiting(campaign, now - timedelta(seconds=30)) if each.reason == "put_off")
    assert "since 08:00" in why.sentence
    assert "452 4.3.1" in why.sentence
    assert why.relaxes_at is not None


def test_greylisting_of_every_recipient_holds_nobody_back(app: App) -> None:
    seen: set[str] = set()

    def answer(said: Said) -> bytes | None:
        if said.verb == "RCPT" and said.recipient not in seen:
            seen.add(said.recipient)
            return b"451 4.7.1 Please come back in five minutes\r\n"
        return b"503 5.5.1 no recipient\r\n" if said.verb == "DATA" and said.nth <= 20 else None

    server = ScriptedSmtp(answer=answer, pipelining=False)
    with scripted(server) as port:
        lane, pool = make_lane(app, port), make_pool(app)
        make_mailboxes(app, 1, daily_limit=500)
        campaign = make_campaign(app, pool, [f"jo@firm{n}.test" for n in range(20)])
        server.answer = lambda said: None if said.verb == "DATA" else answer(said)
        app.send_lane(lane, NOW, time_budget_seconds=5)
        assert {row["attempts"] for row in sends(app, campaign)} == {1}
        assert not app.open_alerts()
        app.send_lane(lane, later(minutes=7), time_budget_seconds=5)
    assert states(app, campaign) == {"accepted": 20}


def test_full_mailboxes_are_no_word_about_the_server_and_are_refused_after_days(app: App) -> None:
    server = ScriptedSmtp(answer=put_off("RCPT", b"452 4.2.2 The mailbox is full\r\n"))
    with scripted(server) as port:
        lane, pool = make_lane(app, port), make_pool(app)
        make_mailboxes(app, 1, daily_limit=500)
        campaign = make_campaign(app, pool, people(15))
        now = run(app, lane, NOW, 4 * 24, minutes=240)
        assert states(app, campaign) == {"planned": 15}
        run(app, lane, now, 7 * 24, minutes=1500)
    assert states(app, campaign) == {"refused": 15}
    assert not app.open_alerts()


def test_after_five_days_of_nothing_mails_are_given_up_and_people_told(app: App) -> None:
    server = ScriptedSmtp(answer=put_off("MAIL", b"451 4.3.0 Temporary lookup failure\r\n"))
    with scripted(server) as port:
        lane, pool = make_lane(app, port), make_pool(app)
        make_mailboxes(app, 2, daily_limit=500)
        campaign = make_campaign(app, pool, people(5), steps=2)
        young = make_campaign(app, pool, people(30, "young"), due_at=NOW + GIVE_UP_AFTER)
        now = run(app, lane, NOW, GIVE_UP_AFTER / timedelta(hours=1) - 1, minutes=300)
        assert states(app, campaign) == {"planned": 10}
        run(app, lane, now, 4, minutes=61)
    assert states(app, campaign) == {"refused": 5, "cancelled": 5}
    assert {row["code"] for row in sends(app, campaign, "step = 1")} == {GIVEN_UP_CODE}
    assert states(app, young)["planned"] >= 1, "what is due only now is not given up for what went before"
    assert {alert.kind for alert in app.open_alerts()} == {"provider_unavailable", "sends_given_up"}


def test_a_sender_that_is_refused_stops_its_mailbox_and_refuses_no_lead(app: App) -> None:
    server = ScriptedSmtp(answer=put_off("MAIL", b"553 Sender rejected\r\n"))
    with scripted(server) as port:
        lane, pool = make_lane(app, port), make_pool(app)
        make_mailboxes(app, 1, daily_limit=500)
        campaign = make_campaign(app, pool, people(50))
        app.send_lane(lane, NOW, time_budget_seconds=5)
    assert states(app, campaign) == {"planned": 50}
    assert {row["attempts"] for row in sends(app, campaign)} == {0}
    assert [alert.kind for alert in app.open_alerts()] == ["mailbox_paused"]
    assert server.counts["MAIL"] <= 10, "nobody asks fifty times"


def test_a_relay_that_stays_away_is_asked_less_and_less_often(app: App) -> None:
    def answer(_: Said) -> bytes | None:
        raise HangUp

    server = ScriptedSmtp(answer=answer)
    with scripted(server) as port:
        lane, pool = make_lane(app, port), make_pool(app)
        make_mailboxes(app, 1)
        campaign = make_campaign(app, pool, people(5))
        run(app, lane, NOW, 3, minutes=1)
        assert server.connections <= 8
    assert {row["attempts"] for row in sends(app, campaign)} == {0}


def test_a_mailbox_that_is_paused_meanwhile_keeps_no_alert_open(app: App) -> None:
    server = ScriptedSmtp(answer=lambda said: b"452 4.3.1 full\r\n" if b"box0" in said.line else None)
    with scripted(server) as port:
        lane, pool = make_lane(app, port), make_pool(app)
        bad, _ = make_mailboxes(app, 2)
        make_campaign(app, pool, people(10))
        app.send_lane(lane, NOW, time_budget_seconds=5)
        assert [alert.kind for alert in app.open_alerts()] == ["provider_unavailable"]
        app.pause_mailbox(ANALYST, bad, reason="its server is full", as_of=NOW)
        make_campaign(app, pool, people(2, "more"))
        app.send_lane(lane, later(minutes=1), time_budget_seconds=5)
    assert not app.open_alerts()


@pytest.mark.parametrize("is_slow", [False, True], ids=["at once", "slow ledger"])
def test_a_server_that_takes_the_mail_that_tries_and_then_nothing_is_waited_for_again(
    app: App, is_slow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_slow:  # the next claim is made, and finds nothing, before it is written that the server works again
        works_again = LedgerWeather.works_again
        monkeypatch.setattr(LedgerWeather, "works_again", lambda *a, **k: (time.sleep(0.5), works_again(*a, **k)))
    taken: list[int] = []

    def answer(said: Said) -> bytes | None:
        if said.verb == "MAIL":
            taken.append(said.nth)
            return None if len(taken) == 2 else b"452 4.3.1 Insufficient system storage\r\n"
        return b"503 5.5.1 out of order\r\n" if len(taken) != 2 and said.verb in {"RCPT", "DATA"} else None

    server = ScriptedSmtp(answer=answer, pipelining=False)
    with scripted(server) as port:
        lane, pool = make_lane(app, port), make_pool(app)
        make_mailboxes(app, 1, daily_limit=500)
        campaign = make_campaign(app, pool, people(9))
        app.send_lane(lane, NOW, time_budget_seconds=3)
        app.send_lane(lane, later(minutes=2), time_budget_seconds=3)
    assert states(app, campaign) == {"accepted": 1, "planned": 8}
    (mailbox,) = app.mailboxes(later(minutes=2, seconds=30))
    assert (mailbox.capacity.remaining, mailbox.capacity.binding) == (0, Binding.PUT_OFF)
    assert mailbox.mailbox.put_off is not None
    assert mailbox.mailbox.put_off.count == 1, "a new row of refusals begins with a short wait"
    assert len(app.open_alerts()) == 1


def test_trouble_of_long_ago_gives_nothing_up(app: App) -> None:
    server = ScriptedSmtp(answer=put_off("MAIL", b"451 4.3.0 Temporary lookup failure\r\n"))
    with scripted(server) as port:
        lane, pool = make_lane(app, port), make_pool(app)
        make_mailboxes(app, 1)
        app.send_lane(lane, NOW, time_budget_seconds=3)
        first = make_campaign(app, pool, people(1))
        app.send_lane(lane, NOW, time_budget_seconds=3)
        app.send_lane(lane, later(days=9), time_budget_seconds=3)
    assert states(app, first) == {"planned": 1}
    assert [alert.kind for alert in app.open_alerts()] == ["provider_unavailable"]


def test_two_workers_that_meet_the_same_trouble_wait_once(app: App) -> None:
    make_lane(app, 1)
    make_pool(app)
    (mailbox,) = make_mailboxes(app, 1)
    refused = Refused(mailbox, "own smtp", "452 4.3.1")
    first, second = (app.weather_ledger.put_off(refused, now=NOW) for _ in range(2))
    assert (first.count, second.count) == (1, 1)
    assert first.until == second.until == later(minutes=1)
    third = app.weather_ledger.put_off(refused, now=later(minutes=1))
    assert (third.count, third.until, third.since) == (2, later(minutes=6), NOW)


def test_an_api_that_is_asked_too_much_waits_as_asked_and_longer_where_nothing_is_taken_between(app: App) -> None:
    make_lane(app, 1)
    refused = Refused(None, "own smtp", "429", timedelta(seconds=5), is_throttling=True)
    put_off = [app.weather_ledger.put_off(refused, now=later(minutes=10 * n)) for n in range(3)]
    assert [each.until - later(minutes=10 * n) for n, each in enumerate(put_off)] == [
        timedelta(seconds=5),
        timedelta(minutes=1),
        timedelta(minutes=5),
    ]
    app.weather_ledger.works_again([], "own smtp", now=later(hours=1))
    assert app.weather_ledger.put_off(refused, now=later(hours=2)).count == 0


def test_follow_ups_that_any_mailbox_may_send_are_given_up_like_first_mails(app: App) -> None:
    server = ScriptedSmtp(answer=put_off("MAIL", b"452 4.3.1 Insufficient system storage\r\n"))
    with scripted(server) as port:
        lane, pool = make_lane(app, port), make_pool(app)
        make_mailboxes(app, 1, daily_limit=500)
        campaign = make_campaign(app, pool, people(3), steps=2)
        execute(app, "update ledger.sends set state = 'accepted', accepted_at = %s where step = 1", NOW)
        execute(app, "update ledger.sends set due_at = %s where step = 2", NOW)
        now = NOW
        while now < NOW + GIVE_UP_AFTER + timedelta(hours=20):
            app.send_lane(lane, now, time_budget_seconds=2)
            now += timedelta(hours=6)
    assert states(app, campaign) == {"accepted": 3, "refused": 3}

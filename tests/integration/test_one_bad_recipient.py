"""One recipient whose server, or provider, breaks off at every try: the others get their mails, and his tries end."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from leadmill.adapters.esp.smtp_delivery import queue_id
from leadmill.bootstrap import App
from leadmill.domain.dispatch import MAX_ATTEMPTS
from tests.mail_servers import HttpRecorder, http_server
from tests.scripted_smtp import HangUp, Mute, Said, ScriptedSmtp, scripted
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
    sends,
    states,
)

BAD = "lead-0@people.test"
GOOD = 60


def hang_up() -> bytes:
    raise HangUp


def stay_silent() -> bytes:
    raise Mute


KINDS: dict[str, Callable[[], bytes]] = {
    "hangs up": hang_up,
    "is silent": stay_silent,
    "talks nonsense": lambda: b"999 x\r\n",
    "closes": lambda: b"421 4.3.2 closing\r\n",
}


def at_bad_recipients(kind: str, *bad: str) -> Callable[[Said], bytes | None]:
    return lambda said: KINDS[kind]() if said.verb == "RCPT" and said.recipient in bad else None


def dispatch(app: App, as_of: datetime) -> None:
    for group in app.open_lane_groups(as_of):
        app.send_lanes(group, as_of, time_budget_seconds=1)


def run_until(app: App, done: Callable[[], bool], *, days: float = 6) -> timedelta:
    """Dispatch whenever a mailbox may try again, as a run each minute does; returns how long it took."""
    at, end = NOW, NOW + timedelta(days=days)
    while at < end and not done():
        dispatch(app, at)
        rows = execute(
            app,
            "select greatest(m.next_send_at, m.put_off_until, a.next_send_at, a.put_off_until) as at"
            " from ledger.mailboxes m join ledger.provider_accounts a using (account_id)",
        )
        waits = [row["at"] for row in rows if row["at"] is not None and row["at"] > at]
        at = min([at + timedelta(minutes=61), *waits]) + timedelta(seconds=2)
    return at - NOW


@pytest.mark.parametrize("mailboxes", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_others_get_their_mails_within_hours(app: App, kind: str, mailboxes: int) -> None:
    with scripted(ScriptedSmtp(answer=at_bad_recipients(kind, BAD))) as port:
        make_lane(app, port, timeout_seconds=1)
        pool = make_pool(app)
        make_mailboxes(app, mailboxes, daily_limit=1_000)
        make_campaign(app, pool, [BAD], name="one bad lead")
        good = make_campaign(app, pool, people(GOOD, "good"), name="good leads")
        took = run_until(app, lambda: states(app, good)["accepted"] == GOOD)
        assert states(app, good) == {"accepted": GOOD}
        assert took < timedelta(hours=2)


@pytest.mark.parametrize("kind", ["hangs up", "closes"])
def test_a_follow_up_to_him_holds_no_first_mail_of_its_mailbox_back(app: App, kind: str) -> None:
    server = ScriptedSmtp()
    with scripted(server) as port:
        make_lane(app, port, timeout_seconds=1)
        pool = make_pool(app)
        make_mailboxes(app, 1, daily_limit=1_000)
        sequence = make_campaign(app, pool, [BAD], steps=2, name="sequence")
        dispatch(app, NOW)
        assert states(app, sequence)["accepted"] == 1
        execute(app, "update ledger.sends set due_at = %s where step = 2", NOW)
        server.answer = at_bad_recipients(kind, BAD)
        good = make_campaign(app, pool, people(GOOD, "good"), name="good leads")
        took = run_until(app, lambda: states(app, good)["accepted"] == GOOD)
        assert states(app, good) == {"accepted": GOOD}
        assert took < timedelta(hours=2)


def test_several_of_them_in_a_campaign_of_their_own_hold_nobody_back_for_a_day(app: App) -> None:
    bad = people(5)
    with scripted(ScriptedSmtp(answer=at_bad_recipients("hangs up", *bad))) as port:
        make_lane(app, port, timeout_seconds=1)
        pool = make_pool(app)
        make_mailboxes(app, 1, daily_limit=1_000)
        make_campaign(app, pool, bad, name="bad leads")
        good = make_campaign(app, pool, people(GOOD, "good"), name="good leads")
        took = run_until(app, lambda: states(app, good)["accepted"] == GOOD)
        assert states(app, good) == {"accepted": GOOD}
        assert took < timedelta(hours=2)


def test_his_tries_end_while_others_are_served(app: App) -> None:
    with scripted(ScriptedSmtp(answer=at_bad_recipients("hangs up", BAD))) as port:
        make_lane(app, port, timeout_seconds=1)
        pool = make_pool(app)
        make_mailboxes(app, 1, daily_limit=1_000)
        campaign = make_campaign(app, pool, [BAD], name="one bad lead")
        at = NOW
        for attempt in range(1, MAX_ATTEMPTS + 1):
            make_campaign(app, pool, people(3, f"good{attempt}"), name=f"good {attempt}", due_at=at)
            dispatch(app, at)
            (send,) = sends(app, campaign)
            assert send["attempts"] == attempt
            at = send["due_at"] + timedelta(seconds=1)
        assert (send["state"], send["code"]) == ("refused", "broken-off")


def test_a_server_that_breaks_off_at_everybody_costs_nobody_an_attempt_and_is_told_of(app: App) -> None:
    server = ScriptedSmtp(answer=lambda said: hang_up() if said.verb == "RCPT" else None)
    with scripted(server) as port:
        make_lane(app, port, timeout_seconds=1)
        pool = make_pool(app)
        make_mailboxes(app, 1, daily_limit=1_000)
        campaign = make_campaign(app, pool, people(20))
        for hour in range(12):
            dispatch(app, later(hours=hour))
        assert states(app, campaign) == {"planned": 20}
        assert [alert.kind for alert in app.open_alerts()] == ["provider_unavailable"]
        assert max(send["attempts"] for send in sends(app, campaign)) <= 1
        server.answer = lambda _: None
        dispatch(app, later(hours=14))
        dispatch(app, later(hours=14, minutes=2))
        assert states(app, campaign) == {"accepted": 20}


@pytest.mark.parametrize("mailboxes", [1, 4])
def test_an_api_that_fails_at_him_serves_the_others(app: App, mailboxes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SG_SECRET", "SG.example")

    def answer(_: str, body: object) -> tuple[int, dict[str, str], bytes]:
        if BAD in json.dumps(body):
            return 500, {}, b'{"errors":[{"message":"internal"}]}'
        return 202, {"X-Message-Id": "abc"}, b""

    with http_server(HttpRecorder(answer)) as url:
        config = {"host": url, "timeout_seconds": 5}
        app.add_provider_account(
            ADMIN,
            name="sg",
            provider="sendgrid",
            config=config,
            secret_ref="SG_SECRET",
            spread="as_fast_as_possible",
            as_of=NOW,
        )
        pool = make_pool(app)
        make_mailboxes(app, mailboxes, lane="sg", daily_limit=1_000)
        make_campaign(app, pool, [BAD], name="one bad lead")
        good = make_campaign(app, pool, people(GOOD, "good"), name="good leads")
        took = run_until(app, lambda: states(app, good)["accepted"] == GOOD)
        assert states(app, good) == {"accepted": GOOD}
        assert took < timedelta(hours=2)


def test_an_odd_octet_in_a_servers_yes_keeps_no_answer_unwritten(app: App) -> None:
    server = ScriptedSmtp(
        answer=lambda said: (
            b"250 2.0.0 Ok: queued as \0A\0\r\n" if said.verb == "DOT" and said.recipient == BAD else None
        )
    )
    with scripted(server) as port:
        make_lane(app, port)
        pool = make_pool(app)
        make_mailboxes(app, 2, daily_limit=1_000)
        campaign = make_campaign(app, pool, people(40))
        dispatch(app, NOW)
    assert states(app, campaign) == {"accepted": 40}
    assert queue_id(b"2.0.0 Ok: queued as \0A\0") == "A"

"""Recall: what shall not go out any more is taken out of a lane's hands within two seconds, after its claim."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest

from leadmill.bootstrap import App
from leadmill.domain.dispatch import RECALL_WITHIN
from leadmill.ports.recalls import Hands
from tests.recall_world import Relay, assert_books_balance, sending, until, until_claimed
from tests.scripted_smtp import scripted
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
    sends,
    states,
    suppress,
)

WITHIN = RECALL_WITHIN.total_seconds()
CLAIMED = 50
SLOW, FAST = 0.1, 0.0

Change = Callable[[App, int], object]


def _by_alias(app: App, email: str) -> None:
    suppress(app, email.replace("@", "+news@"))


DOORS: dict[str, Callable[[App, str], object]] = {
    "command": lambda app, email: app.suppress_person(ANALYST, email=email, reason="asked us to", as_of=NOW),
    "erasure": lambda app, email: app.erase_person(ADMIN, email=email, reason="asked us to", as_of=NOW),
    "complaint": lambda app, email: suppress(app, email, "complained"),
    "another address of the inbox": _by_alias,
    "hard bounce": lambda app, email: suppress(app, email, "hard_bounced"),
}


def _world(app: App, port: int, count: int = CLAIMED, **values: object) -> tuple[str, int]:
    lane = make_lane(app, port, connections=1)
    pool = make_pool(app)
    make_mailboxes(app, 1, daily_limit=max(count, CLAIMED))
    return lane, make_campaign(app, pool, people(count), **values)


@pytest.mark.parametrize(("seconds_a_mail", "count"), [(SLOW, CLAIMED), (FAST, 400)], ids=["slow", "fast"])
def test_nobody_gets_a_mail_two_seconds_after_leaving_by_whatever_door(
    app: App, seconds_a_mail: float, count: int
) -> None:
    relay, left_at = Relay(seconds_a_mail), {}
    gone = people(count)[-len(DOORS) :]
    with scripted(relay.server) as port:
        lane, campaign = _world(app, port, count)
        with sending(app, lane) as counts:
            until_claimed(app)
            for email, leave in zip(gone, DOORS.values(), strict=True):
                leave(app, email)
                left_at[email] = time.monotonic()
    late = {email: relay.taken[email] - left_at[email] for email in gone if email in relay.taken}
    assert all(seconds <= WITHIN for seconds in late.values()), late
    reasons = {row["code"] for row in sends(app, campaign, "state = 'suppressed'")}
    if seconds_a_mail:  # all were in hand, and none but theirs stayed here
        assert not late
        assert counts["recalled"] == len(gone)
        assert reasons == {"manual", "erased", "complained", "unsubscribed", "hard_bounced"}
    assert states(app, campaign)["accepted"] + states(app, campaign)["suppressed"] == count
    assert_books_balance(app)


STOPS: dict[str, tuple[Change, str]] = {
    "campaign paused": (lambda app, campaign: app.pause_campaign(ANALYST, campaign, NOW, "wrong offer"), "planned"),
    "campaign cancelled": (lambda app, campaign: app.cancel_campaign(ANALYST, campaign, NOW, "off"), "cancelled"),
    "campaign ended": (
        lambda app, campaign: execute(app, "update ledger.campaigns set ends_at = %s", NOW - timedelta(hours=1)),
        "planned",
    ),
    "content held": (
        lambda app, campaign: execute(
            app, "update ledger.campaigns set status = 'paused', status_reason = 'content' where status = 'running'"
        ),
        "planned",
    ),
    "mailbox paused": (
        lambda app, _: app.pause_mailbox(ANALYST, app.mailboxes(NOW)[0].mailbox.mailbox_id, reason="ill", as_of=NOW),
        "planned",
    ),
    "domain paused": (lambda app, _: app.pause_domain(ANALYST, "brand.test", reason="ill", as_of=NOW), "planned"),
    "domain cools down": (
        lambda app, _: app.cool_down_domain("brand.test", reason="listed", until=later(days=1), as_of=NOW),
        "planned",
    ),
    "account paused": (lambda app, _: app.pause_account(ANALYST, "own smtp", reason="ill", as_of=NOW), "planned"),
    "pool takes contracts only": (
        lambda app, _: app.set_pool_policy(ADMIN, app.pools()[0].pool_id, ["contract"], NOW),
        "suppressed",
    ),
    "country rule": (
        lambda app, _: execute(
            app, "update ledger.country_rules set override_legal_bases = '{contract}' where country in ('', 'ZZ')"
        ),
        "suppressed",
    ),
}


@pytest.mark.parametrize("stop", STOPS)
def test_what_is_stopped_hands_nothing_over_two_seconds_later(app: App, stop: str) -> None:
    change, becomes = STOPS[stop]
    relay = Relay(SLOW)
    with scripted(relay.server) as port:
        lane, campaign = _world(app, port)
        with sending(app, lane, seconds=1):
            until(lambda: relay.taken)
            change(app, campaign)
            stopped_at = time.monotonic()
    assert max(relay.taken.values()) - stopped_at <= WITHIN
    found = states(app, campaign)
    assert found["accepted"] == len(relay.taken)
    assert found[becomes] == CLAIMED - len(relay.taken) > CLAIMED // 2
    assert all(row["attempts"] == 0 for row in sends(app, campaign, "state = 'planned'"))
    assert_books_balance(app)


def test_the_answer_says_how_many_were_in_hand(app: App) -> None:
    relay = Relay(SLOW)
    with scripted(relay.server) as port:
        lane, campaign = _world(app, port, 20)
        with sending(app, lane, seconds=1):
            until(lambda: relay.taken)
            lead = sends(app, campaign)[-1]["lead_id"]
            app.suppress_person(ANALYST, lead_id=lead, reason="asked us to", as_of=NOW)
            assert app.words_on_mails_in_hand(Hands(lead_id=lead), NOW).startswith(" 1 mail was already in hand")
            app.pause_mailbox(ANALYST, app.mailboxes(NOW)[0].mailbox.mailbox_id, reason="ill", as_of=NOW)
            for whose in (Hands(campaign_id=campaign), Hands(domain="brand.test"), Hands(account="own smtp")):
                assert "mails were already in hand" in app.words_on_mails_in_hand(whose, NOW)
            assert app.words_on_mails_in_hand(Hands(campaign_id=campaign + 1), NOW) == ""
    assert app.words_on_mails_in_hand(Hands(campaign_id=campaign), NOW) == ""


def test_a_worker_that_cannot_look_hands_nothing_over_until_it_can(app: App) -> None:
    """It could not know what must not go out; nothing is lost, and nobody gets two."""
    relay = Relay(SLOW)
    with scripted(relay.server) as port:
        lane, campaign = _world(app, port)
        with sending(app, lane, seconds=1):
            until(lambda: relay.taken)
            with app.database.transaction() as ledger:
                ledger.execute("lock table ledger.recall_marks in access exclusive mode")
                locked_at = time.monotonic()
                time.sleep(4)
                last = max(relay.taken.values())
        assert last - locked_at <= WITHIN + SLOW
        assert states(app, campaign) == {"accepted": CLAIMED}
    assert len(relay.taken) == CLAIMED


def test_what_was_paused_goes_out_once_when_it_is_resumed(app: App) -> None:
    relay = Relay(SLOW)
    with scripted(relay.server) as port:
        lane, campaign = _world(app, port, 20, planned_at=NOW)
        with sending(app, lane, seconds=1):
            until(lambda: relay.taken)
            app.pause_campaign(ANALYST, campaign, NOW, "a look")
        assert states(app, campaign)["planned"]
        app.resume_campaign(ANALYST, campaign, NOW, "fine")
        app.send_lane(lane, later(minutes=1), time_budget_seconds=3)
    assert states(app, campaign) == {"accepted": 20}
    assert len(relay.taken) == 20


def test_a_reply_takes_back_the_follow_up_that_is_in_hand(app: App) -> None:
    relay = Relay(SLOW)
    with scripted(relay.server) as port:
        lane, campaign = _world(app, port, 20, steps=2)
        app.send_lane(lane, NOW, time_budget_seconds=4)
        relay.taken.clear()
        execute(app, "update ledger.sends set due_at = %s where step = 2", NOW)
        with sending(app, lane):
            until(lambda: relay.taken)
            lead = sends(app, campaign, "step = 2")[-1]["lead_id"]
            execute(app, "update ledger.sends set replied_at = %s where step = 1 and lead_id = %s", NOW, lead)
    last = sends(app, campaign, "step = 2")[-1]
    assert (last["state"], last["code"]) == ("cancelled", "replied")
    assert len(relay.taken) == 19


@pytest.mark.parametrize("is_chosen", [True, False])
def test_an_answer_to_another_campaign_takes_back_what_is_in_hand_where_the_campaign_says_so(
    app: App, is_chosen: bool
) -> None:
    relay = Relay(SLOW)
    with scripted(relay.server) as port:
        lane, first = _world(app, port, 20)
        app.send_lane(lane, NOW, time_budget_seconds=4)
        relay.taken.clear()
        second = make_campaign(app, 1, people(20), ends_on_other_reply=is_chosen)
        execute(app, "insert into ledger.shared_leads (lead_id, person_id) select lead_id, lead_id from ledger.leads")
        with sending(app, lane):
            until(lambda: relay.taken)
            lead = sends(app, second)[-1]["lead_id"]
            reply = "update ledger.sends set replied_at = %s where campaign_id = %s and lead_id = %s"
            execute(app, reply, NOW, first, lead)
    last = sends(app, second)[-1]
    assert (last["state"], last["code"]) == (("cancelled", "replied_elsewhere") if is_chosen else ("accepted", None))
    assert len(relay.taken) == 20 - is_chosen


def test_a_mail_that_waits_behind_a_slow_one_is_not_handed_over_after_its_lead_left(app: App) -> None:
    """With pipelining it is rendered, and its recipient announced, while the server still thinks about the one before."""
    relay = Relay(4.0)
    with scripted(relay.server) as port:
        lane, campaign = _world(app, port, 3)
        with sending(app, lane, seconds=1):
            until(lambda: relay.taken)
            relay.seconds_a_mail = FAST
            suppress(app, people(3)[1])
    assert set(relay.taken) == {people(3)[0], people(3)[2]}
    assert states(app, campaign) == {"accepted": 2, "suppressed": 1}


def test_a_send_that_had_left_before_a_restore_is_taken_back_when_its_evidence_comes(app: App) -> None:
    relay = Relay(SLOW)
    with scripted(relay.server) as port:
        lane, campaign = _world(app, port)
        with sending(app, lane):
            until_claimed(app)
            last = sends(app, campaign)[-1]
            execute(  # what a signed event writes, of a claimed row too
                app,
                "update ledger.sends set state = 'delivered', accepted_at = %s, replied_at = null where send_id = %s",
                NOW, last["send_id"],
            )  # fmt: skip
    assert last["email"] not in relay.taken
    assert states(app, campaign) == {"accepted": CLAIMED - 1, "delivered": 1}
    assert len(relay.taken) == CLAIMED - 1


def test_a_suppression_that_commits_after_looks_have_passed_is_not_missed(app: App) -> None:
    """Transactions commit in another order than they began in: what a look could not see is news to the next."""
    relay = Relay(SLOW)
    last = people(40)[-1]
    with scripted(relay.server) as port, psycopg.connect(app.database.url) as slow:
        lane, campaign = _world(app, port, 40)
        slow.execute(
            "insert into ledger.suppressions (email_hash, email, reason, created_at)"
            " select email_hash, email, 'manual', %s from ledger.leads where email = %s",
            (NOW, last),
        )
        with sending(app, lane, seconds=1):
            until(lambda: relay.taken)
            suppress(app, people(40)[-2])  # a look finds this one meanwhile
            until(lambda: states(app)["suppressed"])
            slow.commit()
    assert last not in relay.taken
    assert states(app, campaign) == {"accepted": 38, "suppressed": 2}

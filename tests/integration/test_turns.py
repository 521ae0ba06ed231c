"""Who goes next, in the ledger: shares of a pool, follow-ups beside first mails, and the same as `domain/turns.py`."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

from leadmill.bootstrap import App
from leadmill.domain.dispatch import Outcome, SendResult
from leadmill.domain.turns import Standing, Turns, in_turn, moved_on
from leadmill.errors import Conflict, InputInvalid, NotAllowed
from tests.mail_servers import SmtpRecorder, smtp_server
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
    sends,
    states,
)


@pytest.fixture
def lane(app: App) -> str:
    return make_lane(app, 25)


def claim(app: App, lane: str, *, limit: int = 100, hours: float = 0) -> Counter[int]:
    """Claims and accepts; mails by campaign."""
    found = app.send_ledger.claim(lane, worker="w", now=later(hours=hours), limit=limit).sends
    results = [SendResult(send.send_id, Outcome.ACCEPTED, provider_message_id="p") for send in found]
    app.send_ledger.record("w", results, now=later(hours=hours))
    return Counter(send.campaign_id for send in found)


def test_a_small_campaign_does_not_wait_for_the_end_of_a_large_one(app: App) -> None:
    with smtp_server(SmtpRecorder()) as port:
        lane = make_lane(app, port)
        pool = make_pool(app)
        make_mailboxes(app, 2, daily_limit=20)
        make_campaign(app, pool, people(200, "large"))
        small = make_campaign(app, pool, people(10, "small"), due_at=later(hours=1))
        for day in (1, 2):
            app.send_lane(lane, later(days=day), time_budget_seconds=20)
        assert states(app, small)["accepted"] == 10


def test_follow_ups_go_out_on_their_day_while_first_mails_still_wait(app: App) -> None:
    with smtp_server(SmtpRecorder()) as port:
        lane = make_lane(app, port)
        pool = make_pool(app)
        make_mailboxes(app, 2, daily_limit=20)
        campaign = make_campaign(app, pool, people(240), steps=2)
        for day in range(5):
            app.plan_campaigns(later(days=day, hours=day))
            app.send_lane(lane, later(days=day, hours=day), time_budget_seconds=20)
        second = sends(app, campaign, "step = 2 and state = 'accepted'")
        assert len(second) == 80
        gaps = {(row["accepted_at"] - row["due_at"]).days for row in second}
        assert gaps == {0}, "each on its day"


def test_a_paused_campaign_that_resumes_has_hoarded_no_turns(app: App, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1, daily_limit=500)
    going = make_campaign(app, pool, people(200, "going"))
    paused = make_campaign(app, pool, people(100, "paused"), status="paused")
    assert claim(app, lane, limit=100) == {going: 100}
    execute(app, "update ledger.campaigns set status = 'running'")
    assert claim(app, lane, limit=40) == {going: 20, paused: 20}


def test_weights_share_the_pool_and_a_retry_is_not_charged_twice(app: App, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1, daily_limit=500)
    plain = make_campaign(app, pool, people(100, "plain"))
    heavy = make_campaign(app, pool, people(100, "heavy"), weight=3.0)
    assert claim(app, lane, limit=40) == {plain: 10, heavy: 30}
    before = execute(app, "select * from ledger.campaign_turns order by 1")
    found = app.send_ledger.claim(lane, worker="w", now=NOW, limit=8).sends
    after = execute(app, "select * from ledger.campaign_turns order by 1")
    assert before != after
    app.send_ledger.record("w", [SendResult(s.send_id, Outcome.RELEASED, due_at=NOW) for s in found], now=NOW)
    assert len(app.send_ledger.claim(lane, worker="w", now=NOW, limit=8).sends) == 8
    waiting = execute(app, "select count(*) as n from ledger.sends where state = 'claimed' and attempts > 0")[0]["n"]
    assert waiting == 8
    assert execute(app, "select * from ledger.campaign_turns order by 1") == after


def test_who_is_held_by_a_limit_or_not_due_yet_stops_nobody(app: App, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1, daily_limit=500)
    app.set_recipient_limit(ADMIN, "limited", NOW, hourly_limit=0, domains=["limited.test"])
    make_campaign(app, pool, [f"held-{n}@limited.test" for n in range(60)])
    make_campaign(app, pool, people(60, "future"), due_at=later(days=9))
    free = make_campaign(app, pool, people(60, "free"))
    assert sum((claim(app, lane, limit=10) for _ in range(20)), Counter()) == {free: 60}


def test_a_follow_up_whose_thread_began_in_no_mailbox_goes_first_from_any(app: App, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(5), steps=2)
    execute(app, "update ledger.sends set due_at = %s where step = 2 and send_id = (select max(send_id) from ledger.sends)",
            NOW)  # fmt: skip
    assert app.send_ledger.claim(lane, worker="w", now=NOW, limit=1).sends
    assert [row["step"] for row in sends(app, campaign, "state = 'claimed'")] == [2]


@given(
    counts=st.lists(st.integers(0, 12), min_size=1, max_size=5),
    weights=st.lists(st.sampled_from([0.5, 1.0, 2.0]), min_size=5, max_size=5),
    waves=st.lists(st.integers(0, 12), min_size=5, max_size=5),
    rooms=st.lists(st.integers(1, 14), min_size=1, max_size=6),
)
@with_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_claims_take_the_turns_that_the_domain_says(
    app: App, counts: list[int], weights: list[float], waves: list[int], rooms: list[int]
) -> None:
    if not execute(app, "select 1 from ledger.provider_accounts"):
        make_lane(app, 25)
        make_pool(app)
        make_mailboxes(app, 1, daily_limit=10_000)
    execute(app, "truncate ledger.sends, ledger.campaign_turns, ledger.pool_turns")
    execute(app, "update ledger.campaigns set status = 'finished'")
    pool = execute(app, "select pool_id from ledger.pools")[0]["pool_id"]
    (box,) = execute(app, "select mailbox_id from ledger.mailboxes")
    left: dict[int, int] = {}
    by_id: dict[int, float] = {}
    waiting: list[int] = []
    for number, (count, weight, wave) in enumerate(zip(counts, weights, waves, strict=False)):
        campaign = make_campaign(app, pool, people(count + wave), steps=2, weight=weight)
        left[campaign], by_id[campaign] = count, weight
        execute(app, "with begun as (select lead_id from ledger.sends where campaign_id = %s and step = 1 order by send_id"
                " limit %s), gone as (update ledger.sends s set state = 'accepted', mailbox_id = %s, claim_id = 0 from begun"
                " where s.campaign_id = %s and s.step = 1 and s.lead_id = begun.lead_id) select 1",
                campaign, wave, box["mailbox_id"], campaign)  # fmt: skip
        execute(app, "update ledger.sends s set due_at = %s where s.campaign_id = %s and s.step = 2 and exists (select from"
                " ledger.sends f where f.campaign_id = s.campaign_id and f.lead_id = s.lead_id and f.step = 1"
                " and f.state = 'accepted')", NOW - timedelta(minutes=60 - number), campaign)  # fmt: skip
        execute(
            app,
            "delete from ledger.due_sends q using ledger.sends s where s.send_id = q.send_id and s.state = 'accepted'",
        )
        waiting += [campaign] * wave
    turns, day = Turns(), 10_000
    for room in rooms:
        standing = [Standing(c, n, turns.of(c), by_id[c]) for c, n in left.items()]
        follow_ups, first = in_turn(waiting, standing, owed=turns.owed, room=room)
        found = [s.send_id for s in app.send_ledger.claim("own smtp", worker="w", now=NOW, limit=room).sends]
        rows = execute(app, "select campaign_id, step from ledger.sends where send_id = any(%s)", found)
        assert Counter(r["campaign_id"] for r in rows if r["step"] == 1) == Counter(first)
        assert Counter(r["campaign_id"] for r in rows if r["step"] > 1) == Counter(follow_ups)
        turns = moved_on(turns, by_id, first_mails=Counter(first), follow_ups=Counter(follow_ups), most_ahead=day)
        waiting = waiting[len(follow_ups) :]
        for campaign in first:
            left[campaign] -= 1


def test_why_says_with_whom_a_campaign_shares_its_pool_and_how_much_is_its_own(app: App, lane: str) -> None:
    pool = make_pool(app)
    make_mailboxes(app, 1)
    alone = make_campaign(app, pool, people(5, "a"), name="alone")
    assert "shares_pool" not in {each.reason for each in app.explain_waiting(alone, NOW)}
    make_campaign(app, pool, people(5, "b"), name="heavy", weight=3.0)
    (said,) = [each for each in app.explain_waiting(alone, NOW) if each.reason == "shares_pool"]
    assert "shared with “heavy”" in said.sentence
    assert "25% is for this campaign" in said.sentence


def test_a_weight_changes_while_a_campaign_runs_and_the_audit_log_knows(app: App) -> None:
    campaign = make_campaign(app, make_pool(app), people(1))
    app.weigh_campaign(ANALYST, campaign, 2.0, NOW)
    assert app.campaign(campaign).draft.weight == 2.0
    (line,) = execute(app, "select actor, details from ledger.audit_log where action = 'campaign.weight'")
    assert (line["actor"], line["details"]) == (ANALYST.email, {"from": 1.0, "to": 2.0})
    with pytest.raises(NotAllowed):
        app.weigh_campaign(VIEWER, campaign, 4.0, NOW)
    for weight in (0.0, -1.0, 11.0, float("nan"), float("inf")):
        with pytest.raises(InputInvalid):
            app.weigh_campaign(ANALYST, campaign, weight, NOW)
    execute(app, "update ledger.campaigns set status = 'finished'")
    with pytest.raises(Conflict, match="finished"):
        app.weigh_campaign(ANALYST, campaign, 4.0, NOW)

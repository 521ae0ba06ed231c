"""Warm-ups and probations on the real ledger: looked at once a local day, moved by what became of the mails."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import psycopg
import pytest

from leadmill.bootstrap import App
from leadmill.domain.mailboxes import Binding
from leadmill.errors import InputInvalid, NotAllowed, NotFound
from leadmill.sql.migrations import migrate
from tests.conftest import url_of
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
)


@pytest.fixture
def pool(app: App) -> int:
    make_lane(app, 2525)
    return make_pool(app)


def young(app: App, **values: object) -> int:
    return make_mailboxes(app, 1, warm_up_started_on=NOW.date(), **values)[0]


def mailed(app: App, mailbox_id: int, day: date, accepted: int, **bad: int) -> None:
    """What a mailbox sent on a day, and what became of it."""
    execute(
        app,
        "insert into ledger.mailbox_usage (mailbox_id, day, taken, accepted) values (%s, %s, %s, %s)"
        " on conflict (mailbox_id, day) do update set accepted = excluded.accepted",
        mailbox_id, day, accepted, accepted,
    )  # fmt: skip
    columns = {"accepted": accepted} | bad
    execute(
        app,
        f"insert into ledger.mailbox_health (mailbox_id, day, {', '.join(columns)}) values (%s, %s"
        f"{', %s' * len(columns)})",
        mailbox_id, day, *columns.values(),
    )  # fmt: skip


def limit(app: App, at: datetime) -> int:
    return app.mailboxes(at)[0].day_limit


def test_a_new_warm_up_begins_at_its_first_stage_and_one_from_elsewhere_where_its_age_puts_it(
    app: App, pool: int
) -> None:
    young(app)
    assert limit(app, NOW) == 5
    make_mailboxes(app, 1, domain="elsewhere.test", warm_up_started_on=NOW.date() - timedelta(days=9))
    assert {state.address: state.day_limit for state in app.mailboxes(NOW)}["box0@elsewhere.test"] == 17


def test_a_warm_up_advances_one_stage_a_day_with_mail_and_the_sweep_may_run_twice(app: App, pool: int) -> None:
    mailbox = young(app)
    for number in range(8):
        mailed(app, mailbox, later(days=number).date(), 10)
        app.open_lanes(later(days=number + 1))
        app.open_lanes(later(days=number + 1, minutes=5))
    assert limit(app, later(days=8)) == 14
    history = app.warm_up_history(later(days=8))
    assert [(each.change, each.day_limit) for each in history] == [
        ("advanced", n) for n in (5, 6, 7, 8, 9, 10, 12, 14)
    ]  # fmt: skip
    (standing,) = app.warm_ups()
    assert (standing.limit, standing.last_advanced_on) == (14, later(days=8).date())
    assert "10 mails accepted" in standing.reason


def test_days_without_mail_and_days_on_which_nobody_looked_do_not_advance(app: App, pool: int) -> None:
    mailbox = young(app)
    app.open_lanes(later(days=1))
    assert [each.change for each in app.warm_up_history(later(days=1))] == ["held"]
    for number in range(1, 5):
        mailed(app, mailbox, later(days=number).date(), 10)
    app.open_lanes(later(days=6))
    (standing,) = app.warm_ups()
    assert standing.warm_up
    assert standing.warm_up.stage == 1


def test_mails_that_no_provider_accepted_do_not_count(app: App, pool: int) -> None:
    mailbox = young(app)
    execute(
        app, "insert into ledger.mailbox_usage (mailbox_id, day, taken, refused) values (%s, %s, 5, 5)",
        mailbox, NOW.date(),
    )  # fmt: skip
    assert app.advance_warm_ups(later(days=1)) == {"advanced": 0, "held": 1, "cut": 0, "probations_ended": 0}


def test_bad_evidence_cuts_once_and_not_again_for_the_same_mails(app: App, pool: int) -> None:
    mailbox = young(app)
    execute(app, "update ledger.warm_ups set stage = 10")  # 20 a day
    mailed(app, mailbox, NOW.date(), 50, hard_bounced=6)
    assert app.advance_warm_ups(later(days=1))["cut"] == 1
    assert limit(app, later(days=1)) == 15
    mailed(app, mailbox, later(days=1).date(), 15)
    assert app.advance_warm_ups(later(days=2))["advanced"] == 1
    assert [each.day_limit for each in app.warm_up_history(later(days=2))] == [15, 17]


def test_the_day_is_the_mailboxs_own(app: App, pool: int) -> None:
    mailbox = young(app, time_zone="Asia/Kolkata")  # its next day begins at 18:30 UTC
    mailed(app, mailbox, NOW.date(), 5)
    assert app.advance_warm_ups(NOW.replace(hour=18, minute=29))["advanced"] == 0
    assert app.advance_warm_ups(NOW.replace(hour=18, minute=30))["advanced"] == 1


def test_two_sweeps_at_once_count_as_one(app: App, pool: int) -> None:
    for mailbox in make_mailboxes(app, 12, warm_up_started_on=NOW.date()):
        mailed(app, mailbox, NOW.date(), 5)
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(lambda _: app.advance_warm_ups(later(days=1)), range(4)))
    assert {row["stage"] for row in execute(app, "select stage from ledger.warm_ups")} == {1}
    assert len(app.warm_up_history(later(days=1))) == 12


def test_a_pools_curve_holds_for_its_mailboxes_unless_they_have_their_own(app: App, pool: int) -> None:
    young(app)
    app.set_warm_up_curve(ADMIN, "pool", "pool", "20, 30,40", as_of=NOW)
    assert limit(app, NOW) == 20
    app.set_warm_up_curve(ADMIN, "mailbox", "box0@brand.test", "gentle", as_of=NOW)
    assert limit(app, NOW) == 2
    with pytest.raises(NotAllowed):
        app.set_warm_up_curve(ANALYST, "pool", "pool", "gentle", as_of=NOW)
    with pytest.raises(InputInvalid):
        app.set_warm_up_curve(ADMIN, "pool", "pool", "steep", as_of=NOW)
    with pytest.raises(NotFound):
        app.set_warm_up_curve(ADMIN, "mailbox", "nobody@brand.test", "gentle", as_of=NOW)


def test_the_most_engaged_leads_go_out_from_the_mailbox_that_warms_up(app: App, pool: int) -> None:
    warm = make_mailboxes(app, 1)[0]
    fresh = make_mailboxes(app, 1, domain="young.test", warm_up_started_on=NOW.date())[0]
    campaign = make_campaign(app, pool, people(40))
    execute(app, "update ledger.due_sends set priority = send_id %% 40 / 40.0")
    execute(app, "update ledger.sends set priority = send_id %% 40 / 40.0")
    app.send_ledger.claim("own smtp", worker="w", now=NOW, limit=40)
    scores = {
        box: [row["priority"] for row in sends(app, campaign) if row["mailbox_id"] == box] for box in (warm, fresh)
    }
    assert len(scores[fresh]) == 5
    assert min(scores[fresh]) >= max(scores[warm])


def test_a_scarce_warm_up_goes_to_the_most_engaged_of_a_backlog_not_to_the_longest_due(app: App, pool: int) -> None:
    young(app)
    campaign = make_campaign(app, pool, people(60), due_at=later(days=-2))
    execute(app, "update ledger.sends set due_at = due_at + make_interval(mins => (send_id %% 60)::integer),"
                 " priority = send_id %% 60 / 60.0")  # fmt: skip
    app.send_ledger.claim("own smtp", worker="w", now=NOW, limit=40)
    rows = sends(app, campaign)
    ranked = sorted(rows, key=lambda row: -row["priority"])
    assert [row["state"] for row in ranked] == ["claimed"] * 5 + ["planned"] * 55


def test_what_returns_from_a_spam_block_is_on_probation_for_a_week_of_clean_days(app: App, pool: int) -> None:
    mailbox = make_mailboxes(app, 1)[0]
    mailed(app, mailbox, NOW.date() - timedelta(days=1), 40, blocked=4)
    assert app.apply_guardrails(NOW)["cooled_down"] == 1
    app.open_lanes(later(days=14))
    back = later(days=14)
    state = app.mailboxes(back)[0]
    assert (state.day_limit, state.mailbox.is_on_probation) == (10, True)
    assert (app.warm_ups()[0].limit, app.warm_ups()[0].probation_days) == (10, 0)
    campaign = make_campaign(app, pool, people(30), due_at=back)
    said = next(each for each in app.explain_waiting(campaign, back) if each.subject == "box0@brand.test")
    assert (said.reason, said.count) == (Binding.PROBATION, 10)
    assert "on probation and may send 10 today" in said.sentence
    for number in range(14, 21):
        mailed(app, mailbox, later(days=number).date(), 10)
        app.open_lanes(later(days=number + 1))
    assert limit(app, later(days=21)) == 40
    assert [each.change for each in app.warm_up_history(later(days=21))] == ["advanced"] * 6 + ["finished"]


def test_a_person_who_lifts_a_guardrails_pause_gets_a_probation_and_not_after_a_pause_by_hand(
    app: App, pool: int
) -> None:
    bad, idle = make_mailboxes(app, 1)[0], make_mailboxes(app, 1, domain="other.test")[0]
    mailed(app, bad, NOW.date() - timedelta(days=1), 300, hard_bounced=30)
    app.apply_guardrails(NOW)
    app.pause_mailbox(ANALYST, idle, reason="holiday", as_of=NOW)
    for mailbox in (bad, idle):
        app.lift_pause(ADMIN, mailbox, reason="list cleaned", as_of=later(hours=1))
    assert {s.address: s.day_limit for s in app.mailboxes(NOW)} == {"box0@brand.test": 10, "box0@other.test": 40}


def test_warm_ups_by_age_keep_their_stage_when_they_are_migrated(postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("create database warm_up_by_age")
    url = url_of(postgres, "warm_up_by_age")
    migrate(url, revision="0009")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "insert into ledger.provider_accounts (name, provider, created_at) values ('a', 'smtp', now());"
            "insert into ledger.pools (name, accepts_legal_bases, created_at) values ('p', '{}', now());"
            "insert into ledger.sending_domains (name, created_at) values ('d.test', now());"
            "insert into ledger.mailboxes (domain_id, account_id, pool_id, address, warm_up_started_on, created_at,"
            " status, status_reason, status_evidence) select 1, 1, 1, n || '@d.test', (now() at time zone 'UTC')::date"
            " - n, now(), case n when 9 then 'paused' else 'active' end, 'bounces', '{\"evidence\": {\"sent\": 9}}'"
            " from unnest(array[-3, 0, 9]) n"
        )
        migrate(url)
        rows = connection.execute("select stage from ledger.warm_ups order by mailbox_id").fetchall()
        holds = connection.execute("select subject_id, cause, reason from ledger.holds").fetchall()
    assert [row[0] for row in rows] == [0, 0, 9]
    assert holds == [(3, "evidence", "bounces")]

"""Limits of all four levels on the real Postgres, through the claim: never exceeded, by however many workers."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from leadmill.bootstrap import App
from leadmill.domain.dispatch import Outcome, SendResult
from leadmill.domain.mailboxes import Binding
from leadmill.errors import InputInvalid, NotAllowed, NotFound
from leadmill.sql import query
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

HOUR = NOW.replace(minute=0)


def to(domain: str, count: int, kind: str = "lead") -> list[str]:
    return [f"{kind}-{n}@{domain}" for n in range(count)]


def claim(app: App, lane: str = "own smtp", *, now: datetime = NOW, limit: int = 500, worker: str = "w") -> list[int]:
    return [send.send_id for send in app.send_ledger.claim(lane, worker=worker, now=now, limit=limit).sends]


def claim_until_dry(app: App, lane: str = "own smtp", *, now: datetime = NOW, limit: int = 7) -> int:
    """What two workers together claim at one moment, each again and again."""
    found: list[int] = []
    errors: list[Exception] = []

    def work(worker: App, name: str) -> None:
        try:
            for n in range(200):
                got = worker.send_ledger.claim(lane, worker=f"{name}-{n}", now=now, limit=limit)
                found.extend(send.send_id for send in got.sends)
                if not got.sends and got.retry_at != now:
                    return
        except Exception as error:  # noqa: BLE001 - any error fails the test
            errors.append(error)

    workers = [App(app.settings) for _ in range(2)]
    threads = [threading.Thread(target=work, args=(worker, f"w{n}")) for n, worker in enumerate(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for worker in workers:
        worker.database.close()
    assert errors == []
    assert len(found) == len(set(found))
    return len(found)


def mailbox_day(app: App) -> int:
    make_mailboxes(app, 2, daily_limit=11)
    return 22


def mailbox_hour(app: App) -> int:
    make_mailboxes(app, 2, hourly_limit=9)
    return 18


def minimum_gap(app: App) -> int:
    make_mailboxes(app, 3, min_gap_seconds=60)
    return 3


def even_spread(app: App) -> int:
    make_lane(app, 2525, spread="even")
    make_mailboxes(app, 4)
    return 4


def domain_day(app: App) -> int:
    make_mailboxes(app, 3, domain_daily_limit=31)
    return 31


def account_day(app: App) -> int:
    make_lane(app, 2525, daily_limit=29)
    make_mailboxes(app, 3)
    return 29


def provider_day(app: App) -> int:
    """SES said 50 a day, of which others used 20."""
    make_mailboxes(app, 3)
    execute(
        app,
        "update ledger.provider_accounts set daily_limit = 1000, provider_daily_limit = 50, provider_sent_24h = 20,"
        " others_sent_24h = 20, provider_limits_read_at = %s",
        NOW - timedelta(hours=1),
    )
    return 30


def recipient_domain(app: App) -> int:
    app.set_recipient_limit(ADMIN, "people", NOW, hourly_limit=13, domains=["people.test"])
    make_mailboxes(app, 2, domain="one.test")
    make_mailboxes(app, 2, domain="two.test")
    return 26


@pytest.mark.parametrize(
    "level",
    [
        mailbox_day,
        mailbox_hour,
        minimum_gap,
        even_spread,
        domain_day,
        account_day,
        provider_day,
        recipient_domain,
    ],
)
def test_two_workers_at_once_use_each_limit_up_and_never_exceed_it(app: App, level: Callable[[App], int]) -> None:
    make_lane(app, 2525)
    pool = make_pool(app)
    allowed = level(app)
    make_campaign(app, pool, people(100))
    assert claim_until_dry(app) == allowed


def test_a_full_recipient_domain_keeps_nobody_elses_mail_waiting(app: App) -> None:
    make_lane(app, 2525)
    pool = make_pool(app)
    app.set_recipient_limit(ADMIN, "gmail", NOW, hourly_limit=5)
    make_mailboxes(app, 2, daily_limit=1000)
    campaign = make_campaign(
        app, pool, [*to("gmail.com", 60), *to("googlemail.com", 20, "other"), *to("acme.test", 30)]
    )
    assert claim_until_dry(app, limit=10) == 35
    by_domain = Counter(row["email"].split("@")[1] for row in sends(app, campaign, "state = 'claimed'"))
    assert by_domain["acme.test"] == 30
    assert by_domain["gmail.com"] + by_domain["googlemail.com"] == 5
    # The next hour has room for five more of them.
    assert claim_until_dry(app, now=HOUR + timedelta(hours=1), limit=10) == 5


def test_a_follow_up_to_a_full_recipient_domain_does_not_block_the_queue(app: App) -> None:
    make_lane(app, 2525)
    pool = make_pool(app)
    make_mailboxes(app, 1, daily_limit=1000)
    make_campaign(app, pool, to("gmail.com", 20), steps=2)
    first = claim(app)
    app.send_ledger.record("w", [SendResult(send_id, Outcome.ACCEPTED) for send_id in first], now=NOW)
    app.set_recipient_limit(ADMIN, "gmail", NOW, hourly_limit=0)
    make_campaign(app, pool, to("acme.test", 5), due_at=later(days=4))
    assert claim_until_dry(app, now=later(days=4), limit=5) == 5


def test_quota_given_back_includes_the_recipient_domains(app: App) -> None:
    make_lane(app, 2525)
    pool = make_pool(app)
    app.set_recipient_limit(ADMIN, "gmail", NOW, hourly_limit=5)
    make_mailboxes(app, 1)
    make_campaign(app, pool, [*to("gmail.com", 8), *to("acme.test", 2)])
    taken = claim(app)
    used = "select coalesce(sum(taken), 0)::integer as n from ledger.recipient_usage"
    assert execute(app, used)[0]["n"] == 5
    app.send_ledger.record("w", [SendResult(send_id, Outcome.RELEASED, due_at=NOW) for send_id in taken], now=NOW)
    assert execute(app, used)[0]["n"] == 0
    assert len(claim(app, worker="w2")) == len(taken)
    assert execute(app, used)[0]["n"] == 5


def test_only_limited_recipient_domains_are_counted(app: App) -> None:
    make_lane(app, 2525)
    pool = make_pool(app)
    app.set_recipient_limit(ADMIN, "gmail", NOW, hourly_limit=None)
    make_mailboxes(app, 1)
    make_campaign(app, pool, [*to("gmail.com", 3), *to("acme.test", 3), *to("yahoo.com", 2)])
    assert len(claim(app)) == 8
    assert [(row["family"], row["taken"]) for row in execute(app, "select * from ledger.recipient_usage")] == [
        ("yahoo", 2)
    ]


def test_the_reason_of_every_send_is_stored_with_what_bound_the_other_mailboxes(app: App) -> None:
    make_lane(app, 2525)
    pool = make_pool(app)
    boxes = make_mailboxes(app, 3, daily_limit=10)
    app.pause_mailbox(ANALYST, boxes[2], reason="test", as_of=NOW)
    campaign = make_campaign(app, pool, [*to("gmail.com", 2), *to("acme.test", 2)])
    claim(app)
    found = execute(
        app,
        "select s.mailbox_id, x.reason, c.situation -> 'why' -> (s.mailbox_id || ' ' || x.reason) as why"
        " from ledger.sends s join ledger.claims c using (claim_id)"
        " cross join lateral unnest(c.send_ids, c.reasons) as x(send_id, reason)"
        " where x.send_id = s.send_id and s.campaign_id = %s",
        campaign,
    )
    assert Counter(row["reason"] for row in found) == {"rotation": 2, "rotation gmail": 2}
    assert all(row["why"]["others_bound"] == {"mailbox_paused": 1} for row in found)
    assert all(row["why"]["candidates"] == 2 for row in found)


def test_a_gap_has_jitter_and_is_never_shorter_than_its_setting(app: App) -> None:
    make_lane(app, 2525)
    pool = make_pool(app)
    make_mailboxes(app, 8, min_gap_seconds=100)
    make_campaign(app, pool, people(8))
    assert len(claim(app)) == 8
    waits = [row["next_send_at"] - NOW for row in execute(app, "select next_send_at from ledger.mailboxes")]
    assert all(timedelta(seconds=100) <= wait <= timedelta(seconds=150) for wait in waits)
    assert len(set(waits)) == 8


def test_a_spread_mailbox_says_when_it_may_send_again_and_a_faster_account_at_once(app: App) -> None:
    make_lane(app, 2525, spread="even")
    pool = make_pool(app)
    make_mailboxes(app, 1)
    make_campaign(app, pool, people(30))
    assert len(claim(app)) == 1
    found = app.mailboxes(NOW)[0].capacity
    assert (found.remaining, found.binding) == (0, Binding.SPREAD)
    assert found.relaxes_at is not None
    assert timedelta(minutes=5) < found.relaxes_at - NOW < timedelta(minutes=25)
    retry_at = app.send_ledger.claim("own smtp", worker="w", now=NOW, limit=10).retry_at
    assert retry_at == found.relaxes_at
    make_lane(app, 2525, spread="as_fast_as_possible")
    assert len(claim(app)) == 29


def test_windows_that_close_soon_quicken_the_spread(app: App) -> None:
    make_lane(app, 2525, spread="even")
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(30))
    execute(app, "update ledger.sends set window_ends_at = %s where campaign_id = %s", later(hours=2), campaign)
    assert len(claim(app)) == 1
    wait = execute(app, "select spread_until - %s::timestamptz as wait from ledger.mailboxes", NOW)[0]["wait"]
    assert timedelta(minutes=1.4) < wait < timedelta(minutes=4.6)


def test_the_providers_own_rate_slows_a_lane_down(app: App) -> None:
    make_lane(app, 2525, max_per_second=100)
    pool = make_pool(app)
    make_mailboxes(app, 1)
    execute(app, "update ledger.provider_accounts set provider_max_per_second = 2")
    make_campaign(app, pool, people(10))
    found = app.send_ledger.claim("own smtp", worker="w", now=NOW, limit=10)
    assert found.max_per_second == 2
    assert execute(app, "select next_send_at from ledger.provider_accounts")[0]["next_send_at"] == later(seconds=5)


def test_what_others_sent_is_forgotten_after_the_providers_day(app: App) -> None:
    make_lane(app, 2525)
    pool = make_pool(app)
    make_mailboxes(app, 1)
    execute(
        app,
        "update ledger.provider_accounts set provider_daily_limit = 50, others_sent_24h = 50, provider_limits_read_at = %s",
        NOW - timedelta(hours=25),
    )
    make_campaign(app, pool, people(10))
    assert len(claim(app)) == 10


def test_a_mailboxs_day_begins_at_midnight_of_its_own_zone(app: App) -> None:
    make_lane(app, 2525)
    pool = make_pool(app)
    make_mailboxes(app, 1, daily_limit=2, time_zone="Asia/Kolkata")
    make_campaign(app, pool, people(10))
    before = datetime(2026, 3, 2, 18, 29, tzinfo=UTC)  # 23:59 there
    assert len(claim(app, now=before)) == 2
    assert claim(app, now=before) == []
    assert len(claim(app, now=before + timedelta(minutes=1))) == 2


# --- settings


def test_common_receivers_are_limited_from_the_start_and_an_admin_changes_them(app: App) -> None:
    known = {family.family: family for family in app.recipient_limits()}
    assert {"gmail.com", "googlemail.com"} == set(known["gmail"].domains)
    assert {"hotmail.com", "live.com", "outlook.com"} <= set(known["microsoft"].domains)
    assert all(family.hourly_limit for family in known.values())
    app.set_recipient_limit(ADMIN, "gmail", NOW, hourly_limit=40)
    changed = app.set_recipient_limit(ADMIN, "Acme", NOW, hourly_limit=None, domains=["ACME.com", "@acme.de", "me.com"])
    assert (changed.family, changed.domains) == ("acme", ("acme.com", "acme.de", "me.com"))
    known = {family.family: family for family in app.recipient_limits()}
    assert (known["gmail"].hourly_limit, len(known["gmail"].domains)) == (40, 2)
    assert "me.com" not in known["apple"].domains
    app.remove_recipient_limit(ADMIN, "acme", NOW)
    assert "acme" not in {family.family for family in app.recipient_limits()}
    actions = [row["action"] for row in execute(app, "select action from ledger.audit_log order by audit_id")]
    assert actions == ["recipient_family.set", "recipient_family.set", "recipient_family.delete"]


def test_limits_of_recipient_domains_that_make_no_sense_are_refused(app: App) -> None:
    with pytest.raises(NotAllowed):
        app.set_recipient_limit(ANALYST, "gmail", NOW, hourly_limit=1)
    with pytest.raises(NotAllowed):
        app.remove_recipient_limit(ANALYST, "gmail", NOW)
    with pytest.raises(NotFound):
        app.remove_recipient_limit(ADMIN, "nobody", NOW)
    for family, domains, limit in [("", [], 1), ("a b", [], 1), ("x", ["no domain"], 1), ("x", ["x.com"], -1)]:
        with pytest.raises(InputInvalid):
            app.set_recipient_limit(ADMIN, family, NOW, hourly_limit=limit, domains=domains)
    with pytest.raises(InputInvalid, match="spread"):
        app.add_provider_account(ADMIN, name="x", provider="smtp", spread="slowly", as_of=NOW)


# --- why nothing is being sent


def test_the_explanation_names_recipient_domains_spread_and_the_providers_quota(app: App) -> None:
    make_lane(app, 2525, spread="even")
    make_lane(app, 2525, name="aws", spread="even")
    pool = make_pool(app)
    app.set_recipient_limit(ADMIN, "gmail", NOW, hourly_limit=1)
    make_mailboxes(app, 1, domain="one.test")
    make_mailboxes(app, 1, domain="two.test", lane="aws")
    execute(
        app,
        "update ledger.provider_accounts set provider_daily_limit = 50, others_sent_24h = 50, provider_limits_read_at = %s"
        " where name = 'aws'",
        NOW,
    )
    campaign = make_campaign(app, pool, to("gmail.com", 20))
    assert len(claim(app)) == 1
    found = {each.subject: each for each in app.explain_waiting(campaign, NOW)}
    recipients = found["recipients"]
    assert (recipients.reason, recipients.count, recipients.relaxes_at) == (
        "recipient_hour",
        19,
        HOUR + timedelta(hours=1),
    )
    assert "1 of 2 sending domains" in recipients.sentence
    assert found["box0@one.test"].reason == "spread"
    assert "evenly" in found["box0@one.test"].sentence
    assert found["box0@one.test"].relaxes_at is not None
    assert found["box0@two.test"].reason == "provider_day"
    assert "others sent" in found["box0@two.test"].sentence


def test_what_others_sent_is_the_providers_count_less_ours(app: App) -> None:
    make_lane(app, 2525)
    pool = make_pool(app)
    make_mailboxes(app, 1)
    make_campaign(app, pool, people(10))
    taken = claim(app)
    app.send_ledger.record("w", [SendResult(send_id, Outcome.ACCEPTED) for send_id in taken[:6]], now=NOW)
    execute(app, "update ledger.provider_accounts set provider_limits_read_at = %s", NOW)
    values = {"daily_limit": 200, "max_per_second": None, "sent_24h": 106, "status": "HEALTHY", "lane": "own smtp"}
    with app.database.transaction() as connection:
        connection.execute(query("ledger/provider_limits", "save_provider_limits"), values)
    # Six of its 106 are ours; the four that are on their way may not be among them.
    assert execute(app, "select others_sent_24h from ledger.provider_accounts")[0]["others_sent_24h"] == 100
    assert app.mailboxes(NOW)[0].mailbox.provider_others == 100


def test_a_lead_page_shows_subjects_as_the_lead_reads_them_and_never_the_template(lake_app: App) -> None:
    app = lake_app
    make_lane(app, 2525)
    pool = make_pool(app)
    make_mailboxes(app, 1)
    make_campaign(app, pool, to("gmail.com", 1), steps=3)
    execute(
        app, "update ledger.variants set subject = '{{ first_name }}{{ job_title | default(\"!\") }}' where step = 1"
    )
    execute(app, "update ledger.variants set subject = 'About {{ phone }}' where step = 2")
    claim(app)
    subjects = {sent["step"]: sent["subject"] for sent in app.lead_detail(ANALYST, 1).sends}
    assert subjects == {1: "Jo!", 2: "About [phone]", 3: "Step 3"}


def test_a_leads_page_can_say_why_its_mail_went_out_from_there(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    app = lake_app
    make_lane(app, 2525)
    pool = make_pool(app)
    boxes = make_mailboxes(app, 3)
    app.pause_mailbox(ANALYST, boxes[0], reason="test", as_of=NOW)
    make_campaign(app, pool, to("gmail.com", 1))
    claim(app)
    (sent,) = app.lead_detail(ANALYST, 1).sends
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "dashboards"))
    from mailbox_choice import words

    assert words(sent["reason"], sent["why"]) == (
        "least full and healthiest of 2 that could: 0% of its day used, 2.0% bounces;"
        " others that could not: 1 since the mailbox is paused (to Gmail)"
    )
    assert words(None, None) == ""
    assert words("sticky", None) == "it sent the first mail"


@pytest.mark.parametrize(("before", "after"), [("UTC", "Pacific/Honolulu"), ("Pacific/Honolulu", "Asia/Kolkata")])
def test_a_mailbox_whose_zone_changes_keeps_what_it_used_of_its_day(app: App, before: str, after: str) -> None:
    make_lane(app, 2525)
    pool = make_pool(app)
    make_mailboxes(app, 1, daily_limit=4, time_zone=before)
    make_campaign(app, pool, to("people.test", 12))
    assert len(claim(app, worker="morning")) == 4
    make_mailboxes(app, 1, daily_limit=4, time_zone=after)
    assert claim(app, now=later(minutes=1), worker="moved") == []
    assert app.check_conservation(later(minutes=2)).faults == 0
    make_mailboxes(app, 1, daily_limit=4, time_zone=before)
    assert claim(app, now=later(minutes=3), worker="back") == []
    assert len(claim(app, now=later(days=2), worker="another day")) == 4


@pytest.mark.parametrize(
    ("zone", "evening"),
    [
        ("Europe/Berlin", datetime(2026, 3, 28, 20, tzinfo=UTC)),  # 23 hours follow
        ("Europe/Berlin", datetime(2026, 10, 24, 20, tzinfo=UTC)),  # 25 hours follow
        ("America/Havana", datetime(2026, 3, 7, 20, tzinfo=UTC)),  # the next day has no midnight
        ("Asia/Beirut", datetime(2026, 3, 28, 20, tzinfo=UTC)),
        ("America/Havana", datetime(2026, 10, 31, 20, tzinfo=UTC)),  # and here it has midnight to one twice
        ("Asia/Kathmandu", datetime(2026, 3, 2, 17, tzinfo=UTC)),  # a quarter to the hour
        ("Pacific/Kiritimati", datetime(2026, 3, 2, 17, tzinfo=UTC)),
    ],
)
def test_a_day_ends_for_the_limit_when_it_ends_in_the_mailboxs_zone_and_not_before(
    app: App, zone: str, evening: datetime
) -> None:
    make_lane(app, 2525)
    pool = make_pool(app)
    make_mailboxes(app, 1, daily_limit=3, time_zone=zone)
    campaign = make_campaign(app, pool, to("people.test", 20), due_at=evening)
    assert len(claim(app, now=evening, worker="evening")) == 3
    for day in ("first", "second"):
        (ends,) = {
            each.relaxes_at for each in app.explain_waiting(campaign, evening) if each.reason == Binding.MAILBOX_DAY
        }
        assert ends is not None
        assert evening < ends <= evening + timedelta(hours=25)
        assert claim(app, now=ends - timedelta(seconds=1), worker=f"{day} too early") == []
        assert len(claim(app, now=ends, worker=f"{day} morning")) == 3
        evening = ends
    assert app.check_conservation(evening).faults == 0


def test_what_a_mailbox_gives_back_after_it_was_moved_belongs_to_the_account_it_was_taken_from(app: App) -> None:
    make_lane(app, 25, name="A", daily_limit=100)
    make_lane(app, 25, name="B", daily_limit=10)
    pool = make_pool(app)
    (moved,) = make_mailboxes(app, 1, lane="A", domain="a.test", daily_limit=1_000)
    make_mailboxes(app, 1, lane="B", domain="b.test", daily_limit=1_000)
    make_campaign(app, pool, people(60))
    assert claim_until_dry(app, "B") == 10
    held = claim(app, "A", limit=20, worker="slow")
    to_b = "(select account_id from ledger.provider_accounts where name = 'B')"
    execute(app, f"update ledger.mailboxes set account_id = {to_b} where mailbox_id = %s", moved)
    app.send_ledger.record("slow", [SendResult(send, Outcome.RELEASED) for send in held], now=NOW)
    assert claim_until_dry(app, "B", now=later(minutes=1)) == 0, "its day is used up"

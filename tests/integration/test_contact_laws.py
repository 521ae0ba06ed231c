"""Laws of contact, whatever campaigns, rules and times: the week's cap, the days between two campaigns, nothing lost."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from leadmill.adapters.ledger.claims import ClaimRequest, claim
from leadmill.bootstrap import App
from leadmill.domain.contact_rules import WEEK, ContactRules
from leadmill.domain.dispatch import Outcome, SendResult
from leadmill.domain.segments import Segment
from leadmill.ports.dispatch import Claim
from tests.campaign_world import NOW, execute, make_lead, make_pool, set_organisation
from tests.conftest import fresh_database
from tests.integration.test_contact_rules import FREELY, planned

CAP = 3
DAYS = 45
PEOPLE = ("ann@people.test", "jo.smith@gmail.com", "josmith+x@gmail.com")


@contextmanager
def world(base: App, postgres: str, template: str) -> Iterator[tuple[App, list[int]]]:
    """A ledger of its own with three leads, two of them one person, and two pools with a lane each."""
    with fresh_database(postgres, template) as url:
        app = App(base.settings.model_copy(update={"database_url": url}))
        try:
            set_organisation(app)
            for email in PEOPLE:
                make_lead(app, email, country="DE" if email.startswith("jo.") else "AT")
            pools = [make_pool(app, name) for name in ("one", "two")]
            execute(app, "update ledger.provider_accounts set spread = 'as_fast_as_possible'")
            yield app, pools
        finally:
            app.database.close()


def history(app: App) -> list[dict[str, Any]]:
    """Every mail that went out, by person and time, with its campaign's rules."""
    with app.database.transaction() as connection:
        return connection.execute(
            "select ledger.inbox(l.email) as person, s.claimed_at as at, s.campaign_id, c.days_apart"
            " from ledger.sends s join ledger.leads l using (lead_id) join ledger.campaigns c using (campaign_id)"
            " where s.state in ('claimed', 'accepted', 'ambiguous') order by 1, 2, s.claim_id"  # as they were claimed
        ).fetchall()


def require_laws(app: App) -> None:
    mails = defaultdict(list)
    for row in history(app):
        mails[row["person"]].append(row)
    for of_person in mails.values():
        times = [row["at"] for row in of_person]
        for first, nth in zip(times, times[CAP:], strict=False):
            assert nth - first >= WEEK, "more mails within seven days than the cap"
        for place, row in enumerate(of_person):
            for before in of_person[:place]:
                if before["campaign_id"] != row["campaign_id"]:
                    assert row["at"] - before["at"] >= timedelta(days=row["days_apart"]), (
                        "two campaigns within the days set"
                    )


outcomes = st.sampled_from([Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.AMBIGUOUS, Outcome.RELEASED])
plans = st.tuples(
    st.just("plan"),
    st.integers(0, 1),
    st.integers(1, 5),
    st.builds(
        ContactRules,
        leave_out_replied=st.booleans(),
        leave_out_in_sequence=st.booleans(),
        days_apart=st.sampled_from([0, 0, 2, 7]),
    ),
    st.sampled_from([Segment(), Segment(countries=("DE",)), Segment(countries=("AT",))]),
)
claims = st.tuples(st.just("claim"), st.sampled_from(["one", "two"]), outcomes)
waits = st.tuples(st.just("wait"), st.sampled_from([2, 60, 60 * 24, 60 * 24 * 3]))


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(acts=st.lists(st.one_of(plans, claims, waits), min_size=6, max_size=25))
def test_caps_and_days_hold_whatever_campaigns_do_and_no_mail_is_lost(
    app: App, postgres: str, template_database: str, acts: list[tuple[Any, ...]]
) -> None:
    with world(app, postgres, template_database) as (own, pools):
        at, campaigns = NOW, []
        for act in acts:
            if act[0] == "plan":
                _, pool, steps, rules, segment = act
                campaigns.append(planned(own, pools[pool], at, steps=steps, contacts=rules, segment=segment))
            elif act[0] == "claim":
                take(own, act[1], at, act[2])
            else:
                at += timedelta(minutes=act[1])
            require_laws(own)
        for day in range(DAYS):
            at += timedelta(days=1)
            for minute in range(2):
                for lane in ("one", "two"):
                    take(own, lane, at + timedelta(minutes=2 * minute), Outcome.ACCEPTED)
            if day % 5 == 0:
                own.plan_campaigns(at)
        require_laws(own)
        for campaign in campaigns:
            assert own.conservation(campaign).missing == 0
            assert "planned" not in {row["state"] for row in states_of(own, campaign)} or has_doubt(own, campaign)


def states_of(app: App, campaign: int) -> list[dict[str, Any]]:
    with app.database.transaction() as connection:
        return connection.execute(
            "select distinct state from ledger.sends where campaign_id = %s", (campaign,)
        ).fetchall()


def has_doubt(app: App, campaign: int) -> bool:
    """A follow-up waits for a mail before it that is in doubt."""
    return "ambiguous" in {row["state"] for row in states_of(app, campaign)}


def take(app: App, lane: str, at: datetime, outcome: Outcome) -> None:
    worker = f"{lane} {at.isoformat()}"
    found = app.send_ledger.claim(lane, worker=worker, now=at, limit=50)
    app.send_ledger.record(worker, [SendResult(s.send_id, outcome, code="x") for s in found.sends], now=at)


# --- at the same moment


def claim_within(connection: psycopg.Connection[Any], lane: str, at: datetime = NOW) -> Claim:
    return claim(connection, ClaimRequest(lane, f"open {lane}", at, 50, CAP))


def connect(app: App) -> psycopg.Connection[Any]:
    return psycopg.connect(app.settings.database_url, row_factory=dict_row, options="-c timezone=UTC")


def test_two_lanes_at_once_do_not_both_mail_a_person(app: App, postgres: str, template_database: str) -> None:
    rules = ContactRules(leave_out_in_sequence=False)
    with world(app, postgres, template_database) as (own, pools):
        first, second = (planned(own, pool, steps=1, contacts=rules) for pool in pools)
        with connect(own) as one, connect(own) as two:
            assert len(claim_within(one, "one").sends) == 2
            assert claim_within(two, "two").sends == ()
            one.commit()
            two.commit()
        take(own, "two", NOW + timedelta(minutes=2), Outcome.ACCEPTED)
        require_laws(own)
        assert {row["state"] for row in states_of(own, first)} == {"claimed"}
        assert {row["state"] for row in states_of(own, second)} == {"planned"}


def test_a_plan_waits_for_claims_that_do_not_know_of_it(app: App, postgres: str, template_database: str) -> None:
    rules = ContactRules(leave_out_in_sequence=False)
    with world(app, postgres, template_database) as (own, pools):
        planned(own, pools[0], steps=1, contacts=FREELY)
        with connect(own) as one:
            assert len(claim_within(one, "one").sends) == 2
            planning = threading.Thread(target=planned, args=(own, pools[1]), kwargs={"steps": 1, "contacts": rules})
            planning.start()
            planning.join(2)
            assert planning.is_alive()
            take(own, "two", NOW, Outcome.ACCEPTED)
            one.commit()
            planning.join(30)
        take(own, "two", NOW + timedelta(minutes=2), Outcome.ACCEPTED)
        require_laws(own)
        assert len(history(own)) == 2


def test_two_plans_at_once_see_each_other(app: App, postgres: str, template_database: str) -> None:
    with world(app, postgres, template_database) as (own, pools):
        threads = [threading.Thread(target=planned, args=(own, pool), kwargs={"steps": 1}) for pool in pools]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        with own.database.transaction() as connection:
            rows = connection.execute(
                "select ledger.inbox(l.email), count(*) as n from ledger.sends join ledger.leads l using (lead_id) group by 1"
            ).fetchall()
        assert [row["n"] for row in rows] == [1, 1]


def test_lanes_that_run_freely_keep_the_cap(app: App, postgres: str, template_database: str) -> None:
    with world(app, postgres, template_database) as (own, pools):
        for number in range(8):
            planned(own, pools[number % 2], steps=1, contacts=FREELY)

        def run(lane: str) -> None:
            for minute in range(12):
                take(own, lane, NOW + timedelta(minutes=minute), Outcome.ACCEPTED)

        threads = [threading.Thread(target=run, args=(lane,)) for lane in ("one", "two")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        require_laws(own)
        assert len(history(own)) == 2 * CAP

"""Two and eight workers at once, their transactions interleaved statement by statement in orders that hypothesis draws."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from psycopg.rows import dict_row

from leadmill.adapters.ledger.projections import EventsProjections
from leadmill.domain import crash_points
from leadmill.domain.dispatch import LEASE, Outcome, SendResult
from leadmill.domain.messages import Fault
from leadmill.domain.sends import EVIDENCE_RANK, SendState
from leadmill.errors import Conflict
from leadmill.ports.collecting import Evidence, SendEvidence, SuppressionEvidence
from leadmill.ports.weather import Refused
from leadmill.settings import Settings
from tests.interleaving_world import Worker, at_gate, deadlocks
from tests.sending_world import (
    ADMIN,
    ANALYST,
    NOW,
    make_campaign,
    make_lane,
    make_mailboxes,
    make_pool,
    people,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

LEADS = 14
MAILBOX_A_DAY, MAILBOX_AN_HOUR, SHARED_DOMAIN_A_DAY, ACCOUNT_A_DAY = 4, 3, 6, 9
LANES = ("a", "b")
AGAIN = {Outcome.RETRY, Outcome.RELEASED}
WORKER = st.integers(0, 7)
"""Any worker; taken modulo how many there are, so that what is drawn never depends on what happened."""

PICK = st.integers(0, 30)


class Interleaved(RuleBasedStateMachine):
    """Draws who begins what, and whose next statement runs; checks what is committed after each of them."""

    settings: Settings
    admin: psycopg.Connection[Any]
    count: int

    @initialize()
    def build(self) -> None:
        tables = self.admin.execute("select tablename from pg_tables where schemaname = 'ledger'").fetchall()
        kept = {"installation", "alembic_version", "due_sends", "doubts"}  # the last two go with the sends
        names = ", ".join(f"ledger.{row['tablename']}" for row in tables if row["tablename"] not in kept)
        self.admin.execute(f"truncate {names} restart identity cascade")
        self.workers = [Worker(f"worker-{n}", self.settings, self.admin) for n in range(self.count)]
        app = self.boss.app
        for lane in LANES:
            make_lane(app, 1, name=lane, daily_limit=ACCOUNT_A_DAY)
        pool = make_pool(app)
        limits = {"daily_limit": MAILBOX_A_DAY, "hourly_limit": MAILBOX_AN_HOUR}
        app.add_sending_domain(ADMIN, name="shared.test", daily_limit=SHARED_DOMAIN_A_DAY, as_of=NOW)
        self.mailboxes = [
            app.add_mailbox(ADMIN, address=f"{lane}@shared.test", account=lane, pool="pool", as_of=NOW, **limits)
            for lane in LANES
        ]
        for lane in LANES:
            self.mailboxes += make_mailboxes(app, 1, lane=lane, domain=f"{lane}.test", **limits)
        self.campaigns = [
            make_campaign(app, pool, people(LEADS, "lead"), planned_at=NOW),
            make_campaign(app, pool, people(4, "two"), steps=2, planned_at=NOW),
        ]
        self.rows = LEADS + 8
        self.minutes = 0
        self.held: dict[int, str] = {}  # send → the claim that holds it, from the claim's commit until its answer
        self.done: set[int] = set()  # answered for good, or in doubt: nobody may claim these again
        self.claims: dict[str, list[int]] = {}  # claim → its sends without an answer
        self.suppressed: set[str] = set()  # addresses whose suppression is committed

    @property
    def boss(self) -> Worker:
        return self.workers[0]

    @property
    def now(self) -> Any:
        return NOW + timedelta(minutes=self.minutes)

    def begin(self, number: int, work: Any) -> None:
        worker = self.workers[number % self.count]
        if not worker.is_busy:
            worker.start(lambda: work(worker))

    # --- what workers do

    @rule(number=WORKER, lane=st.sampled_from(LANES), limit=st.integers(1, 8))
    def claim(self, number: int, lane: str, limit: int) -> None:
        now, barred = self.now, set(self.suppressed)

        def work(worker: Worker) -> None:
            name = uuid.uuid4().hex
            claim = worker.app.send_ledger.claim(lane, worker=name, now=now, limit=limit)
            for send in claim.sends:
                assert send.send_id not in self.held, "claimed while another worker holds it"
                assert send.send_id not in self.done, "claimed again after its answer"
                assert send.recipient.email not in barred, "claimed though it was suppressed before"
                self.held[send.send_id] = name
            self.claims[name] = [send.send_id for send in claim.sends]

        self.begin(number, work)

    @rule(number=WORKER, pick=PICK, outcomes=st.lists(st.sampled_from(Outcome), min_size=1, max_size=8))
    def record(self, number: int, pick: int, outcomes: list[Outcome]) -> None:
        open_claims = sorted(name for name, sends in self.claims.items() if sends)
        if not open_claims or self.workers[number % self.count].is_busy:
            return
        name = open_claims[pick % len(open_claims)]
        sends, self.claims[name] = self.claims[name][: len(outcomes)], self.claims[name][len(outcomes) :]
        sends, now = [s for s in sends if self.held.get(s) in {name, None}], self.now
        results = [
            SendResult(
                send_id, outcome, fault=Fault.MOMENT if outcome in AGAIN else Fault.MESSAGE, code="test", due_at=now
            )
            for send_id, outcome in zip(sends, outcomes, strict=False)
        ]

        def work(worker: Worker) -> None:
            # What is given back may be claimed by the next transaction, before this thread runs on.
            for result in results:
                if result.outcome in AGAIN:
                    self.held.pop(result.send_id, None)
                else:
                    self.done.add(result.send_id)
            worker.app.send_ledger.record(name, results, now=now)
            worker.app.send_ledger.record(name, results, now=now)  # a repeated answer changes nothing

        self.begin(number, work)

    @rule(number=WORKER)
    def recover(self, number: int) -> None:
        now = self.now
        self.begin(number, lambda worker: worker.app.recover_expired_leases(now))

    @rule(number=WORKER, pick=PICK, outcome=st.sampled_from(["sent", "lost", "send_again"]))
    def settle(self, number: int, pick: int, outcome: Any) -> None:
        now = self.now
        found = self.admin.execute("select send_id from ledger.sends where state = 'ambiguous' order by 1").fetchall()
        if not found:
            return
        send_id = found[pick % len(found)]["send_id"]

        def work(worker: Worker) -> None:
            if outcome == "send_again":  # from its commit on it may be claimed anew, before this thread runs on
                was_done, holder = send_id in self.done, self.held.pop(send_id, None)
                self.done.discard(send_id)
            try:
                worker.app.settle_ambiguous(ANALYST, send_id, outcome, reason="I looked", as_of=now)
            except Conflict:  # evidence or its own worker was faster: nothing changed
                if outcome == "send_again" and was_done:
                    self.done.add(send_id)
                if outcome == "send_again" and holder:
                    self.held.setdefault(send_id, holder)

        self.begin(number, work)

    @rule(number=WORKER, pick=PICK, state=st.sampled_from([SendState.DELIVERED, SendState.BOUNCED]))
    def hear_of(self, number: int, pick: int, state: SendState) -> None:
        """An event arrives for a send that was handed over."""
        now, send_id = self.now, 1 + pick % self.rows
        ranks, nothing = [EVIDENCE_RANK[state]], [None]
        columns = SendEvidence([send_id], [state.value], ranks, [now], [now], nothing, nothing, nothing, [False])

        def work(worker: Worker) -> None:
            with EventsProjections(worker.app.database).projecting() as projection:
                projection.apply(Evidence(1, columns, SuppressionEvidence([], [], [], [], [], [])), as_of=now)

        self.begin(number, work)

    @rule(number=WORKER, pick=PICK)
    def suppress_somebody(self, number: int, pick: int) -> None:
        email, now = people(LEADS, "lead")[pick % LEADS], self.now

        def work(worker: Worker) -> None:
            worker.app.suppress_person(ANALYST, email=email, reason="asked by phone", as_of=now)
            self.suppressed.add(email)

        self.begin(number, work)

    @rule(number=WORKER, pick=PICK)
    def pause_and_lift_mailbox(self, number: int, pick: int) -> None:
        mailbox_id, now = self.mailboxes[pick % len(self.mailboxes)], self.now

        def work(worker: Worker) -> None:
            worker.app.pause_mailbox(ANALYST, mailbox_id, reason="test", as_of=now)
            worker.app.lift_pause(ADMIN, mailbox_id, reason="test", as_of=now)

        self.begin(number, work)

    @rule(number=WORKER, pick=PICK)
    def pause_and_resume_campaign(self, number: int, pick: int) -> None:
        campaign_id, now = self.campaigns[pick % len(self.campaigns)], self.now

        def work(worker: Worker) -> None:
            try:
                worker.app.pause_campaign(ANALYST, campaign_id, now)
                worker.app.resume_campaign(ANALYST, campaign_id, now)
            except Conflict:
                pass  # somebody else did

        self.begin(number, work)

    @rule(number=WORKER, pick=PICK)
    def put_off(self, number: int, pick: int) -> None:
        mailbox_id, now = self.mailboxes[pick % len(self.mailboxes)], self.now

        def work(worker: Worker) -> None:
            worker.app.weather_ledger.put_off(Refused(mailbox_id, "a", "452 4.3.1"), now=now)
            slower = Refused(None, "a", "429", timedelta(seconds=5), is_throttling=True)
            worker.app.weather_ledger.put_off(slower, now=now)
            worker.app.weather_ledger.works_again([mailbox_id], "a", now=now)

        self.begin(number, work)

    @rule(number=WORKER)
    def plan(self, number: int) -> None:
        now = self.now
        self.begin(number, lambda worker: worker.app.plan_campaigns(now))

    @rule(minutes=st.sampled_from([1, 3, int(LEASE / timedelta(minutes=1)) + 1, 60]))
    def time_passes(self, minutes: int) -> None:
        self.minutes += minutes

    # --- who moves on

    @rule(number=WORKER)
    def step(self, number: int) -> None:
        self.workers[number % self.count].step()

    @rule(numbers=st.lists(WORKER, min_size=4, max_size=30))
    def steps(self, numbers: list[int]) -> None:
        for number in numbers:
            self.workers[number % self.count].step()

    def teardown(self) -> None:
        if not hasattr(self, "workers"):
            return
        try:
            for _ in range(400):
                if not any(worker.is_busy for worker in self.workers):
                    break
                for worker in self.workers:
                    worker.step()
            assert not any(worker.is_busy for worker in self.workers), "some worker never came to its end"
            assert deadlocks == []
            self.books_are_right()
        finally:
            for worker in self.workers:
                worker.close()

    # --- what holds of everything that is committed

    @invariant()
    def books_are_right(self) -> None:
        if not hasattr(self, "campaigns"):
            return
        self.no_limit_is_exceeded()
        rows = self.admin.execute("select state, count(*) as n from ledger.sends group by 1").fetchall()
        assert sum(row["n"] for row in rows) == self.rows

    def no_limit_is_exceeded(self) -> None:
        found = self.admin.execute(
            "select coalesce((select max(taken) from ledger.mailbox_usage), 0) as mailbox,"
            " coalesce((select max(taken) from ledger.mailbox_hour_usage), 0) as hour,"
            " coalesce((select max(u.taken) from ledger.domain_usage u join ledger.sending_domains using (domain_id)"
            "   where name = 'shared.test'), 0) as domain,"
            " coalesce((select max(taken) from (select sum(taken) as taken from ledger.account_usage"
            "   group by account_id) a), 0) as account,"
            " coalesce((select max(n) from (select count(*) as n from ledger.sends s join ledger.mailboxes m using (mailbox_id)"
            "   where s.claimed_at is not null and s.state <> 'planned' group by m.mailbox_id) b), 0) as sends"
        ).fetchone()
        assert found
        assert found["mailbox"] <= MAILBOX_A_DAY
        assert found["hour"] <= MAILBOX_AN_HOUR
        assert found["domain"] <= SHARED_DOMAIN_A_DAY
        assert found["account"] <= ACCOUNT_A_DAY
        assert found["sends"] <= MAILBOX_A_DAY


@pytest.fixture
def admin(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as connection:
        yield connection


@pytest.mark.parametrize(("count", "examples"), [(2, 40), (8, 40)])
def test_workers_whose_statements_interleave_claim_nothing_twice_exceed_no_limit_and_never_deadlock(
    settings: Settings, admin: psycopg.Connection[Any], count: int, examples: int
) -> None:
    class Machine(Interleaved):
        pass

    Machine.settings, Machine.admin, Machine.count = settings, admin, count
    crash_points.observe(lambda _: at_gate())
    deadlocks.clear()
    try:
        run_state_machine_as_test(
            Machine,
            settings=settings_of(examples),
        )
    finally:
        crash_points.observe(None)


def settings_of(examples: int) -> settings:
    return settings(
        max_examples=int(os.environ.get("INTERLEAVINGS", examples)),
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking would replay a deadlock for minutes
        print_blob=True,
    )

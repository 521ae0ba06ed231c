"""Several workers at once, and workers that are killed: nobody is mailed twice, no limit is exceeded, nothing is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from leadmill.bootstrap import App
from leadmill.domain.dispatch import LEASE
from tests.conftest import TEST_SECRET
from tests.mail_servers import SmtpRecorder, smtp_server
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
    usage,
)


@pytest.fixture
def mail() -> SmtpRecorder:
    return SmtpRecorder()


@pytest.fixture
def port(mail: SmtpRecorder) -> Iterator[int]:
    with smtp_server(mail) as port:
        yield port


def apps(app: App, count: int) -> list[App]:
    """Further workers on the same ledger, each with its own connections."""
    return [App(app.settings) for _ in range(count)]


def in_threads(*works: object) -> list[Exception]:
    errors: list[Exception] = []

    def guarded(work) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - any error fails the test
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return errors


@pytest.mark.parametrize("workers", [2, 8])
def test_workers_that_claim_at_once_share_the_sends_and_keep_every_limit(app: App, port: int, workers: int) -> None:
    lanes = [make_lane(app, port, name="a", daily_limit=130), make_lane(app, port, name="b")]
    pool = make_pool(app)
    # One domain over both lanes, limited; mailboxes limited one by one.
    app.add_sending_domain(ADMIN, name="shared.test", daily_limit=100, as_of=NOW)
    shared = [
        app.add_mailbox(ADMIN, address=f"{lane}{n}@shared.test", account=lane, pool="pool", daily_limit=30, as_of=NOW)
        for lane in lanes
        for n in range(3)
    ]
    make_mailboxes(app, 4, lane="a", domain="only.test", daily_limit=25)
    campaign = make_campaign(app, pool, people(400))
    claimed: list[list[int]] = []

    def work(worker: App, name: str, lane: str):
        def run() -> None:
            for n in range(40):
                found = worker.send_ledger.claim(lane, worker=f"{name}-{n}", now=NOW, limit=7)
                claimed.append([send.send_id for send in found.sends])
                if not found.sends:
                    return

        return run

    others = apps(app, workers)
    errors = in_threads(*(work(w, str(n), lanes[n % 2]) for n, w in enumerate(others)))
    for other in others:
        other.database.close()
    assert errors == []
    taken = [send_id for batch in claimed for send_id in batch]
    assert len(taken) == len(set(taken))
    by_mailbox = Counter(row["mailbox_id"] for row in sends(app, campaign, "state = 'claimed'"))
    assert all(by_mailbox[m] <= 30 for m in shared)
    assert sum(by_mailbox[m] for m in shared) <= 100
    lane_a = execute(app, "select count(*) as n from ledger.sends join ledger.mailboxes using (mailbox_id)"
                     " join ledger.provider_accounts using (account_id) where name = 'a'")[0]["n"]  # fmt: skip
    assert lane_a <= 130
    # Nothing was left unused: lane a ended at its own limit, or at those of its mailboxes and the domain it shares.
    of_shared, of_only = sum(by_mailbox[m] for m in shared), sum(n for m, n in by_mailbox.items() if m not in shared)
    assert of_shared == 100
    assert lane_a == 130 or of_only == 100
    assert usage(app)["account"] == usage(app)["mailbox"] == len(taken)


@pytest.mark.parametrize("workers", [2, 8])
def test_dispatch_run_several_times_at_once_sends_nothing_twice(
    app: App, mail: SmtpRecorder, port: int, workers: int
) -> None:
    lane = make_lane(app, port)
    pool = make_pool(app)
    make_mailboxes(app, 5, daily_limit=50)
    campaign = make_campaign(app, pool, [*people(180), *people(15, "grey"), *people(5, "unknown")])
    others = apps(app, workers)
    errors = in_threads(*(lambda w=w: w.send_lane(lane, NOW, time_budget_seconds=20) for w in others))
    for other in others:
        other.database.close()
    assert errors == []
    assert states(app, campaign) == {"accepted": 180, "planned": 15, "refused": 5}
    assert sum(mail.copies.values()) == 180
    assert set(mail.copies.values()) == {1}


def test_recording_and_claiming_at_once_never_deadlock_for_good(app: App, mail: SmtpRecorder, port: int) -> None:
    lanes = [make_lane(app, port, name="a"), make_lane(app, port, name="b")]
    pool = make_pool(app)
    for lane in lanes:
        make_mailboxes(app, 3, lane=lane, domain=f"{lane}.test", daily_limit=200)
    campaign = make_campaign(app, pool, [*people(300), *people(60, "grey")])
    others = apps(app, 8)
    errors = in_threads(
        *(lambda w=w, n=n: w.send_lane(lanes[n % 2], NOW, time_budget_seconds=20) for n, w in enumerate(others))
    )
    for other in others:
        other.database.close()
    assert errors == []
    assert states(app, campaign) == {"accepted": 300, "planned": 60}
    assert set(mail.copies.values()) == {1}
    assert usage(app)["mailbox"] == usage(app)["hour"] == usage(app)["domain"] == usage(app)["account"] == 300


DISPATCH = """
import os, sys
from datetime import datetime
from leadmill.bootstrap import App
from leadmill.settings import Settings
app = App(Settings())
print("ready", flush=True)
app.send_lane(sys.argv[1], datetime.fromisoformat(sys.argv[2]), time_budget_seconds=60)
print("done", flush=True)
"""


def start_worker(app: App, lane: str, as_of: str) -> subprocess.Popen[str]:
    environment = os.environ | {
        "LEADMILL_DATABASE_URL": app.settings.database_url,
        "LEADMILL_STORE": app.settings.store,
        "LEADMILL_SECRET_KEY": TEST_SECRET,
        "LEADMILL_VAR_DIR": str(app.settings.var_dir),
    }
    return subprocess.Popen(
        [sys.executable, "-c", DISPATCH, lane, as_of], env=environment, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("seed", range(5))
def test_a_worker_killed_at_a_random_moment_mails_nobody_twice_and_loses_nothing(
    app: App, mail: SmtpRecorder, port: int, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    mail.delay_seconds = 0.06  # an ordinary relay: at most 130 mails a second over the four times two connections
    lane = make_lane(app, port)
    pool = make_pool(app)
    make_mailboxes(app, 4, daily_limit=150)
    campaign = make_campaign(app, pool, [*people(270), *people(30, "grey")], steps=2)
    worker = start_worker(app, lane, NOW.isoformat())
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    stop_after = chance.randrange(1, 250)
    while sum(mail.copies.values()) < stop_after and worker.poll() is None:
        time.sleep(0.001)
    time.sleep(chance.random() * 0.05)
    worker.send_signal(signal.SIGKILL)
    worker.wait(10)
    worker.stdout.close()
    at_death = states(app, campaign)

    # At once, while the dead worker's lease still runs, Airflow runs the task again; then the sweep; then once more.
    app.send_lane(lane, later(seconds=30), time_budget_seconds=30)
    app.recover_expired_leases(NOW + LEASE + timedelta(minutes=1))
    app.send_lane(lane, NOW + LEASE + timedelta(minutes=2), time_budget_seconds=30)

    after = states(app, campaign)
    assert set(mail.copies.values()) == {1}
    assert set(mail.message_ids.values()) == {1}
    assert sum(after.values()) == 600
    assert after["claimed"] == 0
    assert after["ambiguous"] == at_death["claimed"] <= 150
    assert len(app.ambiguous_sends()) == after["ambiguous"]
    accepted_or_doubtful = {
        row["email"] for row in sends(app, campaign, "state in ('accepted', 'ambiguous') and step = 1")
    }
    assert set(mail.copies) <= accepted_or_doubtful
    missing = accepted_or_doubtful - set(mail.copies)
    assert missing <= {row["email"] for row in sends(app, campaign, "state = 'ambiguous'")}
    first_steps = Counter(row["state"] for row in sends(app, campaign, "step = 1"))
    assert first_steps["accepted"] + first_steps["ambiguous"] == 300
    assert max(execute(app, "select max(taken) as n from ledger.mailbox_usage")[0]["n"], 0) <= 150


SENDERS = ("provider_accounts", "pools", "sending_domains", "mailboxes")


@pytest.mark.parametrize("held", SENDERS)
def test_a_claim_locks_account_pools_domains_and_mailboxes_in_this_order(app: App, port: int, held: str) -> None:
    """While it waits for one of them, it has locked all before and none behind: else two claims could wait for each other."""
    make_lane(app, port, name="a")
    pool = make_pool(app)
    make_mailboxes(app, 3, lane="a")
    make_campaign(app, pool, people(3))
    [claiming] = apps(app, 1)

    def is_locked(table: str) -> bool:
        with psycopg.connect(app.database.url) as connection:
            try:
                connection.execute(f"select from ledger.{table} for no key update nowait")
            except psycopg.errors.LockNotAvailable:
                return True
        return False

    with psycopg.connect(app.database.url) as holder:
        holder.execute(f"select from ledger.{held} for no key update")
        claim = threading.Thread(target=lambda: claiming.send_ledger.claim("a", worker="w", now=NOW, limit=3))
        claim.start()
        waiting = (
            "select count(*) as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        )
        while claim.is_alive() and execute(app, waiting) == [{"n": 0}]:
            time.sleep(0.01)
        place = SENDERS.index(held)
        assert [is_locked(table) for table in SENDERS] == [True] * (place + 1) + [False] * (len(SENDERS) - place - 1)
    claim.join(60)
    assert states(app) == {"claimed": 3}

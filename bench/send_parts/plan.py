"""Plan a campaign: `python bench/send.py plan [leads] [rounds] [steps]` (default 200,000, 3 and 1).

Floor of the same run: the bare INSERT of as many finished send rows and queue entries into the same tables, with their
indexes and foreign keys and without the trigger that fills the queue; no way of planning can avoid it. Both start from
empty tables on a PostgreSQL of the script's own. CPU is that of the Postgres backend: other users of the machine change
it less than the wall clock.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg

from leadmill.adapters.ledger.database import Database
from leadmill.adapters.ledger.plan import PostgresPlan
from leadmill.local.postgres import start_postgres
from leadmill.sql.migrations import migrate

AS_OF = datetime(2026, 3, 2, 8, tzinfo=UTC)
FILL = """
insert into ledger.leads (email, email_hash, email_domain, first_name, company, category, country, source, legal_basis,
  created_at, updated_at)
select 'lead' || n || '@d' || n % 5000 || '.example', sha256(n::text::bytea), 'd' || n % 5000 || '.example', 'Ann',
  'Company ' || n % 20000, (array['hotel', 'café', 'mill', ''])[n % 4 + 1], (array['DE', 'FR', 'US', 'IN'])[n % 4 + 1],
  'bench', case when n % 10 = 0 then 'legitimate_interest' else 'consent' end, now(), now()
from generate_series(1, {leads}) n;
insert into ledger.suppressions (email_hash, reason, created_at)
select email_hash, 'unsubscribed', now() from ledger.leads where lead_id % 50 = 0;
insert into ledger.lead_scores (lead_id, probability, model, as_of)
select lead_id, (lead_id % 1000) / 1000.0, 'bench', now() from ledger.leads;
insert into ledger.lead_windows
  (lead_id, time_zone, zone_source, zone_confidence, local_hours, confidence, basis, as_of)
select lead_id, (array['Europe/Berlin', 'Europe/Paris', 'America/New_York', 'Asia/Kolkata'])[lead_id % 4 + 1],
  'country', 0.8, array[9 + lead_id % 3, 33 + lead_id % 4, 57 + lead_id % 5, 81, 82, 105]::smallint[], 0.4,
  'pooled_history', now()
from ledger.leads;
insert into ledger.pools (name, accepts_legal_bases, created_at) values ('bench', '{{consent,contract}}', now());
insert into ledger.campaigns (name, status, pool_id, timing, seed, created_by, created_at, updated_at)
values ('bench', 'approved', 1, 'best_time', 7, 'bench', now(), now());
insert into ledger.campaign_steps (campaign_id, step, delay_days)
select 1, n, 3 * (n - 1) from generate_series(1, {steps}) n;
insert into ledger.variants (campaign_id, step, label, subject, body_html)
select 1, n, v, 's', 'h' from generate_series(1, {steps}) n, unnest('{{A,B}}'::text[]) v;
"""
BARE = """
insert into ledger.sends (campaign_id, step, lead_id, variant_id, due_at, window_ends_at, priority, state_changed_at)
select campaign_id, step, lead_id, variant_id, due_at, window_ends_at, priority, state_changed_at
from finished order by step, lead_id;
insert into ledger.due_sends select * from queued;
"""


def reset(connection: psycopg.Connection) -> None:
    connection.execute("truncate ledger.sends restart identity")
    connection.execute("update ledger.campaigns set status = 'approved', planned_at = null")
    connection.execute("checkpoint")


def bare(connection: psycopg.Connection) -> None:
    connection.execute("alter table ledger.sends disable trigger sends_added")
    connection.execute(BARE)
    connection.execute("alter table ledger.sends enable trigger sends_added")


def main() -> None:
    leads, rounds, steps = (int(v) for v in (*sys.argv[1:4], *("200000", "3", "1")[len(sys.argv) - 1 :]))
    folder = Path(tempfile.mkdtemp(prefix="leadmill-bench-"))
    server = start_postgres(folder)
    url = server.get_uri()
    migrate(url)
    database = Database(url, max_size=1)
    times: dict[str, list[tuple[float, float]]] = {"bare insert": [], "plan": [], "plan again": [], "upkeep": []}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(FILL.format(leads=leads, steps=steps))
        connection.execute("vacuum analyze")
        print("filled", flush=True)
        plans = PostgresPlan(database)
        rows = plans.plan(1, as_of=AS_OF).rows_created
        connection.execute("create table finished as select * from ledger.sends")
        connection.execute("create table queued as select * from ledger.due_sends")
        for _ in range(rounds):
            reset(connection)
            times["bare insert"].append(timed(lambda: bare(connection), connection.info.backend_pid))
            reset(connection)
            with database.transaction() as own:
                backend = own.info.backend_pid
            times["plan"].append(timed(lambda: plans.plan(1, as_of=AS_OF), backend))
            times["plan again"].append(timed(lambda: plans.plan(1, as_of=AS_OF), backend))
            times["upkeep"].append(timed(lambda: plans.upkeep(as_of=AS_OF), backend))
    database.close()
    server.cleanup_mode = "delete"
    server.cleanup()
    print(f"{leads:,} leads, {steps} steps, {rows:,} send rows, median of {rounds}")
    for name, taken in times.items():
        floors = times["bare insert"]
        ratio = statistics.median(t[1] / floor[1] for t, floor in zip(taken, floors, strict=True))
        seconds, cpu = (statistics.median(t[i] for t in taken) for i in (0, 1))
        print(f"{name:12s} {seconds:8.2f} s wall {cpu:8.2f} s CPU  {ratio:6.2f} x the bare insert's CPU")


def timed(act: Callable[[], object], backend: int) -> tuple[float, float]:
    """Wall and backend CPU seconds of one call."""
    started, cpu = time.perf_counter(), cpu_seconds(backend)
    act()
    return time.perf_counter() - started, cpu_seconds(backend) - cpu


def cpu_seconds(pid: int) -> float:
    spent = psutil.Process(pid).cpu_times()
    return spent.user + spent.system


if __name__ == "__main__":
    main()

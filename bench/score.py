"""Scoring 1,000,000 leads, from tables to tables, against XGBoost alone.

Usage: python bench/score.py [leads] [rounds]

The limit is `inplace_predict` on a ready float32 block of as many rows. Against it stand, alternating in the same run:
the product's route from DuckDB's feature table over the model to DuckDB's score table, with and without reasons, and
whole runs of `app().score_leads` (features from ledger and lake, history, ledger) where every score changed and where
none did. Two leads in three have events at random days, so that most combinations of features are distinct: the worst
case. Starts a PostgreSQL of its own in a temporary folder.
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from pydantic import SecretStr

from leadmill.adapters.lake.scoring import LakeScoringSession
from leadmill.bootstrap import App
from leadmill.domain.calibration import sigmoid
from leadmill.domain.lead_score import ReasonBook
from leadmill.local.postgres import start_postgres
from leadmill.ports.scoring import ScoreReasons
from leadmill.settings import Settings

NOW = datetime(2026, 6, 17, 12, tzinfo=UTC)
LEADS = """
insert into ledger.leads (email, email_hash, email_domain, first_name, company, job_title, employee_count, phone,
  country, source, legal_basis, created_at, updated_at)
select 'l' || n || '@c' || n %% 5000 || '.test', sha256(n::text::bytea),
  case n %% 7 when 0 then 'gmail.com' else 'c' || n %% 5000 || '.test' end, 'A',
  case n %% 3 when 0 then '' else 'C' end,
  (array['CEO', 'Sales Director', 'Head of IT', 'Engineer', ''])[n %% 5 + 1],
  case n %% 11 when 0 then null else (n * 37 %% 3000 + 1) end,
  case n %% 2 when 0 then '' else '+4930' end, 'DE', 'bench',
  case n %% 3 when 0 then 'consent' else 'legitimate_interest' end,
  %(now)s - (n %% 900) * interval '1 day', %(now)s
from generate_series(1, %(leads)s::bigint) n
"""
EVENTS = """
insert into lake.events by name
select 'e' || i as event_id, kind, 'bench' as provider, false as machine, 'b' as raw_object, 0 as raw_line,
  i // 3 as send_id, 1 + hash(i // 3) % $leads::bigint as lead_id, moment as occurred_at, moment as collected_at
from (
  select i, ['delivered', 'opened', 'clicked'][i % 3 + 1] as kind,
    $now::timestamptz - to_days((i * 7 % 300)::int) as moment
  from range($events::bigint) t(i)
) where kind = 'delivered' or hash(i) % 4 = 0
"""


def main() -> None:
    leads = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory(prefix="lm-bench-") as folder:
        server = start_postgres(Path(folder) / "pg")
        try:
            app = App(
                Settings(
                    var_dir=Path(folder),
                    database_url=server.get_uri(),
                    store=f"file://{folder}/store",
                    secret_key=SecretStr("bench-secret-of-at-least-32-characters"),
                )
            )
            app.migrate(NOW)
            fill(app, leads)
            measure(app, leads, rounds)
            app.database.close()
        finally:
            server.cleanup_mode = "delete"
            server.cleanup()


def fill(app: App, leads: int) -> None:
    with app.database.transaction() as ledger:
        ledger.execute(LEADS, {"now": NOW, "leads": leads})
    with app.lake.connect() as duck:
        duck.execute(EVENTS, {"now": NOW - timedelta(hours=1), "leads": leads, "events": leads * 3})


def measure(app: App, leads: int, rounds: int) -> None:
    names = tuple(feature.name for feature in app.lead_model.features)
    book = ReasonBook(app.lead_model.features)
    with app.lake.connect() as duck:
        session = LakeScoringSession(duck, app.database, as_of=NOW)
        block = np.concatenate([matrix for _, matrix in session.vectors(names)])
        distinct = len(block)
        block = np.ascontiguousarray(np.resize(block, (leads, len(names))))

        app.lead_model.effects(block[:1])  # loads XGBoost and the champion, so that no route pays for it

        def table_to_table(*, explain: bool = True) -> None:
            duck.execute("delete from predictions; delete from prediction_reasons; delete from reason_labels")
            reader = duck.cursor().execute("select * from vectors").to_arrow_reader(65_536)
            for batch in reader:
                matrix = np.column_stack([np.asarray(batch.column(n), dtype=np.float32) for n in names])
                ids = np.asarray(batch.column("vector_id"))
                effects = app.lead_model.effects(matrix) if explain else np.zeros_like(matrix)
                rows, ranks, codes, effects = book.strongest(matrix, effects)
                said = sigmoid(app.lead_model.log_odds(matrix))
                session.keep(ids, said, ScoreReasons(ids[rows], ranks, codes, effects))
            codes, features, words = zip(*book.labels(), strict=True)
            session._add("add_labels", "label_batch", code=list(codes), feature=list(features), label=list(words))  # noqa: SLF001 - one step of the product's own route
            session.run("make_scored", "lake/lead_scores")

        def all_changed() -> None:
            with app.database.transaction() as ledger:
                ledger.execute("truncate ledger.lead_scores")
            app.score_leads(as_of=NOW)

        variants: list[tuple[str, Callable[[], object]]] = [
            ("inplace_predict, ready block (limit)", lambda: app.lead_model.log_odds(block)),
            ("feature table -> score -> table", lambda: table_to_table(explain=False)),
            ("feature table -> score and reasons -> table", table_to_table),
            ("score_leads, every score changed", all_changed),
            ("score_leads, no score changed", lambda: app.score_leads(as_of=NOW)),
        ]
        times: dict[str, list[float]] = {name: [] for name, _ in variants}
        for _ in range(rounds):
            for name, run in variants:
                began = time.perf_counter()
                run()
                times[name].append(time.perf_counter() - began)
    report(times, leads, distinct)


def report(times: dict[str, list[float]], leads: int, distinct: int) -> None:
    limit = next(iter(times.values()))
    print(f"{leads:,} leads, {distinct:,} distinct combinations of 24 features; median of {len(limit)}\n")
    print("| route | s | leads/s | ratio to the limit of the same round |\n|---|---|---|---|")
    for name, found in times.items():
        ratio = statistics.median(base / took for base, took in zip(limit, found, strict=True))
        took = statistics.median(found)
        print(f"| {name} | {took:.2f} | {leads / took:,.0f} | {ratio:.2f} |")
    print(f"\npeak RSS {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()

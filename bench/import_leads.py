"""Importing a CSV of leads through the product's own code, against bare loads of the same file.

Usage: python bench/import_leads.py [rows] [rounds]

The limit is DuckDB's `read_csv` into a table of text, nothing checked. Against it stand, each in a process of its own
and alternating in the same run: pandas' `read_csv`; *judged*: the product reads the file, maps its columns, judges each
row with a reason, drops repeats and writes the quarantine and the rows for the ledger; *imported*: a whole
`app().import_lead_file` into an empty PostgreSQL of its own, Great Expectations included. Prints medians of seconds, of
CPU seconds of the process (without PostgreSQL's) and of peak RSS, and ratios to the limit of the same round.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

NOW = datetime(2026, 11, 1, tzinfo=UTC)
VARIANTS = ("duckdb read_csv", "pandas read_csv", "judged", "imported")


def bare(path: Path, folder: Path) -> int:
    import duckdb

    with duckdb.connect(folder / "bare.duckdb", config={"threads": "2", "memory_limit": "1GB"}) as duck:
        duck.execute(f"create table leads as from read_csv('{path}', all_varchar = true, header = true)")
        (count,) = duck.execute("select count(*) from leads").fetchone() or (0,)
        return count


def pandas(path: Path, _: Path) -> int:
    import pandas as pd

    return len(pd.read_csv(path, dtype=str))


def judged(path: Path, folder: Path) -> int:
    from leadmill.adapters.lead_files.staging import DuckLeadFileReader
    from leadmill.domain.lead_files import ImportDefaults
    from leadmill.ports.lead_files import LeadFileContent

    body = path.read_bytes()
    content = LeadFileContent("leads.csv", str(path), NOW, "0" * 64, len(body), body)
    reader = DuckLeadFileReader(allow_special_use_domains=False)
    with reader.stage(content, ImportDefaults(source="bench"), as_of=NOW) as staged:
        (folder / "quarantine.csv").write_bytes(staged.quarantine())
        staged.write_accepted(folder / "accepted.csv")
        return staged.profile.row_count


def imported(path: Path, folder: Path) -> int:
    from pydantic import SecretStr

    from leadmill.bootstrap import App
    from leadmill.local.postgres import start_postgres
    from leadmill.settings import Settings

    server = start_postgres(folder / "pg")
    try:
        settings = Settings(
            var_dir=folder,
            database_url=server.get_uri(),
            store=f"file://{folder}/store",
            secret_key=SecretStr("benchmark-secret-of-more-than-32-characters"),
        )
        app = App(settings)
        app.migrate(NOW)
        app.store.write("landing/leads/leads.csv", path.read_bytes())
        started = time.perf_counter(), time.process_time()
        outcome = app.import_lead_file("landing/leads/leads.csv", as_of=NOW, requested_by="bench")
        report_from(started)
        app.database.close()
    finally:
        server.cleanup_mode = "delete"
        server.cleanup()
    return outcome["row_count"]


def report_from(started: tuple[float, float]) -> None:
    """Say what counts of this process: set-up before `started` does not."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    spent = {"seconds": time.perf_counter() - started[0], "cpu": time.process_time() - started[1], "mib": used}
    print("RESULT " + json.dumps(spent))


def one(variant: str, path: Path) -> None:
    work = {"duckdb read_csv": bare, "pandas read_csv": pandas, "judged": judged, "imported": imported}[variant]
    with tempfile.TemporaryDirectory(prefix="leadmill-bench-") as folder:
        started = time.perf_counter(), time.process_time()
        work(path, Path(folder))
        if variant != "imported":
            report_from(started)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory(prefix="leadmill-bench-") as folder:
        path = Path(folder) / "leads.csv"
        subprocess.run(
            [sys.executable, str(Path(__file__).with_name("gen_leads.py")), str(count), str(path)], check=True
        )
        print(f"{count:,} rows, {path.stat().st_size / 1e6:.0f} MB, {rounds} rounds")
        results: dict[str, list[dict[str, float]]] = {variant: [] for variant in VARIANTS}
        for _ in range(rounds):
            for variant in VARIANTS:
                command = [sys.executable, __file__, "one", variant, str(path)]
                output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                line = next(line for line in output.splitlines() if line.startswith("RESULT "))
                results[variant].append(json.loads(line.removeprefix("RESULT ")))
        print(
            "| way | seconds | CPU s | peak RSS MiB | time / limit | CPU / limit |\n"
            "| --- | --- | --- | --- | --- | --- |"
        )
        for variant, runs in results.items():
            limit = results[VARIANTS[0]]
            ratios = {
                name: statistics.median(run[name] / base[name] for run, base in zip(runs, limit, strict=True))
                for name in ("seconds", "cpu")
            }
            middle = {name: statistics.median(run[name] for run in runs) for name in ("seconds", "cpu", "mib")}
            print(
                f"| {variant} | {middle['seconds']:.1f} | {middle['cpu']:.1f} | {middle['mib']:.0f} "
                f"| {ratios['seconds']:.1f} | {ratios['cpu']:.1f} |"
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        one(sys.argv[2], Path(sys.argv[3]))
    else:
        main()

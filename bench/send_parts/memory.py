"""Memory of dispatch against the queue's length: `python bench/send.py memory [seconds] [queued …]`.

A process of its own dispatches into the sink for at most so many seconds (default 15), from a queue of each length
(default 100,000 and 400,000); its peak memory must be the same. `memory 600 1000000` sends to a million people.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from send_parts.whole import KEY, NOW, Ledger, sink

QUEUES = ("100000", "400000")
DISPATCH = f"""
import json, resource, sys, time
from datetime import datetime
from pydantic import SecretStr
from leadmill.bootstrap import App
from leadmill.settings import Settings
app = App(Settings(database_url=sys.argv[1], store=sys.argv[2], secret_key=SecretStr({KEY!r})))
began = time.perf_counter()
counts = app.send_lane("lane", datetime.fromisoformat({NOW.isoformat()!r}), time_budget_seconds=float(sys.argv[3]))
seconds = time.perf_counter() - began
print(json.dumps([counts["accepted"], seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
app.database.close()
"""


def main() -> None:
    budget = sys.argv[1] if len(sys.argv) > 1 else "15"
    print("| due sends | sent | mails/s | peak memory, MiB |\n| ---: | ---: | ---: | ---: |")
    for queue in map(int, sys.argv[2:] or QUEUES):
        folder = Path(tempfile.mkdtemp(prefix="leadmill-bench-"))
        with sink() as port:
            ledger = Ledger(folder, port, queue)
            try:
                command = [
                    sys.executable,
                    "-c",
                    DISPATCH,
                    ledger.url("template_of_bench"),
                    f"file://{folder}/store",
                    budget,
                ]
                output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                sent, seconds, memory = json.loads(output.splitlines()[-1])
                print(f"| {queue:,} | {sent:,} | {sent / seconds:,.0f} | {memory:,.0f} |", flush=True)
            finally:
                ledger.server.cleanup_mode = "delete"
                ledger.server.cleanup()
                shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

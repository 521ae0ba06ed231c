"""Memory of dispatch against the queue's length: `python bench/send.py memory [seconds]` (default 15).

A process of its own dispatches into the sink for so many seconds, once from a queue of 100,000 due sends and once from
one of 400,000; its peak memory must be the same.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from send_parts.whole import KEY, NOW, Ledger, sink

QUEUES = (100_000, 400_000)
DISPATCH = f"""
import json, resource, sys
from datetime import datetime
from pydantic import SecretStr
from leadmill.bootstrap import App
from leadmill.settings import Settings
app = App(Settings(database_url=sys.argv[1], store=sys.argv[2], secret_key=SecretStr({KEY!r})))
counts = app.send_lane("lane", datetime.fromisoformat({NOW.isoformat()!r}), time_budget_seconds=float(sys.argv[3]))
print(json.dumps([counts["accepted"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
app.database.close()
"""


def main() -> None:
    seconds = sys.argv[1] if len(sys.argv) > 1 else "15"
    print("| due sends | sent | peak memory, MiB |\n| ---: | ---: | ---: |")
    for queue in QUEUES:
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
                    seconds,
                ]
                output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                sent, memory = json.loads(output.splitlines()[-1])
                print(f"| {queue:,} | {sent:,} | {memory:,.0f} |", flush=True)
            finally:
                ledger.server.cleanup_mode = "delete"
                ledger.server.cleanup()
                shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

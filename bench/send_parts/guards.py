"""What the journal and the looks for recalls take of the whole path's rate: each left out in turn."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from leadmill.services.recall_sends import Recalls
from leadmill.services.right_to_send import SendingRight

from .whole import Ledger, dispatch, sink

WAYS = ("all", "no journal", "no looks")
_JOURNAL, _LOOK = SendingRight.journal_claim, Recalls.keep_looking


def main() -> None:
    """Print mails a second and CPU a mail for each way."""
    mails = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    cpus: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory(prefix="leadmill-bench-") as folder, sink() as port:
        Path(folder).chmod(0o755)
        ledger = Ledger(Path(folder), port, mails)
        run = dispatch(ledger, mails, port)
        for number in range(-1, rounds):  # the first only loads modules
            for place in range(len(WAYS)):
                way = WAYS[(number + place) % len(WAYS)]
                _leave_out(way)
                began = time.process_time()
                seconds, done = run()
                if number >= 0:
                    rates[way].append(mails / seconds)
                    cpus[way].append((time.process_time() - began) / mails * 1e6)
                done()
        ledger.server.cleanup_mode = "delete"
        ledger.server.cleanup()
    print(
        f"{mails} mails, mean of {rounds} rounds\n| way | mails/s | ratio | CPU us/mail |\n| --- | ---: | ---: | ---: |"
    )
    base = statistics.mean(rates["all"])
    for way in WAYS:
        rate = statistics.mean(rates[way])
        print(f"| {way} | {rate:,.0f} | {rate / base:.3f} | {statistics.mean(cpus[way]):.0f} |")


def _leave_out(way: str) -> None:
    async def never_looks(recalls: Recalls) -> None:
        recalls.stale_at = float("inf")

    SendingRight.journal_claim = (lambda *_, **__: None) if way == "no journal" else _JOURNAL  # type: ignore[method-assign]
    Recalls.keep_looking = never_looks if way == "no looks" else _LOOK  # type: ignore[method-assign]

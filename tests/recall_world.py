"""A lane that sends in a thread while a test changes its mind, and a relay that says when it took which mail."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from leadmill.bootstrap import App
from tests.scripted_smtp import Said, ScriptedSmtp
from tests.sending_world import NOW, execute, states


@dataclass
class Relay:
    """Answers a text after so many seconds. `taken`: when a recipient's text had arrived, on the monotonic clock."""

    seconds_a_mail: float = 0.0
    taken: dict[str, float] = field(default_factory=dict)

    @property
    def server(self) -> ScriptedSmtp:
        return ScriptedSmtp(answer=self._answer)

    def _answer(self, said: Said) -> None:
        if said.verb == "DOT":
            assert said.recipient not in self.taken, "a second copy"
            self.taken[said.recipient] = time.monotonic()
            time.sleep(self.seconds_a_mail)


@contextmanager
def sending(app: App, lane: str, *, seconds: float = 4.0) -> Iterator[dict[str, Any]]:
    """The lane's run in a thread; behind the block it is over and its counts are there."""
    counts: dict[str, Any] = {}

    def run() -> None:
        counts.update(app.send_lane(lane, NOW, time_budget_seconds=seconds))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield counts
    finally:
        thread.join(60)


def until(is_true: Callable[[], object], *, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


def until_claimed(app: App) -> None:
    until(lambda: states(app)["claimed"])


def assert_books_balance(app: App) -> None:
    """What mailbox, hour, domain and account gave is what was used, and the hourly check finds nothing."""
    used = execute(app, "select count(*)::integer as n from ledger.sends where claimed_at is not null")[0]["n"]
    for table in ("mailbox_usage", "mailbox_hour_usage", "domain_usage", "account_usage"):
        assert execute(app, f"select coalesce(sum(taken), 0)::integer as n from ledger.{table}")[0]["n"] == used
    assert app.check_conservation(NOW).faults == 0

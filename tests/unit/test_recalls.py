"""Looks for unwanted sends: what a look can have missed is asked for again, and a crew without looks stops."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from leadmill.domain.dispatch import Outcome, SendResult
from leadmill.domain.messages import Frame, OutgoingMessage, Receipt, ReceiptStatus
from leadmill.ports.content import Recipient, Sender
from leadmill.ports.dispatch import ClaimedSend
from leadmill.ports.recalls import Hands, Look
from leadmill.services.hand_over import Answer, Crew, Job
from leadmill.services.pacing import Pacer
from leadmill.services.recall_sends import Recalls

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class Numbered:
    """A ledger whose looks are numbered; `asked`: from which one on each look asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def first_look(self, *, now: datetime) -> Look:
        return Look("0", now, {})

    def look(self, worker: str, since: Look, *, now: datetime) -> Look:
        self.asked.append(since.seen)
        return Look(str(len(self.asked)), now, {})

    def sends_in_hand(self, hands: Hands, *, as_of: datetime) -> int:
        return 0


def test_a_look_asks_from_before_the_oldest_claim_that_was_not_over() -> None:
    ledger = Numbered()
    with ThreadPoolExecutor(1) as thread:
        recalls = Recalls(ledger, "worker", thread=thread, clock=lambda: NOW)
        recalls._look()
        with recalls.claiming():  # begins after look 1
            recalls._look()  # sees no sends of it
            recalls._look()
        recalls._look()  # the first that sees them: asks from look 1 on
        recalls._look()
    assert ledger.asked == ["0", "1", "1", "1", "4"]


class Content:
    variables = deciding = frozenset[str]()

    def render(self, *, send_id: int, recipient: Recipient, sender: Sender) -> OutgoingMessage:
        return OutgoingMessage(
            send_id, sender.address, "", recipient.email, Frame.of("s", "t", "h"), (), f"<{send_id}@b>"
        )


class Slow:
    """Takes ten mails a second."""

    name = "slow"
    batch_size = 100

    def __init__(self) -> None:
        self.took: list[int] = []

    async def send(self, messages: Iterable[OutgoingMessage]) -> AsyncIterator[Receipt]:
        for message in messages:
            await asyncio.sleep(0.1)
            self.took.append(message.send_id)
            yield Receipt(message.send_id, ReceiptStatus.ACCEPTED)

    async def close(self) -> None:
        pass


class Looks:
    def __init__(self) -> None:
        self.fresh = asyncio.Event()
        self.stale_at = time.monotonic() + 0.35

    async def until_fresh(self) -> bool:
        if time.monotonic() >= self.stale_at:
            await self.fresh.wait()
        return True


def _jobs(count: int) -> list[Job]:
    sender = Sender("ann@brand.test", "Ann", "brand.test")
    return [
        Job(ClaimedSend(n, 1, 1, 1, 1, Recipient(n, f"lead-{n}@people.test", {})), Content(), sender, time.monotonic())
        for n in range(count)
    ]


def test_a_crew_renders_nothing_while_looks_are_stale_and_goes_on_where_it_stood() -> None:
    async def run() -> tuple[list[int], list[int]]:
        slow, looks = Slow(), Looks()
        crew = Crew(lambda _: slow, Pacer(), looks)
        crew.submit({1: _jobs(8)})
        await asyncio.sleep(1.2)
        before = list(slow.took)
        looks.stale_at = time.monotonic() + 60
        looks.fresh.set()
        await crew.dismiss()
        return before, slow.took

    before, after = asyncio.run(run())
    assert 1 <= len(before) <= 5
    assert after == list(range(8))


def test_each_recalled_job_is_answered_once_with_its_result_and_what_is_out_is_left_alone() -> None:
    async def run() -> tuple[list[int], dict[int, SendResult | None]]:
        slow = Slow()
        crew = Crew(lambda _: slow, Pacer())
        crew.submit({1: _jobs(8)})
        await asyncio.sleep(0.05)
        for _ in range(2):
            crew.recall({n: SendResult(n, Outcome.SUPPRESSED, code="manual") for n in (0, 5, 6)})
        await crew.dismiss()
        reports = [report for report in crew.rest() if isinstance(report, Answer)]
        assert len(reports) == 8
        assert crew.in_flight == 0
        return slow.took, {report.job.send.send_id: report.result for report in reports}

    took, results = asyncio.run(run())
    assert took == [0, 1, 2, 3, 4, 7]
    assert {n for n, result in results.items() if result and result.outcome is Outcome.SUPPRESSED} == {5, 6}

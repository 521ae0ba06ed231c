"""A blocking provider in a thread keeps every promise of the port."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from leadmill.adapters.esp import blocking
from leadmill.adapters.esp.blocking import InThread
from leadmill.domain.messages import Frame, OutgoingMessage, Receipt, ReceiptStatus
from leadmill.errors import ProviderThrottled, ProviderUnavailable


def mails(count: int) -> list[OutgoingMessage]:
    frame = Frame.of("s", "t", "h")
    return [OutgoingMessage(n, "a@b.test", "", f"{n}@p.test", frame, (), f"<{n}@b.test>") for n in range(count)]


class Provider:
    """Takes mails one by one; fails with `error` at the mail `fails_at`."""

    name, batch_size = "fake", 50

    def __init__(self, *, seconds: float = 0.0, fails_at: int = -1, error: Exception | None = None) -> None:
        self.seconds, self.fails_at, self.error = seconds, fails_at, error
        self.taken: list[int] = []
        self.threads: set[str] = set()

    def send(self, messages: Sequence[OutgoingMessage]) -> Iterator[Receipt]:
        for message in messages:
            self.threads.add(threading.current_thread().name)
            if message.send_id == self.fails_at and self.error is not None:
                raise self.error
            time.sleep(self.seconds)
            self.taken.append(message.send_id)
            yield Receipt(message.send_id, ReceiptStatus.ACCEPTED)


async def collected(esp: InThread, messages: list[OutgoingMessage]) -> tuple[list[int], Exception | None]:
    found = []
    try:
        async for receipt in esp.send(messages):
            found.append(receipt.send_id)  # noqa: PERF401 - those before the error count
    except Exception as error:  # noqa: BLE001 - returned
        return found, error
    return found, None


def test_receipts_come_in_order_and_the_loop_goes_on_meanwhile() -> None:
    provider, ticks = Provider(seconds=0.005), []

    async def tick() -> None:
        while True:
            ticks.append(1)
            await asyncio.sleep(0.001)

    async def work() -> tuple[list[int], Exception | None]:
        ticking = asyncio.create_task(tick())
        found = await collected(InThread(provider), mails(20))
        ticking.cancel()
        return found

    assert asyncio.run(work()) == (list(range(20)), None)
    assert len(ticks) > 20
    assert threading.main_thread().name not in provider.threads


@pytest.mark.parametrize("count", [1, 2, 1_000])
def test_no_receipt_before_an_error_is_lost(count: int) -> None:
    error = ProviderThrottled("wait", retry_after=3)
    provider = Provider(fails_at=count - 1, error=error)
    found, raised = asyncio.run(collected(InThread(provider), mails(count)))
    assert found == provider.taken == list(range(count - 1))
    assert raised is error


def test_of_no_messages_the_provider_hears_nothing() -> None:
    provider = Provider()
    assert asyncio.run(collected(InThread(provider), [])) == ([], None)
    assert not provider.threads


def test_a_reader_that_goes_away_ends_the_hand_over_after_the_mail_at_hand() -> None:
    provider = Provider(seconds=0.02)

    async def work() -> None:
        receipts = InThread(provider).send(mails(50))
        async for _ in receipts:
            break
        await receipts.aclose()
        await asyncio.sleep(0.2)

    asyncio.run(work())
    assert len(provider.taken) <= 4


def test_a_provider_too_slow_for_its_batch_is_given_no_further_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocking, "HAND_OVER_WITHIN_SECONDS", 0.1)
    provider = Provider(seconds=0.03)
    found, raised = asyncio.run(collected(InThread(provider), mails(50)))
    assert isinstance(raised, ProviderUnavailable)
    assert found == provider.taken
    assert len(found) < 10

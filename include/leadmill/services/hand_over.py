"""The hands of a lane: one thread a mailbox renders and hands over; answers come out of one queue."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Lock

from leadmill.domain.dispatch import LEASE, LEASE_MARGIN, Outcome, SendResult
from leadmill.domain.messages import Fault, OutgoingMessage, Receipt, ReceiptStatus
from leadmill.errors import LeadmillError, ProviderThrottled, ProviderUnavailable, TemplateInvalid
from leadmill.ports.content import CompiledContent, Sender
from leadmill.ports.dispatch import ClaimedSend
from leadmill.ports.esp import Esp

log = logging.getLogger(__name__)

PARALLEL_MAILBOXES = 10
"""Mailboxes that send at once in one lane: with network latency, ten hide it; more only queue for the interpreter."""

GROUP = 10
"""Messages handed to a provider at a time; the lease is looked at before each group."""


@dataclass(frozen=True, slots=True)
class Job:
    """One claimed send with all it takes to send it; `claimed_at` is on this process's monotonic clock, in seconds."""

    send: ClaimedSend
    content: CompiledContent
    sender: Sender
    claimed_at: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A receipt for a job, or the result of one that never got as far as a provider."""

    job: Job
    receipt: Receipt | None = None
    result: SendResult | None = None


@dataclass(frozen=True, slots=True)
class ChannelFailure:
    """A mailbox's channel failed; its jobs that were not handed over come as released answers."""

    mailbox_id: int
    error: LeadmillError


@dataclass(frozen=True, slots=True)
class Crash:
    """Something unforeseen broke in a mailbox's thread; what it held has to be left to its lease."""

    mailbox_id: int
    error: Exception
    jobs: Sequence[Job]


Report = Answer | ChannelFailure | Crash


class Pacer:
    """Spaces hand-overs of all mailboxes of a lane so that the account's rate is kept."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._lock = Lock()
        self._next = 0.0
        self._sleep = sleep
        self.max_per_second: float | None = None

    def wait(self) -> None:
        """Return when the next mail may go."""
        if self.max_per_second is None:
            return
        with self._lock:
            now = time.monotonic()
            mine = max(self._next, now)
            self._next = mine + 1 / self.max_per_second
        if mine > now:
            self._sleep(mine - now)


class Crew:
    """Threads that send; a mailbox's jobs keep their order and its connection."""

    def __init__(self, open_channel: Callable[[int], Esp], pacer: Pacer) -> None:
        self._open_channel = open_channel
        self._pacer = pacer
        self._reports: SimpleQueue[Report] = SimpleQueue()
        self._pending: dict[int, deque[Job]] = {}
        self._busy: set[int] = set()
        self._esps: dict[int, Esp] = {}
        self._lock = Lock()
        self._threads = ThreadPoolExecutor(PARALLEL_MAILBOXES, thread_name_prefix="mailbox")
        self.in_flight = 0

    def submit(self, jobs_by_mailbox: Mapping[int, Sequence[Job]]) -> None:
        """Take jobs; each comes back as exactly one answer, or within a crash."""
        with self._lock:
            for mailbox_id, jobs in jobs_by_mailbox.items():
                self._pending.setdefault(mailbox_id, deque()).extend(jobs)
                self.in_flight += len(jobs)
                if mailbox_id not in self._busy:
                    self._busy.add(mailbox_id)
                    self._threads.submit(self._work, mailbox_id)

    def report(self, timeout_seconds: float) -> Report | None:
        """The next report; None when there was none within the time."""
        try:
            found = self._reports.get(timeout=timeout_seconds)
        except Empty:
            return None
        if isinstance(found, Answer):
            self.in_flight -= 1
        elif isinstance(found, Crash):
            self.in_flight -= len(found.jobs)
        return found

    def close(self) -> None:
        """Wait for the threads and end every connection."""
        self._threads.shutdown(wait=True)
        for esp in self._esps.values():
            esp.close()

    def _work(self, mailbox_id: int) -> None:
        while True:
            with self._lock:
                waiting = self._pending[mailbox_id]
                group = [waiting.popleft() for _ in range(min(GROUP, len(waiting)))]
                if not group:
                    self._busy.discard(mailbox_id)
                    return
            self._hand_over(mailbox_id, group)

    def _hand_over(self, mailbox_id: int, group: list[Job]) -> None:
        answered: set[int] = set()
        try:
            ready = list(self._rendered(group, answered))
            esp = self._esp(mailbox_id) if ready else None
            while ready and esp is not None:
                self._pacer.wait()
                burst = ready if self._pacer.max_per_second is None else ready[:1]
                ready = ready[len(burst) :]
                jobs = {job.send.send_id: job for job, _ in burst}
                for receipt in esp.send([message for _, message in burst]):
                    answered.add(receipt.send_id)
                    self._reports.put(Answer(jobs[receipt.send_id], receipt=receipt))
        except LeadmillError as error:
            # First, so that the mailbox is held back before its sends can be claimed again.
            self._reports.put(ChannelFailure(mailbox_id, error))
            for job in group:
                if isinstance(error, ProviderThrottled) and error.met_by == job.send.send_id:
                    refused = Receipt(error.met_by, ReceiptStatus.REFUSED, fault=Fault.MOMENT, code=error.code)
                    answered.add(error.met_by)
                    self._reports.put(Answer(job, receipt=refused))
            self._release(mailbox_id, group, answered)
        except Exception as error:  # a defect of ours must not lose the other mailboxes' answers
            log.exception("mailbox %s: sending broke", mailbox_id)
            left = [job for job in group if job.send.send_id not in answered]
            self._release(mailbox_id, [], answered)
            self._reports.put(Crash(mailbox_id, error, left))

    def _esp(self, mailbox_id: int) -> Esp:
        if mailbox_id not in self._esps:
            self._esps[mailbox_id] = self._open_channel(mailbox_id)
        return self._esps[mailbox_id]

    def _rendered(self, group: Sequence[Job], answered: set[int]) -> Iterator[tuple[Job, OutgoingMessage]]:
        """The jobs that can be sent, with their mails; what cannot is answered at once and stops nobody else."""
        for job in group:
            send_id = job.send.send_id
            if time.monotonic() - job.claimed_at > (LEASE - LEASE_MARGIN).total_seconds():
                answer = Answer(job, result=SendResult(send_id, Outcome.RELEASED, code="lease-short"))
            else:
                try:
                    yield job, job.content.render(send_id=send_id, recipient=job.send.recipient, sender=job.sender)
                    continue
                except TemplateInvalid:
                    code = "template"
                except Exception:  # one lead with an odd value must not stop or loop a batch
                    log.exception("send %s: rendering broke", send_id)
                    code = "rendering-broke"
                refused = Receipt(send_id, ReceiptStatus.REFUSED, fault=Fault.MESSAGE, code=code)
                answer = Answer(job, receipt=refused)
            answered.add(send_id)
            self._reports.put(answer)

    def _release(self, mailbox_id: int, group: Sequence[Job], answered: set[int]) -> None:
        """Give back what the failed channel did not take: the rest of the group, and all that waits behind it."""
        with self._lock:
            waiting = list(self._pending[mailbox_id])
            self._pending[mailbox_id].clear()
        for job in (*(job for job in group if job.send.send_id not in answered), *waiting):
            self._reports.put(Answer(job, result=SendResult(job.send.send_id, Outcome.RELEASED)))


def channel_error(error: Exception) -> LeadmillError:
    """A crash as a channel's failure, for the alert and the wait that follow."""
    return ProviderUnavailable(f"Sending broke unexpectedly ({type(error).__name__}); see the task's log.")

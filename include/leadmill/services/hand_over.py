"""The hands of a lane: one task a mailbox renders and hands over, all in one event loop; reports come out together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from leadmill.domain.crash_points import CrashPoint, reached
from leadmill.domain.dispatch import (
    BROKEN_OFF_CODE,
    LEASE,
    LEASE_MARGIN,
    SAMPLE_OF_A_TEMPLATE,
    Outcome,
    SendResult,
    is_template_at_fault,
)
from leadmill.domain.messages import Fault, OutgoingMessage, Receipt, ReceiptStatus
from leadmill.errors import (
    LeadmillError,
    ProviderThrottled,
    ProviderUnavailable,
    SendingBroke,
    StoreUnavailable,
    TemplateDefect,
    TemplateInvalid,
)
from leadmill.ports.content import CompiledContent, Sender
from leadmill.ports.dispatch import ClaimedSend
from leadmill.ports.esp import Esp
from leadmill.services.pacing import Pacer

log = logging.getLogger(__name__)

PARALLEL_MAILBOXES = 32
"""Mailboxes that send at once in one lane: they wait for the network, not for each other."""

_USABLE_LEASE_SECONDS = (LEASE - LEASE_MARGIN).total_seconds()


@dataclass(slots=True)
class Job:
    """One claimed send with all it takes to send it; `claimed_at` is on this process's monotonic clock, in seconds."""

    send: ClaimedSend
    content: CompiledContent
    sender: Sender
    claimed_at: float
    message: OutgoingMessage | None = None


@dataclass(slots=True)
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
    """Something unforeseen broke in a mailbox's task; `jobs` may have been handed over and are left to their lease."""

    mailbox_id: int
    error: Exception
    jobs: Sequence[Job] = ()


@dataclass(frozen=True, slots=True)
class TemplateFailure:
    """A campaign's template works for nobody; its jobs come as released answers."""

    campaign_id: int
    error: TemplateInvalid


Report = Answer | ChannelFailure | Crash | TemplateFailure


class Looks(Protocol):
    """How long ago somebody looked whether anything in the crew's hands must not go out any more."""

    stale_at: float
    """From when on, on the monotonic clock, nothing more may be rendered without a new look."""

    async def until_fresh(self) -> bool:
        """Return when there is a new look; False when none comes."""
        ...


class Crew:
    """Tasks that send; a mailbox's jobs keep their order and its connections.

    `in_flight`: jobs without an answer. `failures`: failures and crashes reported so far.
    """

    def __init__(self, open_channel: Callable[[int], Esp], pacer: Pacer, looks: Looks | None = None) -> None:
        """`looks` keeps the crew from rendering what nobody has looked at for too long; None: nobody looks."""
        self._open_channel = open_channel
        self._pacer = pacer
        self._looks = looks
        self._reports: deque[Report] = deque()
        self._changed = asyncio.Event()
        self._pending: dict[int, deque[Job]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._esps: dict[int, Esp] = {}
        self._batches: dict[int, _Batch] = {}
        self._taken_back: dict[int, SendResult] = {}
        self._templates = _Templates(self._put, self._in_hand)
        self._room = asyncio.Semaphore(PARALLEL_MAILBOXES)
        self._wanted_reports = 1
        self._wanted_in_flight = 0
        self._dismissed = False
        self.in_flight = 0
        self.failures = 0

    def submit(self, jobs_by_mailbox: Mapping[int, Sequence[Job]]) -> None:
        """Take jobs; each comes back as exactly one answer, or within a crash."""
        self._templates.try_again(jobs_by_mailbox)
        for mailbox_id, jobs in jobs_by_mailbox.items():
            self._pending.setdefault(mailbox_id, deque()).extend(jobs)
            self.in_flight += len(jobs)
            if mailbox_id not in self._tasks:
                self._tasks[mailbox_id] = asyncio.create_task(self._work(mailbox_id))

    def recall(self, unwanted: Mapping[int, SendResult]) -> None:
        """Take sends back: what is not rendered comes as an answer with that result; what a provider has is left alone.

        What is rendered and waits for its provider is marked; a provider that has not handed it over says `RECALLED`.
        """
        if not unwanted:
            return
        for pending in self._pending.values():
            self._answer_unwanted(pending, unwanted)
        for batch in self._batches.values():
            self._answer_unwanted(batch.waiting, unwanted)
            for send_id in unwanted.keys() & batch.out.keys():
                self._taken_back[send_id] = unwanted[send_id]
                batch.recall(send_id)

    def _answer_unwanted(self, jobs: deque[Job], unwanted: Mapping[int, SendResult]) -> None:
        found = [job for job in jobs if job.send.send_id in unwanted]
        if found:
            kept = [job for job in jobs if job.send.send_id not in unwanted]
            jobs.clear()
            jobs.extend(kept)
        for job in found:
            self._put(Answer(job, result=unwanted[job.send.send_id]))

    async def until_at_most(self, in_flight: int) -> None:
        """Return when at most so many jobs have no answer yet."""
        self._wanted_in_flight = in_flight
        while self.in_flight > in_flight:
            await self._change()

    async def reports(self, *, enough: int, within_seconds: float) -> list[Report]:
        """All reports there are, as soon as there are `enough` of them or the first has waited so long.

        Returns:
            At least one; none only after the crew was dismissed.
        """
        self._wanted_reports = 1
        while not self._reports and not self._dismissed:
            await self._change()
        self._wanted_reports = enough
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                while len(self._reports) < enough and not self._dismissed and self.in_flight:
                    await self._change()
        return self.rest()

    async def dismiss(self) -> None:
        """Wait until everything is answered, and end every connection."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))
        await asyncio.gather(*(esp.close() for esp in self._esps.values()), return_exceptions=True)
        self._dismissed = True
        self._changed.set()

    def rest(self) -> list[Report]:
        """Reports that nobody took yet."""
        found = list(self._reports)
        self._reports.clear()
        return found

    async def _change(self) -> None:
        """Return after something changed that somebody waits for; everybody looks then."""
        if self._changed.is_set():
            self._changed = asyncio.Event()
        await self._changed.wait()

    def _put(self, report: Report, *, settled: int = 1) -> None:
        self._reports.append(report)
        self.in_flight -= settled
        self.failures += not isinstance(report, Answer)
        if len(self._reports) >= self._wanted_reports or self.in_flight <= self._wanted_in_flight:
            self._changed.set()

    async def _work(self, mailbox_id: int) -> None:
        pending = self._pending[mailbox_id]
        try:
            async with self._room:
                while pending:
                    await self._hand_over(mailbox_id, pending)
        finally:
            del self._tasks[mailbox_id]

    async def _hand_over(self, mailbox_id: int, pending: deque[Job]) -> None:
        """One batch of the mailbox's jobs, to its end or to the failure of its channel."""
        batch = self._batches[mailbox_id] = _Batch(self._put, self._looks, self._templates)
        try:
            esp = self._esp(mailbox_id)
            size = min(self._pacer.burst(esp.batch_size), len(pending))
            await self._pacer.wait(size)
            if self._looks is not None and not await self._looks.until_fresh():
                self._release(pending)
            batch.waiting.extend(pending.popleft() for _ in range(min(size, len(pending))))
            async for receipt in esp.send(batch.messages()):
                self._put(self._answer(batch.out.pop(receipt.send_id), receipt))
            if batch.out:
                raise RuntimeError(f"{esp.name} gave no receipt for {len(batch.out)} messages")  # noqa: TRY301
            pending.extendleft(reversed(batch.waiting))  # the last look grew stale meanwhile
        except LeadmillError as error:
            self._failed(mailbox_id, error, batch, pending)
        except BaseException as error:
            self._broke(mailbox_id, error, batch, pending)
            if not isinstance(error, Exception):
                raise
        finally:
            del self._batches[mailbox_id]

    def _answer(self, job: Job, receipt: Receipt) -> Answer:
        job.message = None  # thousands of answers wait to be written
        wish = self._taken_back.pop(receipt.send_id, None) if self._taken_back else None
        return Answer(job, result=wish) if receipt.status is ReceiptStatus.RECALLED else Answer(job, receipt)

    def _failed(self, mailbox_id: int, error: LeadmillError, batch: _Batch, pending: deque[Job]) -> None:
        """The channel failed; what has no receipt was not handed over, and is given back."""
        if isinstance(error, ProviderUnavailable) and error.met_by in batch.out:
            self._put(Answer(batch.out.pop(error.met_by), _failed_at(error.met_by, error.code)))
        # First, so that the mailbox is held back before its sends can be claimed again.
        if isinstance(error, SendingBroke):
            self._put(Crash(mailbox_id, error), settled=0)
        else:
            self._put(ChannelFailure(mailbox_id, error), settled=0)
        if isinstance(error, ProviderThrottled) and error.met_by in batch.out:
            receipt = _failed_at(error.met_by, error.code, is_about_server=error.is_about_server)
            self._put(Answer(batch.out.pop(error.met_by), receipt))
        self._release(batch.out.values(), batch.waiting, pending)

    def _broke(self, mailbox_id: int, error: BaseException, batch: _Batch, pending: deque[Job]) -> None:
        """A defect of ours, or the end of the process: what was being handed over is left to its lease."""
        left = tuple(batch.out.values())
        if isinstance(error, Exception):  # a defect must not lose the other mailboxes' answers
            log.error("mailbox %s: sending broke", mailbox_id, exc_info=error)
            self._put(Crash(mailbox_id, error, left), settled=len(left))
        self._release(batch.waiting, pending)

    def _release(self, *groups: Iterable[Job]) -> None:
        for job in [job for group in groups for job in group]:
            send_id = job.send.send_id
            wish = self._taken_back.pop(send_id, None)
            self._put(Answer(job, result=wish or SendResult(send_id, Outcome.RELEASED)))
        for group in groups:
            if isinstance(group, deque):
                group.clear()

    def _in_hand(self) -> Iterator[Job]:
        """Jobs that are not rendered yet."""
        for batch in self._batches.values():
            yield from batch.waiting
        for pending in self._pending.values():
            yield from pending

    def _esp(self, mailbox_id: int) -> Esp:
        if mailbox_id not in self._esps:
            self._esps[mailbox_id] = self._open_channel(mailbox_id)
        return self._esps[mailbox_id]


class _Batch:
    """Jobs on their way through one `Esp.send`: rendered when the provider asks for the next, `out` until a receipt."""

    def __init__(self, put: Callable[[Answer], None], looks: Looks | None, templates: _Templates) -> None:
        self._put = put
        self._looks = looks
        self._templates = templates
        self.waiting: deque[Job] = deque()
        self.out: dict[int, Job] = {}

    def messages(self) -> Iterator[OutgoingMessage]:
        """The mails of the jobs that can be sent; what cannot is answered at once and stops nobody else."""
        looks, templates = self._looks, self._templates
        while self.waiting:
            now = time.monotonic()
            if looks is not None and now >= looks.stale_at:
                return
            job = self.waiting.popleft()
            send_id = job.send.send_id
            if now - job.claimed_at > _USABLE_LEASE_SECONDS:
                self._put(Answer(job, result=SendResult(send_id, Outcome.RELEASED, code="lease-short")))
                continue
            if job.send.campaign_id in templates.stopped:
                self._put(Answer(job, result=SendResult(send_id, Outcome.RELEASED, code="template-broke")))
                continue
            reached(CrashPoint.BEFORE_RENDER)
            try:
                message = job.content.render(send_id=send_id, recipient=job.send.recipient, sender=job.sender)
            except StoreUnavailable:  # its attachments cannot be read now: the mailbox waits, and all is given back
                self.out[send_id] = job
                raise
            except Exception as error:  # noqa: BLE001 - one lead with an odd value must not stop or loop a batch
                self._put(templates.failed(job, error))
            else:
                job.message = message
                self.out[send_id] = job
                yield message

    def recall(self, send_id: int) -> None:
        """Mark a mail that is out: its provider looks at that last."""
        message = self.out[send_id].message
        if message is not None:
            message.is_recalled = True


class _Templates:
    """Tells a template that works for nobody from one lead with an odd value; stops the former's whole campaign.

    `stopped`: the campaigns (their ids) whose template broke.
    """

    def __init__(self, put: Callable[..., None], in_hand: Callable[[], Iterator[Job]]) -> None:
        self._put = put
        self._in_hand = in_hand
        self.stopped: set[int] = set()
        self._failures: Counter[int] = Counter()

    def try_again(self, jobs_by_mailbox: Mapping[int, Sequence[Job]]) -> None:
        """What is claimed after its campaign was stopped is so since a person let it go on."""
        if self.stopped:
            self.stopped -= {job.send.campaign_id for jobs in jobs_by_mailbox.values() for job in jobs}

    def failed(self, job: Job, error: Exception) -> Answer:
        """What becomes of a job that could not be rendered: released with its campaign, or refused alone."""
        send_id, campaign_id = job.send.send_id, job.send.campaign_id
        if not isinstance(error, TemplateInvalid):
            log.error("send %s: rendering broke", send_id, exc_info=error)
        if isinstance(error, TemplateDefect) or self._fails_for_most(job):
            self.stopped.add(campaign_id)
            told = error if isinstance(error, TemplateInvalid) else TemplateDefect(f"{type(error).__name__} in a mail.")
            self._put(TemplateFailure(campaign_id, told), settled=0)
            return Answer(job, result=SendResult(send_id, Outcome.RELEASED, code="template-broke"))
        code = "template" if isinstance(error, TemplateInvalid) else "rendering-broke"
        return Answer(job, Receipt(send_id, ReceiptStatus.REFUSED, fault=Fault.MESSAGE, code=code))

    def _fails_for_most(self, job: Job) -> bool:
        """Whether others in hand fail, too; tried at the first failure, the second, the fourth and so on."""
        self._failures[job.send.variant_id] += 1
        count = self._failures[job.send.variant_id]
        if count & (count - 1):
            return False
        others = (other for other in self._in_hand() if other.content is job.content)
        tried = [_renders(other) for other in islice(others, SAMPLE_OF_A_TEMPLATE)]
        return is_template_at_fault(failed=1 + tried.count(False), tried=1 + len(tried))


def _renders(job: Job) -> bool:
    try:
        job.content.render(send_id=job.send.send_id, recipient=job.send.recipient, sender=job.sender)
    except StoreUnavailable:
        return True
    except Exception:  # noqa: BLE001 - whatever it is, it fails
        return False
    return True


def _failed_at(send_id: int, code: str, *, is_about_server: bool = True) -> Receipt:
    """What the mail hears that a channel failed at: it may be to blame, so that its attempt counts."""
    return Receipt(
        send_id,
        ReceiptStatus.REFUSED,
        fault=Fault.MOMENT,
        code=code or BROKEN_OFF_CODE,
        is_about_server=is_about_server,
    )


def channel_error(error: Exception) -> LeadmillError:
    """A crash as a channel's failure, for the alert and the wait that follow."""
    return ProviderUnavailable(f"Sending broke unexpectedly ({type(error).__name__}); see the task's log.")

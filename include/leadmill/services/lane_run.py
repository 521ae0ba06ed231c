"""One run of one lane: what it claimed, what came of it, and how much it takes at a time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, TypeVar, TypeVarTuple

from leadmill.domain.dispatch import TAKEN_BACK, Outcome, SendResult, settle
from leadmill.domain.messages import OutgoingMessage, Receipt, ReceiptStatus
from leadmill.domain.throughput import Throughput
from leadmill.errors import DatabaseUnavailable, LeadmillError, StoreUnavailable, TemplateDefect, TemplateInvalid
from leadmill.ports.content import CompiledContent, ContentCompiler, Organisation, Recipient, Sender
from leadmill.ports.dispatch import Claim, SendLedger
from leadmill.ports.esp import Channel, Esp, Esps
from leadmill.ports.recalls import RecallLedger
from leadmill.ports.replies import ReplyCounts
from leadmill.services.hand_over import Answer, ChannelFailure, Crash, Job, Report, TemplateFailure, channel_error
from leadmill.services.pacing import Pacer
from leadmill.services.react_to_failures import FailureReactions
from leadmill.services.right_to_send import SendingRight
from leadmill.services.weather import Weather, WeatherPorts

log = logging.getLogger(__name__)
_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

CLAIM_AT_FIRST = 50
CLAIM_AT_MOST = 4_000
CLAIM_SECONDS = 0.5
"""A claim is what the lane sends in so many seconds, within these bounds: so many sends are in doubt after a crash.
At an ordinary relay's rate that is 50."""

RECORD_AT_LEAST = 20
RECORD_AT_MOST = 1_000
RECORD_SECONDS = 0.3
"""Answers are written when those of so many seconds are there, within these bounds, or after `RECORD_WITHIN_SECONDS`:
a crash leaves few of them unwritten, and a fast lane pays few transactions."""

_RATE_SECONDS = 0.4
"""The rate is that of so long: about as long as a claim, so that the first ones grow as fast as the lane is."""

_RECORD_ATTEMPTS = 6
_RECORD_WAIT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class LanePorts:
    """What a lane works with."""

    ledger: SendLedger
    esps: Esps
    compiler: ContentCompiler
    reactions: FailureReactions
    replies: ReplyCounts
    recalls: RecallLedger
    weather: WeatherPorts
    right: SendingRight


@dataclass(slots=True)
class LaneRun:
    """Its methods that speak to the ledger run in two threads beside the event loop, each one at a time.

    One claims (`claiming`), the other records (`recording`): they wait for Postgres together. Only one of them writes a
    count or a field, but for `given_back`, which recording sets and claiming takes back before it looks.

    `now` is the run's time plus what has passed since it began; all seconds are on the monotonic clock.
    """

    RECORD_WITHIN_SECONDS: ClassVar[float] = 0.3

    name: str
    worker: str
    ports: LanePorts
    claims: Executor
    records: Executor
    as_of: datetime
    time_budget_seconds: float
    began: float = field(default_factory=time.monotonic)
    pacer: Pacer = field(default_factory=Pacer)
    channels: dict[int, Channel] = field(default_factory=dict)
    contents: dict[int, CompiledContent] = field(default_factory=dict)
    steps: dict[int, tuple[int, int]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    reports: deque[Report] = field(default_factory=deque)
    results: list[SendResult] = field(default_factory=list)
    unknown: Counter[tuple[str, str]] = field(default_factory=Counter)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    claim_size: int = CLAIM_AT_FIRST
    record_size: int = RECORD_AT_LEAST
    given_back: bool = False
    failures_met: int = 0
    broken: Exception | None = None
    organisation: Organisation | None = None
    _claimed: int = 0
    _written: int = 0
    _throughput: Throughput = field(default_factory=lambda: Throughput(over=_RATE_SECONDS))
    _weather: Weather = field(init=False)

    def __post_init__(self) -> None:
        self._weather = Weather(self.name, self.ports.weather)

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.began

    @property
    def now(self) -> datetime:
        """Aware UTC."""
        return self.as_of + timedelta(seconds=self.elapsed)

    @property
    def time_left(self) -> float:
        """Seconds in which more may be claimed; below 0 when the time is up."""
        return self.time_budget_seconds - self.elapsed

    @property
    def unsettled(self) -> int:
        """Sends that were claimed and have no written answer yet."""
        return self._claimed - self._written

    async def claiming(self, work: Callable[[*_Ts], _T], *args: *_Ts) -> _T:
        """Run something that reads or claims in the ledger."""
        return await asyncio.get_running_loop().run_in_executor(self.claims, work, *args)

    async def recording(self, work: Callable[[*_Ts], _T], *args: *_Ts) -> _T:
        """Run something that writes what became of sends."""
        return await asyncio.get_running_loop().run_in_executor(self.records, work, *args)

    def open_channel(self, mailbox_id: int) -> Esp:
        """The provider of a mailbox."""
        return self.ports.esps.open(self.channels[mailbox_id], date=self.now)

    def read_organisation(self) -> None:
        """Read who is behind the mails. Raises `ConfigInvalid` where it was never said."""
        self.organisation = self.ports.ledger.organisation()

    def lane_works(self) -> None:
        """The provider took mails."""
        self._weather.works(now=self.now)

    def claim(self, in_hand: int) -> tuple[Claim, dict[int, list[Job]]]:
        """The next claim, with its jobs by mailbox; `in_hand`: claimed sends that nobody has an answer to yet."""
        self._adapt(self._claimed - in_hand)
        self.given_back = False
        claim = self.ports.ledger.claim(self.name, worker=self.worker, now=self.now, limit=self.claim_size)
        self.counts["claimed"] += len(claim.sends)
        self.counts["suppressed"] += claim.suppressed
        self._claimed += len(claim.sends)
        self.channels |= claim.channels
        self._weather.claimed(claim.standings)
        self.pacer.max_per_second = claim.max_per_second
        return claim, self._jobs(claim)

    def journal(self, claim: Claim) -> Exception | None:
        """Put a claim into the store's journal before any of it is handed over; returns why none may be."""
        try:
            self.ports.right.journal_claim(claim, lane=self.name, worker=self.worker, steps=self.steps, now=self.now)
        except Exception as error:  # noqa: BLE001 - whatever it was, nothing was handed over: all is given back
            return error
        return None

    def _adapt(self, answered: int) -> None:
        """Claim and record as much at a time as suits the rate."""
        rate = self._throughput.per_second(answered, at=self.elapsed)
        self.claim_size = max(CLAIM_AT_FIRST, min(CLAIM_AT_MOST, 4 * self.claim_size, int(rate * CLAIM_SECONDS)))
        self.record_size = max(RECORD_AT_LEAST, min(RECORD_AT_MOST, int(rate * RECORD_SECONDS)))

    def _jobs(self, claim: Claim) -> dict[int, list[Job]]:
        """The claim's jobs by mailbox; each variant is compiled once a run."""
        self._compile({send.variant_id for send in claim.sends})
        claimed_at = time.monotonic()
        found: dict[int, list[Job]] = {}
        for send in claim.sends:
            job = Job(send, self.contents[send.variant_id], claim.senders[send.mailbox_id], claimed_at)
            found.setdefault(send.mailbox_id, []).append(job)
        return found

    def _compile(self, variant_ids: set[int]) -> None:
        missing = sorted(variant_ids - self.contents.keys())
        if not missing or self.organisation is None:
            return
        for variant_id, content in self.ports.ledger.content(missing).items():
            self.steps[variant_id] = content.campaign_id, content.step
            try:
                self.contents[variant_id] = self.ports.compiler.compile(content, self.organisation)
            except TemplateInvalid as error:
                self.contents[variant_id] = _Uncompilable(TemplateDefect(str(error)))
            except StoreUnavailable as error:
                self.contents[variant_id] = _Uncompilable(error)

    def write(self, rest: Iterable[Report] = ()) -> None:
        """Turn reports into results, react to what they say about the sender, and write the results.

        An error ends the run's claims and is raised at its end; the results are kept and written with the next.
        """
        self.reports.extend(rest)
        now = self.now
        self._weather.hear()
        try:
            while self.reports:
                report = self.reports.popleft()
                if isinstance(report, Answer):  # as a rule
                    self.results.append(report.result or self._settle(report, now))
                else:
                    self._hear(report, now)
            written = len(self.results)
            if written:
                self._record()
            self.given_back = self._weather.keep(now=now) or self.given_back
            self._written += written  # last: an empty claim made meanwhile waits for what these answers open again
            self._count_unknown()
        except Exception as error:  # noqa: BLE001 - answers that come later are to be written too
            log.warning("lane %s: answers could not be written (%s)", self.name, type(error).__name__)
            self.broken = self.broken or error

    def _hear(self, report: ChannelFailure | Crash | TemplateFailure, now: datetime) -> None:
        if isinstance(report, ChannelFailure):
            self._channel_failed(report.mailbox_id, report.error, now)
        elif isinstance(report, TemplateFailure):
            self.ports.reactions.template_failed(report.campaign_id, report.error, now=now)
            self.failures_met += 1
        else:
            self.broken = self.broken or report.error
            self._written += len(report.jobs)
            self._channel_failed(report.mailbox_id, channel_error(report.error), now)

    def _channel_failed(self, mailbox_id: int, error: LeadmillError, now: datetime) -> None:
        """A person has to act, and it is stopped; or it waits."""
        channel = self.channels[mailbox_id]
        if not self.ports.reactions.stopped(self.name, channel, error, now=now):
            self._weather.failed(channel, error, now=now)
        self.failures_met += 1

    def _settle(self, answer: Answer, now: datetime) -> SendResult:
        receipt: Receipt | None = answer.receipt
        assert receipt is not None  # noqa: S101 - an answer without a result has a receipt
        if receipt.status is ReceiptStatus.ACCEPTED and not self._weather.is_bad:  # as a rule
            return SendResult(receipt.send_id, Outcome.ACCEPTED, receipt.provider_message_id)
        send = answer.job.send
        if receipt.is_unknown:
            self.unknown[_service(self.channels[send.mailbox_id]), receipt.code] += 1
        self.ports.reactions.refused(receipt, send, answer.job.sender, now=now)
        is_free = self._weather.answered(receipt, send, self.channels[send.mailbox_id], now=now)
        not_before = self._weather.next_try(send.mailbox_id) if is_free else None
        return settle(receipt, attempts=send.attempts, now=now, is_free=is_free, not_before=not_before)

    def _count_unknown(self) -> None:
        for provider in {provider for provider, _ in self.unknown}:
            codes = {code: count for (name, code), count in self.unknown.items() if name == provider}
            self.ports.replies.count_unknown(provider, codes, now=self.now)
        self.unknown.clear()

    def _record(self) -> None:
        """Write what is known; the answers are all there is of it, so a broken connection is tried again."""
        for attempt in range(1, _RECORD_ATTEMPTS + 1):
            try:
                states = self.ports.ledger.record(self.worker, self.results, now=self.now)
                break
            except DatabaseUnavailable:
                if attempt == _RECORD_ATTEMPTS:
                    raise
                time.sleep(_RECORD_WAIT_SECONDS * attempt)
        others = [result for result in self.results if result.outcome is not Outcome.ACCEPTED]
        self.counts.update(_counted(result) for result in others if result.send_id in states)
        accepted = len(states) - sum(result.send_id in states for result in others)
        if accepted:
            self.counts[Outcome.ACCEPTED.value] += accepted
        self.given_back = self.given_back or any(result.outcome is Outcome.RELEASED for result in others)
        self.results = []


def _counted(result: SendResult) -> str:
    """The word under which a result is counted; `suppressed` is what claims found."""
    return "recalled" if result.outcome in TAKEN_BACK else result.outcome.value


def _service(channel: Channel) -> str:
    """Whose replies these are: `smtp gmail`, `sendgrid`."""
    preset = channel.config.get("preset")
    return f"{channel.provider} {preset}" if isinstance(preset, str) and preset else channel.provider


class _Uncompilable:
    """Stands for a variant that does not compile: its campaign stops before any provider hears of it.

    Where only the store did not answer, its sends are given back, and the next run compiles anew.
    """

    def __init__(self, error: TemplateDefect | StoreUnavailable) -> None:
        self._error = error
        self.variables = self.deciding = frozenset[str]()

    def render(  # the port's signature
        self,
        *,
        send_id: int,  # noqa: ARG002
        recipient: Recipient,  # noqa: ARG002
        sender: Sender,  # noqa: ARG002
    ) -> OutgoingMessage:
        raise self._error

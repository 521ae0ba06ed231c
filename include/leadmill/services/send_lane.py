"""One lane's minute: claim, hand over, record, until the time is up or nothing is due."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from leadmill.domain.dispatch import Outcome, SendResult, settle
from leadmill.domain.messages import OutgoingMessage, Receipt
from leadmill.errors import DatabaseUnavailable, TemplateInvalid
from leadmill.ports.content import CompiledContent, ContentCompiler, Organisation, Recipient, Sender
from leadmill.ports.dispatch import Claim, SendLedger
from leadmill.ports.esp import Channel, Esp, Esps
from leadmill.services.hand_over import Answer, ChannelFailure, Crash, Crew, Job, Pacer, Report, channel_error
from leadmill.services.react_to_failures import FailureReactions

CLAIM_SIZE = 50
"""Sends of one claim: so many can be in doubt after a crash, and so many still go out after a pause."""

RECORD_AT_MOST = 20
RECORD_WITHIN_SECONDS = 0.2
"""Answers are written in batches of 20, or after 0.2 s: a crash leaves few of them unwritten."""

_RECORD_ATTEMPTS = 6
_RECORD_WAIT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class LanePorts:
    """What a lane works with."""

    ledger: SendLedger
    esps: Esps
    compiler: ContentCompiler
    reactions: FailureReactions


@dataclass(slots=True)
class _Lane:
    """One run of one lane. `now` is the run's time plus what has passed since it began."""

    name: str
    worker: str
    ports: LanePorts
    as_of: datetime
    time_budget_seconds: float
    organisation: Organisation
    began: float = field(default_factory=time.monotonic)
    pacer: Pacer = field(default_factory=Pacer)
    channels: dict[int, Channel] = field(default_factory=dict)
    contents: dict[int, CompiledContent] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    results: list[SendResult] = field(default_factory=list)
    crashed: Exception | None = None

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.began

    @property
    def now(self) -> datetime:
        return self.as_of + timedelta(seconds=self.elapsed)

    @property
    def time_left(self) -> float:
        return self.time_budget_seconds - self.elapsed

    def open_channel(self, mailbox_id: int) -> Esp:
        return self.ports.esps.open(self.channels[mailbox_id], date=self.now)

    def claim(self) -> Claim:
        claim = self.ports.ledger.claim(self.name, worker=self.worker, now=self.now, limit=CLAIM_SIZE)
        self.counts["claimed"] += len(claim.sends)
        self.counts["suppressed"] += claim.suppressed
        self.channels |= claim.channels
        self.pacer.max_per_second = claim.max_per_second
        return claim

    def jobs(self, claim: Claim) -> dict[int, list[Job]]:
        """The claim's jobs by mailbox; each variant is compiled once a run."""
        self._compile({send.variant_id for send in claim.sends})
        claimed_at = time.monotonic()
        found: dict[int, list[Job]] = {}
        for send in claim.sends:
            sender: Sender = claim.senders[send.mailbox_id]
            job = Job(send, self.contents[send.variant_id], sender, claimed_at)
            found.setdefault(send.mailbox_id, []).append(job)
        return found

    def _compile(self, variant_ids: set[int]) -> None:
        missing = sorted(variant_ids - self.contents.keys())
        if not missing:
            return
        for variant_id, content in self.ports.ledger.content(missing).items():
            try:
                self.contents[variant_id] = self.ports.compiler.compile(content, self.organisation)
            except TemplateInvalid as error:
                self.contents[variant_id] = _Uncompilable(error)

    def take(self, report: Report) -> None:
        """Turn a report into results, and react to what it says about the sender."""
        reactions = self.ports.reactions
        if isinstance(report, Answer):
            self.results.append(report.result or self._settled(report))
        elif isinstance(report, ChannelFailure):
            reactions.channel_failed(self.name, self.channels[report.mailbox_id], report.error, now=self.now)
        elif isinstance(report, Crash):
            self.crashed = report.error
            error = channel_error(report.error)
            reactions.channel_failed(self.name, self.channels[report.mailbox_id], error, now=self.now)

    def _settled(self, answer: Answer) -> SendResult:
        receipt: Receipt | None = answer.receipt
        assert receipt is not None  # noqa: S101 - an answer without a result has a receipt
        send = answer.job.send
        self.ports.reactions.refused(receipt, send, answer.job.sender, now=self.now)
        return settle(receipt, attempts=send.attempts, now=self.now)

    def record(self) -> None:
        """Write what is known; the answers are all there is of it, so a broken connection is tried again."""
        results, self.results = self.results, []
        for attempt in range(1, _RECORD_ATTEMPTS + 1):
            try:
                states = self.ports.ledger.record(self.worker, results, now=self.now)
                break
            except DatabaseUnavailable:
                if attempt == _RECORD_ATTEMPTS:
                    raise
                time.sleep(_RECORD_WAIT_SECONDS * attempt)
        self.counts.update(result.outcome.value for result in results if result.send_id in states)


class _Uncompilable:
    """Stands for a variant that does not compile: each of its sends is refused before any provider hears of it."""

    def __init__(self, error: TemplateInvalid) -> None:
        self._error = error
        self.variables: frozenset[str] = frozenset()

    def render(  # the port's signature
        self,
        *,
        send_id: int,  # noqa: ARG002
        recipient: Recipient,  # noqa: ARG002
        sender: Sender,  # noqa: ARG002
    ) -> OutgoingMessage:
        raise self._error


def send_lane(
    lane: str, ports: LanePorts, *, worker: str, as_of: datetime, dry_run: bool, time_budget_seconds: float
) -> dict[str, int]:
    """Claim and send until the time is up or nothing is due.

    Args:
        lane: Name of a provider account.
        ports: Ledger, providers, compiler and reactions.
        worker: A name that no other worker ever had: it fences this run's claims off.
        as_of: When the run is, aware UTC.
        dry_run: Only count what a first claim would take; nothing changes.
        time_budget_seconds: When it is used up, nothing more is claimed; what was claimed is still sent.

    Returns:
        Counts: claimed, accepted, refused, retry, released, ambiguous, suppressed; of a dry run claimed and suppressed.

    Raises:
        NotFound: No lane of that name.
        ConfigInvalid: The organisation behind the mails was never set.
    """
    if dry_run:
        claim = ports.ledger.claim(lane, worker=worker, now=as_of, limit=CLAIM_SIZE, dry_run=True)
        return {"claimed": len(claim.sends), "suppressed": claim.suppressed}
    run = _Lane(lane, worker, ports, as_of, time_budget_seconds, ports.ledger.organisation())
    crew = Crew(run.open_channel, run.pacer)
    try:
        try:
            _work(run, crew)
        finally:
            _drain(run, crew)
    finally:
        crew.close()
    if run.counts["accepted"]:
        ports.reactions.lane_works(lane, now=run.now)
    if run.crashed is not None:
        raise run.crashed
    return dict(run.counts)


def _work(run: _Lane, crew: Crew) -> None:
    """Keep the crew busy: the next claim is made while the last third of the one before is still being sent."""
    next_claim_at = 0.0  # on the monotonic clock; infinite where nothing is due
    while run.crashed is None:
        if run.time_left > 0 and time.monotonic() >= next_claim_at and crew.in_flight <= CLAIM_SIZE // 3:
            claim = run.claim()
            if claim.sends:
                crew.submit(run.jobs(claim))
            elif not claim.suppressed:
                wait = (claim.retry_at - run.now).total_seconds() if claim.retry_at else float("inf")
                next_claim_at = time.monotonic() + max(0.0, wait)
        if crew.in_flight:
            if _collect(run, crew):
                next_claim_at = 0.0
        elif run.time_left <= 0 or next_claim_at - time.monotonic() > run.time_left:
            return
        elif next_claim_at > time.monotonic():
            time.sleep(next_claim_at - time.monotonic())


def _collect(run: _Lane, crew: Crew) -> bool:
    """Take answers until there are enough to write, or they have waited long enough.

    Returns:
        Whether some sends were given back, so that another mailbox may take them at once.
    """
    deadline = time.monotonic() + RECORD_WITHIN_SECONDS
    while crew.in_flight and len(run.results) < RECORD_AT_MOST:
        report = crew.report(max(0.0, deadline - time.monotonic()))
        if report is None:
            break
        run.take(report)
    given_back = any(result.outcome is Outcome.RELEASED for result in run.results)
    if run.results:
        run.record()
    return given_back


def _drain(run: _Lane, crew: Crew) -> None:
    """Whatever happened, write the answers of what is still in the threads' hands."""
    while crew.in_flight:
        _collect(run, crew)

"""A lane's minute: claim, hand over, record, until the time is up or nothing is due; several lanes share one process.

One event loop hands over; the ledger is spoken to in two threads beside it, so that claiming and recording overlap with
each other and with rendering and sending.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

from leadmill.domain.dispatch import Outcome, SendResult
from leadmill.services.hand_over import Answer, Crew, Job
from leadmill.services.lane_run import CLAIM_AT_FIRST, LanePorts, LaneRun
from leadmill.services.recall_sends import Recalls

log = logging.getLogger(__name__)


async def send_lanes(
    lanes: Sequence[str],
    ports: LanePorts,
    *,
    worker: str,
    as_of: datetime,
    dry_run: bool,
    time_budget_seconds: float,
) -> dict[str, dict[str, int]]:
    """Claim and send in every lane until the time is up or nothing is due.

    Args:
        lanes: Names of provider accounts.
        ports: Ledger, providers, compiler and reactions.
        worker: A name that no other worker ever had: it fences this run's claims off.
        as_of: When the run is, aware UTC.
        dry_run: Only count what a first claim would take; nothing changes.
        time_budget_seconds: When it is used up, nothing more is claimed; what was claimed is still sent.

    Returns:
        Counts by lane: claimed, accepted, refused, retry, released, ambiguous, suppressed, and recalled: taken back
        for good after the claim. Of a dry run claimed and suppressed.

    Raises:
        NotFound: No lane of that name; raised, as any other error, after the other lanes have sent.
        ConfigInvalid: The organisation behind the mails was never set.
    """
    if dry_run:
        return {lane: _would_take(ports, lane, worker, as_of) for lane in lanes}
    with ThreadPoolExecutor(1, "claims") as claims, ThreadPoolExecutor(1, "records") as records:
        runs = [LaneRun(lane, worker, ports, claims, records, as_of, time_budget_seconds) for lane in lanes]
        async with _recalling(ports, worker, as_of) as recalls:
            ended = await asyncio.gather(*(_send_lane(run, recalls) for run in runs), return_exceptions=True)
    errors = [error for error in ended if isinstance(error, BaseException)]
    for error in errors[1:]:
        log.error("a further lane failed", exc_info=error)
    if errors:
        raise errors[0]
    return {run.name: dict(run.counts) for run in runs}


@contextlib.asynccontextmanager
async def _recalling(ports: LanePorts, worker: str, as_of: datetime) -> AsyncIterator[Recalls]:
    """Looks for sends that must not go out, in a thread of their own: claims and answers may wait for locks."""
    began = time.monotonic()

    def clock() -> datetime:
        return as_of + timedelta(seconds=time.monotonic() - began)

    with ThreadPoolExecutor(1, "recalls") as thread:
        begin = partial(Recalls, ports.recalls, worker, thread=thread, clock=clock)
        recalls = await asyncio.get_running_loop().run_in_executor(thread, begin)
        looking = asyncio.create_task(recalls.keep_looking())
        try:
            yield recalls
        finally:
            looking.cancel()


def _would_take(ports: LanePorts, lane: str, worker: str, as_of: datetime) -> dict[str, int]:
    claim = ports.ledger.claim(lane, worker=worker, now=as_of, limit=CLAIM_AT_FIRST, dry_run=True)
    return {"claimed": len(claim.sends), "suppressed": claim.suppressed}


async def _send_lane(run: LaneRun, recalls: Recalls) -> None:
    await run.claiming(run.read_organisation)
    crew = Crew(run.open_channel, run.pacer, recalls)
    recalls.watch(crew)
    recording = asyncio.create_task(_record_answers(run, crew))
    try:
        await _claim_while_due(run, crew, recalls)
    finally:
        # Whatever happened, what is still in the crew's hands is answered, and what is known is written.
        await crew.dismiss()
        with contextlib.suppress(asyncio.CancelledError):
            await recording
        await run.recording(run.write, crew.rest())
    if run.counts["accepted"]:
        await run.recording(run.lane_works)
    if run.broken is not None:
        raise run.broken


async def _claim_while_due(run: LaneRun, crew: Crew, recalls: Recalls) -> None:
    """Keep the crew busy: the next claim is made while the last of the one before are still being sent."""
    while run.broken is None and run.time_left > 0:
        await crew.until_at_most(run.claim_size // (2 if run.claim_size > CLAIM_AT_FIRST else 3))
        await _until_held_back(run, crew)
        run.changed.clear()
        with recalls.claiming():  # until the crew has the jobs: what a look finds before is lost on it
            claim, jobs = await run.claiming(run.claim, crew.in_flight)
            if claim.sends and (error := await run.claiming(run.journal, claim)) is not None:
                await _give_back(run, jobs, error)
                return
            crew.submit(jobs)
        if not claim.sends and not claim.suppressed and not await _until_claimable(run, claim.retry_at):
            return


async def _give_back(run: LaneRun, jobs: Mapping[int, Sequence[Job]], error: Exception) -> None:
    """End the run: what it has just claimed is planned again, since no mail may leave unknown to the journal."""
    run.broken = run.broken or error
    released = [
        Answer(job, result=SendResult(job.send.send_id, Outcome.RELEASED)) for of in jobs.values() for job in of
    ]
    await run.recording(run.write, released)


async def _until_held_back(run: LaneRun, crew: Crew) -> None:
    """Wait until whoever failed is held back: a claim made meanwhile would ask the same server again at once."""
    while crew.failures > run.failures_met and run.broken is None:
        run.changed.clear()
        await run.changed.wait()


async def _until_claimable(run: LaneRun, retry_at: datetime | None) -> bool:
    """Wait after an empty claim until another makes sense: a gap ended, or sends were given back.

    Returns:
        Whether it does; not when nothing can come before the time is up.
    """
    wait = (retry_at - run.now).total_seconds() if retry_at is not None else float("inf")
    claimable_at = run.elapsed + max(0.0, wait)
    while run.broken is None and not run.given_back:
        if claimable_at <= run.elapsed:
            return run.time_left > 0
        if not run.unsettled and claimable_at - run.elapsed > run.time_left:
            return False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(claimable_at - run.elapsed, max(run.time_left, 0.05))):
                await run.changed.wait()
        run.changed.clear()
    return run.broken is None


async def _record_answers(run: LaneRun, crew: Crew) -> None:
    """Write answers in batches as they come, until the crew is dismissed."""
    while reports := await crew.reports(enough=run.record_size, within_seconds=run.RECORD_WITHIN_SECONDS):
        run.reports.extend(reports)
        await run.recording(run.write)
        run.changed.set()

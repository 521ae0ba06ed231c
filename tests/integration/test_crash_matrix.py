"""A worker is killed at every step of a send, with every provider, under every way that work goes on afterwards.

One database a recovery and one lane a cell, so that 36 workers are stopped, killed and recovered from as one incident.
The table in `docs/never-twice.md` is made here; `UPDATE_DOCS=1` writes it.
"""

from __future__ import annotations

import contextlib
import os
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import psycopg
import pytest

from leadmill.bootstrap import App
from leadmill.domain.crash_points import CrashPoint
from leadmill.domain.sends import SendState
from leadmill.errors import LedgerBehindJournal, NotTheSender
from leadmill.sql.migrations import migrate
from tests.conftest import TEST_SECRET, url_of
from tests.crash_bench import Bench, Server
from tests.crash_worker import Worker, Workers, passed_points
from tests.crash_world import (
    ACCOUNT_A_DAY,
    AFTER_LEASE,
    DOMAIN_A_DAY,
    PROVIDERS,
    SECRETS,
    ZONES,
    Lane,
    assert_no_lead_has_two_copies,
    assert_no_limit_is_exceeded,
    assert_nobody_is_lost,
    dispatch,
    first_mails,
    later,
    make_crash_lane,
    tell_what_arrived,
)
from tests.provider_stubs import Copy, Hold, provider_side
from tests.restore_world import beside, copy_ledger, restore_ledger
from tests.sending_world import ADMIN, NOW

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

RECOVERIES = {
    "another worker alive": "A second worker serves the same lane while the first stands at the point and dies.",
    "task run again": "Airflow runs the task again: same `as_of`, a new worker.",
    "Postgres restarted": "The database server is killed (immediate stop, crash recovery) under the worker at the point.",
    "clock +1 day": "The next run's clock is a day ahead.",
    "clock -1 day": "The next run's clock is a day behind.",
    "restored": "A copy of the ledger from before the claim is put back; then `leadmill after-restore`.",
    "copied": "A copy of the ledger goes on beside it, with the same store.",
}
ONCE_A_RUN = {p for p in CrashPoint if any(word in p.name for word in ("CLAIM", "JOURNAL", "RECORD"))}
AT_ONCE = 3
NAMES = {"smtp": "SMTP", "ses": "SES", "sendgrid": "SendGrid"}
BEGIN, END = "<!-- made by tests/integration/test_crash_matrix.py: begin -->", "<!-- end -->"
DOC = Path(__file__).resolve().parents[2] / "docs" / "never-twice.md"


@dataclass
class Cell:
    """What one crash left behind, and what became of it."""

    lane: Lane
    copies: list[Copy]
    before_evidence: dict[int, str]
    after_evidence: dict[int, str]
    shown: set[int]
    broken_law: str = ""

    @property
    def doubts(self) -> set[int]:
        return {i for i, state in self.before_evidence.items() if state == SendState.AMBIGUOUS}

    def words(self) -> str:
        """The cell of the table."""
        if self.broken_law:
            return "✗"
        return f"✓ {len(self.doubts)} in doubt" if self.doubts else "✓"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    from leadmill.adapters.lake.duck import Lake

    folder = tmp_path_factory.mktemp("crash")
    server = Server(Path("/tmp") / f"leadmill-crash-pg-{os.getpid()}")
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("create database crash_template")
    migrate(url_of(server.url, "crash_template"))
    Lake(database_url=url_of(server.url, "crash_template"), data_path=str(folder / "lake")).migrate()
    patch = pytest.MonkeyPatch()
    for name, value in SECRETS.items():
        patch.setenv(name, value)
    workers = Workers(folder / "workers.log")
    with provider_side(NOW, TEST_SECRET.encode()) as side:
        yield Bench(server, workers, side, folder)
    workers.close()
    patch.undo()
    server.delete()


@dataclass
class Undisturbed:
    """A worker that lived to its end: how it ended, how often it passed each point, what arrived."""

    lane: Lane
    ended: str
    passed: Counter[str]
    copies: list[Copy]


@pytest.fixture(scope="module")
def undisturbed(bench: Bench) -> dict[str, Undisturbed]:
    """One by provider; what they had to import, the workers after them find imported."""
    app, side = bench.fresh("undisturbed"), bench.side
    found = {}
    for provider in PROVIDERS:
        lane = make_crash_lane(app, side, provider, CrashPoint.BEFORE_CLAIM)
        if provider == "sendgrid":
            side.holds[lane.domain] = Hold(awaits=len(ZONES))
        worker = bench.workers.start(
            lane.name, as_of=NOW, settings=bench.settings("undisturbed"), passed=bench.folder / f"{lane.name}.passed"
        )
        if hold := side.holds.get(lane.domain):
            hold.reached.wait(30)
            let_answer(bench, lane)
        ended = bench.workers.wait(worker)
        if ended == "ended 0":
            bench.workers.preload(worker)
        found[provider] = Undisturbed(lane, ended, passed_points(worker), side.of(set(first_mails(app, lane))))
    app.database.close()
    return found


@dataclass
class Matrix:
    """Runs each recovery's incident when its first cell is asked for."""

    bench: Bench
    incidents: dict[str, dict[tuple[str, CrashPoint], Cell] | Exception] = field(default_factory=dict)

    def cell(self, recovery: str, provider: str, point: CrashPoint) -> Cell:
        if recovery not in self.incidents:
            try:
                cells = run_incident(self.bench, recovery)
                self.incidents[recovery] = {(cell.lane.provider, cell.lane.point): cell for cell in cells}
            except Exception as error:  # noqa: BLE001 - told by each of its cells, instead of run again for each
                self.incidents[recovery] = error
        found = self.incidents[recovery]
        if isinstance(found, Exception):
            raise found
        return found[provider, point]


@pytest.fixture(scope="module")
def matrix(bench: Bench, undisturbed: dict[str, Undisturbed]) -> Matrix:
    return Matrix(bench)


def run_incident(bench: Bench, recovery: str) -> list[Cell]:
    """Stop a worker of each lane at its point, kill it, recover, and hear what the providers say."""
    database = "matrix_" + "".join(
        c for c in recovery.replace("+", "ahead").replace("-", "behind").lower() if c.isalnum()
    )
    app, side = bench.fresh(database), bench.side
    side.now, side.copies = NOW, []  # ids begin anew in every database
    lanes = [
        make_crash_lane(app, side, provider, point, is_held_by_recipients=held_by_recipients(recovery, provider, point))
        for point in CrashPoint
        for provider in PROVIDERS
    ]
    if recovery in {"restored", "copied"}:
        app.open_lanes(NOW)  # it has sent before
        copy_ledger(app, f"{database}_copy")
        app = bench.app(database)
    broken: dict[str, str] = {}
    victims = stop_all(bench, database, lanes, recovery, broken)
    app = recover(bench, app, database, lanes, victims, recovery)
    doubts = {lane.name: {i: row["state"] for i, row in first_mails(app, lane).items()} for lane in lanes}
    side.now = later(2, 180)  # all limits are free again: whatever would go out a second time does so now
    dispatch(app, side.now)
    tell_what_arrived(app, side.copies)
    app.collect_events(later(2, 240))
    app.project_events(later(2, 240))
    shown = {doubt.send_id for incident in app.open_incidents() for doubt in incident.doubts}
    faults = app.check_conservation(later(2, 240)).faults
    cells = []
    for lane in lanes:
        after = {i: row["state"] for i, row in first_mails(app, lane).items()}
        cell = Cell(lane, side.of(set(after)), doubts[lane.name], after, shown & set(after))
        with told_by_its_cell(lane, broken):
            assert not faults, f"the hourly check found {faults} faults: {[a.message for a in app.open_alerts()]}"
            assert_laws(app, lane, cell.copies)
        cell.broken_law = broken.get(lane.name, "")
        cells.append(cell)
    app.database.close()
    return cells


@contextlib.contextmanager
def told_by_its_cell(lane: Lane, broken: dict[str, str]) -> Iterator[None]:
    """What goes wrong with one lane fails its own cell, by the first reason, and no other's."""
    try:
        yield
    except (AssertionError, TimeoutError) as error:
        broken.setdefault(lane.name, str(error) or repr(error))


def stop_all(
    bench: Bench, database: str, lanes: list[Lane], recovery: str, broken: dict[str, str]
) -> dict[str, Worker]:
    """A worker of each lane, stopped at the lane's point with everything it has open."""
    victims: dict[str, Worker] = {}
    for start in range(0, len(lanes), AT_ONCE):
        group = lanes[start : start + AT_ONCE]
        for lane in group:
            nth = which(lane, recovery)
            if is_stopped_by_its_provider(lane) or opens_a_connection_where_none_is_idle(lane):
                bench.side.holds[lane.domain] = Hold(awaits=nth)
            victims[lane.name] = bench.workers.start(
                lane.name,
                as_of=NOW,
                settings=bench.settings(database),
                passed=bench.folder / f"{database}-{lane.name}",
                stop_at=lane.point.name,
                nth=nth,
            )
        for lane in group:
            with told_by_its_cell(lane, broken):
                await_stop(bench, lane, victims[lane.name])
        if recovery != "Postgres restarted":
            for lane in group:
                with told_by_its_cell(lane, broken):
                    kill(bench, database, lane, victims[lane.name], recovery)
    return victims


def held_by_recipients(recovery: str, provider: str, point: CrashPoint) -> bool:
    """Whether a cell's tightest limit is its recipients' domain's, not its sending domain's: every other cell's is."""
    places = (list(RECOVERIES).index(recovery), PROVIDERS.index(provider), list(CrashPoint).index(point))
    return sum(places) % 2 == 1


def started(point: CrashPoint) -> bool:
    """Whether a worker that dies there leaves a claim behind."""
    return point not in {CrashPoint.BEFORE_CLAIM, CrashPoint.CLAIM_WRITTEN}


def is_stopped_by_its_provider(lane: Lane) -> bool:
    """boto3 tells nobody when a request is written: there, SES has the request, and the worker dies without its answer."""
    return lane.provider == "ses" and lane.point is CrashPoint.HANDED_OVER


def opens_a_connection_where_none_is_idle(lane: Lane) -> bool:
    """A mailbox whose request another's quick answer precedes would use that one's connection, and open none."""
    return lane.provider == "sendgrid" and lane.point is CrashPoint.BEFORE_CONNECT


def await_stop(bench: Bench, lane: Lane, victim: Worker) -> None:
    if is_stopped_by_its_provider(lane):
        assert bench.side.holds[lane.domain].reached.wait(60), f"its provider never had so many requests: {lane}"
        bench.workers.stop(victim)
    else:
        state = bench.workers.wait(victim)
        assert state == "stopped", f"{state}, and never came to its point: {lane}, {passed_points(victim)}"


def times_passed(provider: str, point: CrashPoint) -> int:
    """How often a worker passes a point, however fast it, the machine and the provider are."""
    if point in ONCE_A_RUN:
        return 1  # a claim's sends are all recorded together; what comes after that claim finds nothing
    each_mail = {CrashPoint.BEFORE_RENDER}
    if provider == "smtp":
        each_mail |= {CrashPoint.BEFORE_HAND_OVER, CrashPoint.HANDED_OVER, CrashPoint.ANSWERED}
    return DOMAIN_A_DAY if point in each_mail else len(ZONES)  # a mailbox makes one connection, or one call


def which(lane: Lane, recovery: str) -> int:
    """At which passing of its point a cell's worker dies: another one for each cell, always the same."""
    return 1 + zlib.crc32(f"{lane.name} {recovery}".encode()) % times_passed(lane.provider, lane.point)


def kill(bench: Bench, database: str, lane: Lane, victim: Worker, recovery: str) -> None:
    if recovery != "another worker alive":
        bench.workers.kill(victim)
        let_answer(bench, lane)
        return
    other = bench.workers.start(
        lane.name, as_of=NOW, settings=bench.settings(database), passed=bench.folder / f"{database}-{lane.name}-other"
    )
    time.sleep(0.1)  # it is at work beside the other, or waits for a lock that the other holds
    bench.workers.kill(victim)
    let_answer(bench, lane)
    try:
        state = bench.workers.wait(other)
        assert state == "ended 0", f"the worker beside it {state}: {lane}"
    finally:
        bench.workers.kill(other)


def let_answer(bench: Bench, lane: Lane) -> None:
    if hold := bench.side.holds.pop(lane.domain, None):
        hold.released.set()


def recover(bench: Bench, app: App, database: str, lanes: list[Lane], victims: dict[str, Worker], recovery: str) -> App:
    """The incident's own continuation, then the minutes after it, until the dead workers' leases are over."""
    if recovery == "Postgres restarted":
        app.database.close()
        bench.server.crash()
        for lane in lanes:
            bench.workers.kill(victims[lane.name])
            let_answer(bench, lane)
        bench.server.start()
        app = bench.app(database)
    elif recovery == "task run again":
        for lane in lanes:
            app.send_lane(lane.name, NOW, time_budget_seconds=20)
    elif recovery == "restored":
        app = restore_ledger(app, url_of(bench.server.url, f"{database}_copy"))
        with pytest.raises(LedgerBehindJournal):
            dispatch(app, later(0, 1))
        app.after_restore(ADMIN, reason="the matrix", as_of=later(0, 1))
    day = {"clock +1 day": 1, "clock -1 day": -1}.get(recovery, 0)
    bench.side.now = max(NOW, later(day))  # the world's clock: behind means that ours had been ahead
    for minutes in (1, AFTER_LEASE):
        if recovery == "copied":
            assert_the_copy_sends_nothing(bench, app, database, later(day, minutes))
        dispatch(app, later(day, minutes))
    if day < 0:  # the clock has caught up with the leases
        bench.side.now = NOW
        dispatch(app, later(0, AFTER_LEASE))
    return app


def assert_the_copy_sends_nothing(bench: Bench, app: App, database: str, as_of: datetime) -> None:
    copied = beside(app, url_of(bench.server.url, f"{database}_copy"))
    with pytest.raises(NotTheSender):
        dispatch(copied, as_of)
    copied.database.close()


def assert_laws(app: App, lane: Lane, copies: list[Copy]) -> None:
    assert_no_lead_has_two_copies(copies)
    assert_no_limit_is_exceeded(app, lane, copies)
    assert_nobody_is_lost(app, lane, copies)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_worker_that_lives_passes_every_point_as_often_as_the_cells_count_on(
    bench: Bench, undisturbed: dict[str, Undisturbed], provider: str
) -> None:
    found = undisturbed[provider]
    assert found.ended == "ended 0"
    told = set(CrashPoint) - ({CrashPoint.HANDED_OVER} if provider == "ses" else set())
    counted_on = {point.name: times_passed(provider, point) for point in told - ONCE_A_RUN}
    assert {name: found.passed[name] for name in counted_on} == counted_on
    assert all(found.passed[point.name] for point in ONCE_A_RUN)
    assert found.passed[CrashPoint.RECORD_COMMITTED.name] == 1
    app = bench.app("undisturbed")
    assert len(found.copies) == DOMAIN_A_DAY
    assert_laws(app, found.lane, found.copies)
    app.database.close()


CELLS = [(r, provider, point) for r in RECOVERIES for point in CrashPoint for provider in PROVIDERS]


@pytest.mark.parametrize(("recovery", "provider", "point"), CELLS, ids=lambda v: getattr(v, "name", v))
def test_a_worker_killed_anywhere_mails_nobody_twice_and_loses_nobody(
    matrix: Matrix, recovery: str, provider: str, point: CrashPoint
) -> None:
    cell = matrix.cell(recovery, provider, point)
    assert not cell.broken_law
    # What arrived is settled by what the provider says of it; of everything else in doubt a person decides.
    arrived = {copy.send_id for copy in cell.copies}
    assert (
        {i for i in cell.doubts if cell.after_evidence[i] == SendState.AMBIGUOUS} == cell.doubts - arrived == cell.shown
    )
    # No capacity is lost: as many are out or in doubt as the limits allow, and the rest as soon as they allow it.
    assert SendState.PLANNED not in cell.after_evidence.values()
    used = sum(state not in {SendState.PLANNED, SendState.CLAIMED} for state in cell.before_evidence.values())
    assert used == (ACCOUNT_A_DAY if recovery == "clock +1 day" and started(point) else DOMAIN_A_DAY)


def test_the_table_in_the_docs_is_what_the_matrix_found(
    matrix: Matrix,
) -> None:
    table = table_of(matrix)
    text = DOC.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    written = f"{before}{BEGIN}\n{table}{END}{after}"
    if os.environ.get("UPDATE_DOCS"):
        DOC.write_text(written, encoding="utf-8")
        text = written
    assert text == written, "the table is out of date: run `make crash-matrix`"


def table_of(matrix: Matrix) -> str:
    lines = ["| killed | with | " + " | ".join(RECOVERIES) + " |", "|---|---" + "|---" * len(RECOVERIES) + "|"]
    for point in CrashPoint:
        for provider in PROVIDERS:
            cells = [matrix.cell(recovery, provider, point).words() for recovery in RECOVERIES]
            lines.append(f"| {point} | {NAMES[provider]} | " + " | ".join(cells) + " |")
    held = sum(not matrix.cell(*cell).broken_law for cell in CELLS)
    return f"{held} of {len(CELLS)} cells hold.\n\n" + "\n".join(lines) + "\n"

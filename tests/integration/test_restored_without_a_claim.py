"""An older copy that lacks no mail, but what people said and what was stopped since: it comes back before anything leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime

import pytest

from leadmill.bootstrap import App
from leadmill.errors import NotTheSender
from tests.event_world import edge_line, land
from tests.mail_servers import SmtpRecorder, smtp_server
from tests.restore_world import copy_ledger, restore_ledger
from tests.sending_world import (
    ADMIN,
    ANALYST,
    NOW,
    execute,
    later,
    make_campaign,
    make_lane,
    make_mailboxes,
    make_pool,
    people,
    sends,
    states,
)

LEFT = "lead-0@people.test"


@pytest.fixture
def mail() -> SmtpRecorder:
    return SmtpRecorder()


@pytest.fixture
def world(lake_app: App, mail: SmtpRecorder) -> Iterator[App]:
    with smtp_server(mail) as port:
        make_lane(lake_app, port)
        make_pool(lake_app)
        make_mailboxes(lake_app, 2)
        make_campaign(lake_app, 1, people(3, "before"), name="before")
        dispatch(lake_app, NOW)
        yield lake_app


def dispatch(app: App, as_of: datetime) -> None:
    for group in app.open_lane_groups(as_of):
        app.send_lanes(group, as_of, time_budget_seconds=20)


def alerts(app: App) -> list[str]:
    return [alert.kind for alert in app.open_alerts()]


def left(app: App, campaign: int, at: datetime) -> None:
    app.suppress_person(ANALYST, email=LEFT, reason="Asked by phone", as_of=at)


def erased(app: App, campaign: int, at: datetime) -> None:
    app.erase_person(ADMIN, email=LEFT, reason="Asked by letter", as_of=at)


def cancelled(app: App, campaign: int, at: datetime) -> None:
    app.cancel_campaign(ANALYST, campaign, at, reason="Wrong list")


def paused(app: App, campaign: int, at: datetime) -> None:
    for mailbox in (1, 2):
        app.pause_mailbox(ANALYST, mailbox, reason="Away", as_of=at)


@pytest.mark.parametrize("word", [left, erased, cancelled, paused])
@pytest.mark.parametrize("is_taken_up", [True, False], ids=["a run between", "no run between"])
def test_what_was_said_since_the_copy_comes_back_and_is_told_of(
    world: App, mail: SmtpRecorder, word: Callable[[App, int, datetime], None], is_taken_up: bool
) -> None:
    campaign = make_campaign(world, 1, people(5), due_at=later(hours=2))
    copy = copy_ledger(world, f"without_a_claim_{word.__name__}_{is_taken_up}".lower())
    app = App(world.settings)
    word(app, campaign, later(minutes=20))
    if is_taken_up:
        app.open_lanes(later(minutes=30))  # an hour without mail, as any
    else:
        app.log_wishes(later(minutes=20))
    app = restore_ledger(app, copy)
    dispatch(app, later(hours=3))
    mailed = {address for address in mail.copies if address.startswith("lead")}
    assert mailed == (set(people(5)) - {LEFT} if word in (left, erased) else set())
    assert alerts(app) == ["wishes"]
    app.database.close()


def test_a_word_said_on_the_restored_copy_hides_none_of_those_before(world: App, mail: SmtpRecorder) -> None:
    make_campaign(world, 1, people(5), due_at=later(hours=2))
    copy = copy_ledger(world, "without_a_claim_hidden")
    app = App(world.settings)
    left(app, 0, later(minutes=20))
    app = restore_ledger(app, copy)
    app.suppress_person(ANALYST, email="lead-1@people.test", reason="Asked by phone", as_of=later(minutes=40))
    dispatch(app, later(hours=3))
    assert {address for address in mail.copies if address.startswith("lead")} == set(people(5)[2:])
    app.database.close()


def test_an_opt_out_that_was_collected_since_the_copy_holds_before_it_is_collected_again(
    world: App, mail: SmtpRecorder
) -> None:
    first = sends(world, 1)[0]
    make_campaign(world, 1, [first["email"]], name="later", due_at=later(hours=2))
    copy = copy_ledger(world, "without_a_claim_link")
    app = App(world.settings)
    land(app, "edge", "left.ndjson", [edge_line(first["send_id"], "unsubscribed", at=later(minutes=10))])
    app.collect_events(later(minutes=12))
    app.project_events(later(minutes=12))
    app = restore_ledger(app, copy)
    dispatch(app, later(hours=3))
    assert mail.copies[first["email"]] == 1
    app.database.close()


def test_a_dump_that_was_moved_and_taken_over_knows_what_was_said_since(world: App, mail: SmtpRecorder) -> None:
    make_campaign(world, 1, people(5), due_at=later(hours=2))
    copy = copy_ledger(world, "without_a_claim_moved")
    app = App(world.settings)
    left(app, 0, later(minutes=20))
    app = restore_ledger(app, copy, is_the_same_database=False)
    with pytest.raises(NotTheSender, match="take-over"):
        dispatch(app, later(hours=3))
    app.take_over_sending(ADMIN, reason="Moved", as_of=later(hours=3))
    dispatch(app, later(hours=3, minutes=1))
    assert {address for address in mail.copies if address.startswith("lead")} == set(people(5)[1:])
    app.database.close()


def test_a_ledger_that_lacks_nothing_reads_the_wishes_once_and_tells_nobody(world: App) -> None:
    left(world, 0, later(minutes=1))
    world.open_lanes(later(minutes=2))
    through = execute(world, "select through from ledger.wish_log")
    assert len(through) == 1
    world.open_lanes(later(minutes=3))
    assert execute(world, "select through from ledger.wish_log") == through
    assert alerts(world) == []


def test_a_crash_between_store_and_ledger_is_caught_up_with(world: App, monkeypatch: pytest.MonkeyPatch) -> None:
    from leadmill.adapters.wish_log import StoredWishes

    campaign = make_campaign(world, 1, people(2), due_at=later(hours=2))
    append = StoredWishes.append

    def dies(log: StoredWishes, *said: object) -> None:
        append(log, *said)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(StoredWishes, "append", dies)
    with suppress(KeyboardInterrupt):
        left(world, 0, later(minutes=20))
    monkeypatch.undo()
    dispatch(world, later(hours=3))
    assert states(world, campaign) == {"accepted": 1, "suppressed": 1}
    assert alerts(world) == []

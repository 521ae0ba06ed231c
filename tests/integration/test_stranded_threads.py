"""Threads whose mailbox is gone: a person hands them on, ends them, or lets them wait, for the whole mailbox at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from typer.testing import CliRunner

from leadmill import bootstrap
from leadmill.bootstrap import App
from leadmill.cli import main
from leadmill.errors import Conflict, InputInvalid, NotAllowed, NotFound
from leadmill.services.settle_threads import TELL_AFTER
from tests.recall_world import Relay
from tests.scripted_smtp import scripted
from tests.sending_world import (
    ADMIN,
    ANALYST,
    NOW,
    VIEWER,
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

DUE = later(days=3, hours=1)
COUNT = 9


class World:
    """A campaign of two mails; the first went out from `gone`, which is paused since, before the second was due."""

    def __init__(self, app: App, port: int, *, others: int = 2) -> None:
        self.app, self.lane = app, make_lane(app, port)
        pool = make_pool(app)
        (self.gone,) = make_mailboxes(app, 1)
        self.campaign = make_campaign(app, pool, people(COUNT), steps=2)
        app.send_lane(self.lane, NOW, time_budget_seconds=10)
        assert states(app, self.campaign) == {"accepted": COUNT, "planned": COUNT}
        self.others = make_mailboxes(app, 1 + others)[1:]
        app.pause_mailbox(ANALYST, self.gone, reason="the owner left", as_of=later(days=1))

    def send(self, at=DUE) -> None:
        self.app.send_lane(self.lane, at, time_budget_seconds=10)

    def boxes(self) -> list[int]:
        return [row["mailbox_id"] for row in sends(self.app, self.campaign, "step = 2 and state = 'accepted'")]


def _kinds(app: App) -> list[str]:
    return [alert.kind for alert in app.open_alerts()]


def test_threads_of_a_paused_mailbox_are_handed_on_evenly_and_the_queue_follows(app: App) -> None:
    with scripted(Relay().server) as port:
        world = World(app, port)
        world.send()
        assert not world.boxes()
        found = app.stranded_threads(DUE)
        assert [(each.mailbox_id, each.threads, each.due) for each in found] == [(world.gone, COUNT, COUNT)]
        assert app.hand_on_threads(ANALYST, world.gone, reason="Bob takes over", as_of=DUE) == (COUNT, 0)
    with scripted(Relay().server) as port:
        execute(app, "update ledger.provider_accounts set config = config || jsonb_build_object('port', %s::int)", port)
        world.send(DUE + timedelta(minutes=1))
    boxes = world.boxes()
    assert len(boxes) == COUNT
    assert set(boxes) == set(world.others)
    assert abs(boxes.count(world.others[0]) - boxes.count(world.others[1])) <= 1
    assert not app.stranded_threads(DUE)
    assert app.check_conservation(DUE).faults == 0


def test_threads_are_handed_on_to_the_one_that_is_named(app: App) -> None:
    with scripted(Relay().server) as port:
        world = World(app, port)
        to = world.others[1]
        assert app.hand_on_threads(ANALYST, world.gone, to_mailbox_id=to, reason="hers", as_of=DUE) == (COUNT, 0)
    rows = execute(app, "select distinct mailbox_id from ledger.due_sends")
    assert [row["mailbox_id"] for row in rows] == [to]


def test_threads_stay_where_no_mailbox_of_their_pool_sends(app: App) -> None:
    with scripted(Relay().server) as port:
        world = World(app, port, others=0)
        with pytest.raises(Conflict, match="no mailbox of their pool sends now"):
            app.hand_on_threads(ANALYST, world.gone, reason="anybody", as_of=DUE)
    assert app.stranded_threads(DUE)[0].threads == COUNT


def test_threads_are_ended_and_the_campaign_still_adds_up(app: App) -> None:
    with scripted(Relay().server) as port:
        world = World(app, port)
        assert app.end_threads(ANALYST, world.gone, reason="never mind", as_of=DUE) == COUNT
        app.lift_pause(ADMIN, world.gone, reason="back", as_of=DUE)
        world.send(DUE + timedelta(minutes=1))
    assert states(app, world.campaign) == {"accepted": COUNT, "cancelled": COUNT}
    assert {row["code"] for row in sends(app, world.campaign, "step = 2")} == {"mailbox_gone"}


def test_waiting_is_told_of_after_three_days_and_a_choice_to_wait_is_kept(app: App) -> None:
    with scripted(Relay().server) as port:
        world = World(app, port)
    stopped = later(days=1)
    app.open_lanes(stopped + TELL_AFTER - timedelta(hours=1))
    assert "threads_wait" not in _kinds(app)
    app.open_lanes(stopped + TELL_AFTER + timedelta(hours=1))
    assert "threads_wait" in _kinds(app)
    at = stopped + TELL_AFTER + timedelta(hours=2)
    assert app.let_threads_wait(ANALYST, world.gone, reason="back on Monday", as_of=at) == COUNT
    app.open_lanes(at + timedelta(minutes=1))
    assert "threads_wait" not in _kinds(app)
    found = app.stranded_threads(at)[0]
    assert (found.chosen_by, found.reason, found.chosen_at) == (ANALYST.email, "back on Monday", at)
    app.open_lanes(at + TELL_AFTER)
    assert "threads_wait" in _kinds(app)


def test_a_mailbox_that_moved_to_another_pool_and_lane_strands_its_threads_which_are_handed_on(app: App) -> None:
    relay = Relay()
    with scripted(relay.server) as port:
        world = World(app, port)
        relay.taken.clear()
        app.lift_pause(ADMIN, world.gone, reason="moved", as_of=later(days=2))
        make_lane(app, port, name="elsewhere")
        make_pool(app, "new pool")
        app.add_mailbox(ADMIN, address="box0@brand.test", account="elsewhere", pool="new pool", as_of=later(days=2))
        assert [each.paused for each in app.stranded_threads(DUE)] == [""]
        assert app.hand_on_threads(ANALYST, world.gone, reason="stays with the brand", as_of=DUE) == (COUNT, 0)
        world.send(DUE + timedelta(minutes=1))
    assert len(world.boxes()) == COUNT


def test_nothing_is_decided_without_a_reason_a_role_or_a_thread(app: App) -> None:
    with scripted(Relay().server) as port:
        world = World(app, port)
    with pytest.raises(InputInvalid):
        app.hand_on_threads(ANALYST, world.gone, reason=" ", as_of=DUE)
    with pytest.raises(InputInvalid):
        app.hand_on_threads(ANALYST, world.gone, to_mailbox_id=world.gone, reason="loop", as_of=DUE)
    with pytest.raises(NotAllowed):
        app.end_threads(VIEWER, world.gone, reason="I like to", as_of=DUE)
    with pytest.raises(Conflict):
        app.end_threads(ANALYST, world.others[0], reason="it sends", as_of=DUE)


def test_why_names_the_three_choices(app: App) -> None:
    with scripted(Relay().server) as port:
        world = World(app, port)
    sentences = " ".join(each.sentence for each in app.explain_waiting(world.campaign, DUE))
    assert (
        "handed on to another mailbox, ended, or left to wait (Deliverability, Stopped). 9 follow-ups have to go"
        in sentences
    )


def test_the_command_lists_decides_and_says_what_is_missing(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "app", lambda: app)
    run = CliRunner().invoke
    assert "No follow-up waits" in run(main, ["threads"]).output
    with scripted(Relay().server) as port:
        world = World(app, port)
        gone = next(m.address for m in app.mailboxes(DUE) if m.mailbox.mailbox_id == world.gone)
        for said in (["threads"], ["threads", gone]):
            listed = run(main, said).output
            assert f"{gone}: {COUNT} threads wait since" in listed
            assert "--choice" in listed
        assert isinstance(run(main, ["threads", "nobody@brand.test"]).exception, NotFound)
        assert isinstance(run(main, ["threads", "--choice", "end"]).exception, InputInvalid)
        end = ["threads", gone, "--choice", "end", "--reason", "the owner left"]
        assert run(main, end).output == f"{COUNT} threads ended.\n"


def test_threads_of_a_moved_mailbox_are_shown_where_its_lanes_others_of_the_old_pool_are_paused(app: App) -> None:
    """The lane claims nothing of a pool of which none of its mailboxes sends."""
    with scripted(Relay().server) as port:
        lane, pool, elsewhere = make_lane(app, port), make_pool(app), make_pool(app, "elsewhere")
        moved, other = make_mailboxes(app, 2)
        app.pause_mailbox(ANALYST, other, reason="the owner left", as_of=NOW)
        campaign = make_campaign(app, pool, people(COUNT), steps=2)
        app.send_lane(lane, NOW, time_budget_seconds=10)
        execute(app, "update ledger.mailboxes set pool_id = %s where mailbox_id = %s", elsewhere, moved)
        app.send_lane(lane, DUE, time_budget_seconds=10)
    assert states(app, campaign) == {"accepted": COUNT, "planned": COUNT}
    assert [(each.mailbox_id, each.due) for each in app.stranded_threads(DUE)] == [(moved, COUNT)]
    assert app.end_threads(ANALYST, moved, reason="nobody goes on", as_of=DUE) == COUNT


def test_who_left_meanwhile_gets_no_mail_from_whoever_takes_over(app: App) -> None:
    with scripted(Relay().server) as port:
        world = World(app, port)
        erased, left = (row["email"] for row in sends(app, world.campaign, "step = 2")[:2])
        app.erase_person(ADMIN, email=erased, reason="asked for it", as_of=later(days=2))
        app.suppress_person(ANALYST, email=left, reason="asked by phone", as_of=later(days=2))
        moved, stay = app.hand_on_threads(ANALYST, world.gone, reason="Bob takes over", as_of=DUE)
        assert (moved, stay) == (COUNT - 2, 0)
    with scripted(Relay().server) as port:
        execute(app, "update ledger.provider_accounts set config = config || jsonb_build_object('port', %s::int)", port)
        world.send(DUE + timedelta(minutes=1))
    assert len(world.boxes()) == COUNT - 2
    assert app.check_conservation(DUE).faults == 0

"""The journal of claims is kept for the days that are set; what was tidied away is still missed by an older ledger."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from leadmill.bootstrap import App
from leadmill.errors import LedgerBehindJournal
from leadmill.settings import Settings
from tests.mail_servers import SmtpRecorder, smtp_server
from tests.restore_world import copy_ledger, mails_by_person, restore_ledger
from tests.sending_world import ADMIN, NOW, later, make_campaign, make_lane, make_mailboxes, make_pool, people, states

DAYS = 30


@pytest.fixture
def mail() -> SmtpRecorder:
    return SmtpRecorder()


@pytest.fixture
def world(lake_app: App, mail: SmtpRecorder) -> Iterator[App]:
    app = App(Settings(**(lake_app.settings.model_dump() | {"journal_days": DAYS})))
    with smtp_server(mail) as port:
        make_lane(app, port)
        make_pool(app)
        make_mailboxes(app, 2, daily_limit=1_000)
        yield app
    app.database.close()


def dispatch(app: App, as_of) -> None:
    for group in app.open_lane_groups(as_of):
        app.send_lanes(group, as_of, time_budget_seconds=20)


def entries(app: App) -> set[str]:
    return set(app.journal.keys(after_claim=-1))


def test_entries_are_removed_after_the_days_that_are_set_and_nothing_else_is(world: App, mail: SmtpRecorder) -> None:
    make_campaign(world, 1, people(5), name="first")
    dispatch(world, NOW)
    old = entries(world)
    make_campaign(world, 1, people(10)[5:], name="second", due_at=later(days=3))
    dispatch(world, later(days=3))
    new = entries(world) - old
    assert old
    assert new

    assert world.tidy_journal(later(days=DAYS)) == 0
    assert entries(world) == old | new
    assert world.tidy_journal(later(days=DAYS + 1)) == len(old)
    assert entries(world) == new
    assert world.tidy_journal(later(days=DAYS + 2)) == 0

    third = make_campaign(world, 1, people(15)[10:], name="third", due_at=later(days=DAYS + 2))
    dispatch(world, later(days=DAYS + 2))
    assert states(world, third) == {"accepted": 5}, "a ledger that knows what was tidied goes on"


def test_a_ledger_older_than_the_journal_reaches_sends_nothing_until_a_person_accepts_the_gap(
    world: App, mail: SmtpRecorder
) -> None:
    campaign = make_campaign(world, 1, people(5))
    world.open_lanes(NOW)
    copy = copy_ledger(world, "older_than_the_journal")
    app = App(world.settings)
    dispatch(app, later(minutes=1))
    app.tidy_journal(later(days=DAYS + 1))
    assert entries(app) == set()

    app, at = restore_ledger(app, copy), later(days=DAYS + 2)
    with pytest.raises(LedgerBehindJournal, match="reaches back to"):
        dispatch(app, at)
    with pytest.raises(LedgerBehindJournal, match="reaches back to"):
        app.after_restore(ADMIN, reason="the drill", as_of=at)
    assert set(mails_by_person(mail).values()) == {1}
    assert states(app, campaign) == {"planned": 5}

    app.after_restore(ADMIN, reason="the provider's log shows none", as_of=at, accepts_gap=True)
    dispatch(app, later(days=DAYS + 2, minutes=1))
    assert states(app, campaign) == {"accepted": 5}
    app.database.close()

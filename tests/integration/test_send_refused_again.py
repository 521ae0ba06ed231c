"""What was refused wrongly is sent again by a person, for a whole campaign, once, and never to whom it must not go."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from typer.testing import CliRunner

from leadmill import bootstrap
from leadmill.bootstrap import App
from leadmill.cli import main
from leadmill.errors import Conflict, InputInvalid, NotAllowed, NotFound
from leadmill.ports.refusals import SentAgain
from tests.scripted_smtp import ScriptedSmtp, scripted
from tests.sending_world import (
    ANALYST,
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
    suppress,
)

CODE = "server-unavailable"


@pytest.fixture
def refused(app: App) -> int:
    """A finished campaign of two steps: five mails given up, one dead address, one that went out."""
    campaign = make_campaign(app, make_pool(app), people(7), steps=2, status="finished", audience_count=7)
    for n, (state, fault, code) in enumerate([("refused", "moment", CODE)] * 5 + [("refused", "address", "550 5.1.1")]):
        execute(
            app,
            "update ledger.sends s set state = %s, fault = %s, code = %s, answered = true from ledger.leads l"
            " where l.lead_id = s.lead_id and l.email = %s and step = 1",
            state, fault, code, f"lead-{n}@people.test",
        )  # fmt: skip
    execute(
        app,
        "update ledger.sends set state = 'accepted', accepted_at = %s where state = 'planned' and step = 1",
        later(),
    )
    execute(app, "update ledger.sends set state = 'cancelled', code = 'refused' where step = 2 and state = 'planned'")
    return campaign


def again(app: App, campaign: int, *codes: str) -> SentAgain:
    return app.send_refused_again(ANALYST, campaign, codes or (CODE,), reason="the relay was full", as_of=later(days=6))


def test_a_whole_campaign_is_sent_again_once_with_its_follow_ups(app: App, refused: int) -> None:
    suppress(app, "lead-4@people.test")
    groups = {each.code: (each.mails, each.may_go_again) for each in app.refusals(refused)}
    assert groups == {CODE: (5, 4), "550 5.1.1": (1, 0)}
    assert again(app, refused) == SentAgain(4, 4, runs_again=True)
    assert again(app, refused) == SentAgain(0, 0, runs_again=False)
    server = ScriptedSmtp()
    with scripted(server) as port:
        lane = make_lane(app, port)
        make_mailboxes(app, 1, daily_limit=500)
        app.send_lane(lane, later(days=6, minutes=1), time_budget_seconds=5)
    assert server.copies == {f"lead-{n}@people.test": 1 for n in range(4)}
    assert states(app, refused) == {"accepted": 5, "planned": 4, "refused": 2, "cancelled": 3}
    assert {row["attempts"] for row in sends(app, refused, "state = 'accepted' and claim_id is not null")} == {1}
    (said,) = execute(app, "select actor, reason from ledger.audit_log where action = 'campaign.send_refused_again'")
    assert (said["actor"], said["reason"]) == (ANALYST.email, "the relay was full")


def test_a_dead_address_is_never_sent_again_whatever_code_is_chosen(app: App, refused: int) -> None:
    assert again(app, refused, "550 5.1.1") == SentAgain(0, 0, runs_again=False)
    assert execute(app, "select status from ledger.campaigns")[0]["status"] == "finished"


def test_two_at_once_send_each_mail_again_once(app: App, refused: int) -> None:
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: again(app, refused), range(2)))
    assert sorted(each.mails for each in done) == [0, 5]


def test_what_may_have_been_taken_is_not_sent_again(app: App, refused: int) -> None:
    execute(app, "update ledger.sends set accepted_at = %s where code = %s", later(), CODE)
    assert again(app, refused).mails == 0


def test_it_takes_an_analyst_a_reason_a_code_and_a_campaign_that_is_not_over(app: App, refused: int) -> None:
    with pytest.raises(NotAllowed):
        app.send_refused_again(VIEWER, refused, [CODE], reason="why", as_of=later())
    with pytest.raises(InputInvalid):
        app.send_refused_again(ANALYST, refused, [CODE], reason=" ", as_of=later())
    with pytest.raises(InputInvalid):
        app.send_refused_again(ANALYST, refused, [], reason="why", as_of=later())
    with pytest.raises(NotFound):
        app.send_refused_again(ANALYST, 999, [CODE], reason="why", as_of=later())
    execute(app, "update ledger.campaigns set ends_at = %s", later(days=1))
    with pytest.raises(Conflict):
        again(app, refused)
    execute(app, "update ledger.campaigns set ends_at = null, status = 'cancelled'")
    with pytest.raises(Conflict):
        again(app, refused)


def test_a_campaign_that_keeps_hours_gets_new_ones(app: App, refused: int) -> None:
    execute(app, "update ledger.campaigns set timing = 'utc_time', send_hour = 9")
    again(app, refused)
    app.plan_campaigns(later(days=6, minutes=1))
    due = {row["due_at"].hour for row in sends(app, refused, "state = 'planned' and step = 1")}
    assert due == {9}


def test_the_command_says_where_nothing_was_refused_and_where_there_is_no_campaign(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = make_campaign(app, make_pool(app), people(1))
    monkeypatch.setattr(bootstrap, "app", lambda: app)
    run = CliRunner().invoke
    assert "No mail of this campaign was refused." in run(main, ["send-again", str(campaign)]).output
    assert run(main, ["send-again", "424242"]).exit_code == 1

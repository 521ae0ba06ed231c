"""`leadmill simulate`: from options, and from what the ledger knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

import leadmill.bootstrap
from leadmill.bootstrap import App
from leadmill.cli import main
from leadmill.domain.guardrails import Thresholds
from leadmill.domain.simulation import Simulation
from leadmill.errors import InputInvalid, NotFound
from leadmill.ports.simulation import PlanOptions
from tests.sending_world import (
    ADMIN,
    ANALYST,
    NOW,
    execute,
    make_campaign,
    make_lane,
    make_mailboxes,
    make_pool,
    people,
)


@pytest.fixture
def pool(app: App) -> int:
    make_lane(app, 2525)
    return make_pool(app)


def test_a_campaign_is_simulated_with_the_pools_own_mailboxes_rates_and_recipients(app: App, pool: int) -> None:
    boxes = make_mailboxes(app, 4, daily_limit=30)
    app.pause_mailbox(ANALYST, boxes[3], reason="test", as_of=NOW)
    execute(
        app,
        "insert into ledger.mailbox_health (mailbox_id, day, accepted, hard_bounced, complained, replied)"
        " select mailbox_id, %s, 1000, 40, 0, 100 from ledger.mailboxes",
        (NOW - timedelta(days=40)).date(),
    )
    app.set_recipient_limit(ADMIN, "gmail", NOW, hourly_limit=3)
    campaign = make_campaign(app, pool, [*people(100), *(f"lead-{n}@gmail.com" for n in range(50))], steps=2)
    found = app.simulate(PlanOptions(campaign_id=campaign, runs=5), NOW)
    world = found.world
    assert (world.recipients, world.steps, len(world.mailboxes)) == (150, 2, 3)
    assert world.bounce_rate.mean == pytest.approx((160 + 2) / 4100)
    assert world.reply_rate.mean == pytest.approx((400 + 2) / 4100)
    assert world.bounce_rate.weight == 4100
    assert dict(world.family_shares) == {"gmail": pytest.approx(1 / 3)}
    assert dict(world.hourly_limits) == {"gmail": 3}
    assert found.sent[0].middle == 90
    assert found.finish[0] is not None


def test_a_pool_is_simulated_with_any_number_of_recipients(app: App, pool: int) -> None:
    make_mailboxes(app, 2, warm_up_started_on=NOW.date())
    found = app.simulate(PlanOptions(pool="pool", recipients=100, runs=3), NOW)
    assert found.sent[0].middle == 10
    assert found.total[-1].middle == 100


def test_a_campaign_without_a_plan_is_simulated_with_its_audience(app: App, pool: int) -> None:
    make_mailboxes(app, 1)
    make_campaign(app, pool, people(7))
    draft = execute(
        app,
        "insert into ledger.campaigns (name, pool_id, created_by, created_at, updated_at) values ('later', %s, 'a', %s, %s)"
        " returning campaign_id",
        pool, NOW, NOW,
    )[0]["campaign_id"]  # fmt: skip
    assert app.simulate(PlanOptions(campaign_id=draft, runs=2), NOW).world.recipients == 7


def test_what_makes_no_sense_is_refused_in_a_sentence(app: App, pool: int) -> None:
    for options in (
        PlanOptions(),
        PlanOptions(recipients=0),
        PlanOptions(recipients=10, runs=0),
        PlanOptions(recipients=10, domains=0),
        PlanOptions(recipients=10, bounce_rate=2.0),
        PlanOptions(recipients=10, beside=(5, 0)),
        PlanOptions(recipients=10, false_pauses_a_month=0),
        PlanOptions(recipients=10, rules=Thresholds(bounce_warns=0.06)),
        PlanOptions(recipients=10, rules=Thresholds(bounce_warns=3, bounce_pauses=5)),
        PlanOptions(recipients=10, rules=Thresholds(window_days=0)),
        PlanOptions(recipients=10, rules=Thresholds(pause_sample=0)),
    ):
        with pytest.raises(InputInvalid):
            app.simulate(options, NOW)
    with pytest.raises(NotFound):
        app.simulate(PlanOptions(recipients=10, pool="nobody"), NOW)
    with pytest.raises(NotFound, match="No pool 'pool' has mailboxes"):
        app.simulate(PlanOptions(recipients=10, pool="pool"), NOW)
    with pytest.raises(NotFound):
        app.simulate(PlanOptions(campaign_id=999), NOW)


def test_the_command_says_it_in_a_table_and_writes_a_plot(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leadmill.bootstrap, "app", lambda: app)
    plot = tmp_path / "plan.html"
    words = ["simulate", "--recipients", "500", "--domains", "2", "--runs", "5", "--start", "2026-11-23"]
    result = CliRunner().invoke(main, [*words, "--plot", str(plot)])
    assert result.exit_code == 0, result.output
    assert "finished on" in result.output
    assert "500 recipients, 1 mail(s) each, 6 mailboxes on 2 domains, from 2026-11-23; 5 runs" in result.output
    assert plot.stat().st_size > 1_000_000
    assert CliRunner().invoke(main, ["simulate", "--recipients", "5", "--start", "soon"]).exit_code == 2


def test_the_command_compares_turns_with_first_come_for_campaigns_beside_each_other(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leadmill.bootstrap, "app", lambda: app)
    words = "simulate --recipients 4000 --beside 10 --warm --steps 3 --runs 1 --domains 1 --mailboxes 2 --days 400"
    result = CliRunner().invoke(main, words.split())
    assert result.exit_code == 0, result.output
    table = {
        line.split("  ")[0]: line.split()[-5:]
        for line in result.output.splitlines()
        if " come " in line or " turn " in line
    }
    assert table["10, first come"][-5] == "50"
    assert table["10, in turn"][-5] == "1"
    assert table["4,000, first come"][-3:] == ["0%", "47", "days"]
    assert table["4,000, in turn"][-2:] == ["0", "days"]
    assert CliRunner().invoke(main, ["simulate", "--recipients", "5", "--beside", "many"]).exit_code == 2


def test_every_question_of_a_plan_is_an_option_of_the_command(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[PlanOptions] = []

    def simulate(options: PlanOptions, _as_of: datetime) -> Simulation:
        seen.append(options)
        return app_simulate(replace(options, recipients=5, runs=1, pool="", campaign_id=None), NOW)

    app_simulate = app.simulate
    monkeypatch.setattr(leadmill.bootstrap, "app", lambda: app)
    monkeypatch.setattr(app, "simulate", simulate)
    words = """simulate --recipients 9 --beside 20,10 --domains 2 --mailboxes 4 --cap 30 --warm --curve brisk --domain-cap 90
        --account-cap 80 --gmail-share 0.5 --gmail-an-hour 7 --steps 2 --step-delay 4 --bounce-rate 0.01
        --complaint-rate 0.002 --block-rate 0.003 --reply-rate 0.04 --warn-above 0.02 --pause-above 0.06
        --complaints-above 0.005 --window 10 --warn-sample 50 --pause-sample 150 --false-pauses 0.5 --lift-after 0
        --weekdays --from-ledger outreach --campaign 3 --start 2026-12-01 --days 20 --runs 2 --seed 8"""
    result = CliRunner().invoke(main, words.split())
    assert result.exit_code == 0, result.output
    assert seen == [
        PlanOptions(
            recipients=9, beside=(20, 10), domains=2, mailboxes_per_domain=4, daily_limit=30, is_warm=True, warm_up_curve="brisk",
            domain_daily_limit=90, account_daily_limit=80, gmail_share=0.5, gmail_hourly_limit=7, steps=2,
            step_delay_days=4, bounce_rate=0.01, complaint_rate=0.002, block_rate=0.003, reply_rate=0.04,
            weekdays_only=True, lift_after_days=None, false_pauses_a_month=0.5,
            rules=Thresholds(0.02, 0.06, 0.005, 10, 50, 150), pool="outreach", campaign_id=3,
            first_day=date(2026, 12, 1), days=20, runs=2, seed=8,
        )
    ]  # fmt: skip

"""`leadmill simulate`: how long will it take, said in a table."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leadmill.domain.simulation import STOPS

if TYPE_CHECKING:
    from leadmill.domain.simulation import Band, Simulation

_NAME = 1 + max(len(words) for words in STOPS.values())
_LINES = 14


def simulate(  # noqa: PLR0913 - one option a question
    recipients: Annotated[int | None, typer.Option(help="People who get the first mail.")] = None,
    domains: Annotated[int, typer.Option(help="Sending domains.")] = 10,
    mailboxes: Annotated[int, typer.Option(help="Mailboxes on each domain.")] = 3,
    cap: Annotated[int, typer.Option(help="Mails a day of each mailbox once it is warm.")] = 40,
    *,
    warm: Annotated[bool, typer.Option("--warm", help="The mailboxes are warm from the first day.")] = False,
    curve: Annotated[str, typer.Option(help="Warm-up: seed, gentle, brisk, or daily limits such as 5,8,12,20.")] = "",
    domain_cap: Annotated[int | None, typer.Option(help="Mails a day of each sending domain.")] = None,
    account_cap: Annotated[int | None, typer.Option(help="Mails a day of the provider account.")] = None,
    gmail_share: Annotated[float, typer.Option(help="Share of the recipients at Gmail.")] = 0.0,
    gmail_an_hour: Annotated[int | None, typer.Option(help="Mails an hour to Gmail from each domain.")] = None,
    steps: Annotated[int | None, typer.Option(help="Mails a person gets at most.")] = None,
    step_delay: Annotated[int | None, typer.Option(help="Days between two of them.")] = None,
    bounce_rate: Annotated[float | None, typer.Option(help="Share of mails that bounce, such as 0.02.")] = None,
    complaint_rate: Annotated[float | None, typer.Option(help="Share that draw a complaint, such as 0.0002.")] = None,
    block_rate: Annotated[float | None, typer.Option(help="Share that are blocked as spam.")] = None,
    reply_rate: Annotated[float | None, typer.Option(help="Share that are answered; ends the sequence.")] = None,
    false_pauses: Annotated[float | None, typer.Option(help="Guardrails: false pauses a month at most.")] = None,
    lift_after: Annotated[int, typer.Option(help="Days until a person lifts a pause; 0: nobody does.")] = 3,
    weekdays: Annotated[bool, typer.Option("--weekdays", help="Nothing on Saturday and Sunday.")] = False,
    from_ledger: Annotated[str, typer.Option(help="Take mailboxes and rates of this pool from the ledger.")] = "",
    campaign: Annotated[int | None, typer.Option(help="Take pool, recipients and steps of this campaign.")] = None,
    start: Annotated[str, typer.Option(help="First day, such as 2026-12-01; without it today.")] = "",
    days: Annotated[int, typer.Option(help="How many days at most.")] = 90,
    runs: Annotated[int, typer.Option(help="How many times it is played.")] = 100,
    seed: Annotated[int, typer.Option(help="Which luck; the same seed gives the same answer.")] = 1,
    plot: Annotated[Path | None, typer.Option(help="Write a plot to this HTML file.")] = None,
) -> None:
    """Play a plan many times with the real planner: finish date, mails a day and pauses, with 80 % intervals."""
    from leadmill.bootstrap import app
    from leadmill.ports.simulation import PlanOptions

    options = PlanOptions(
        recipients=recipients,
        domains=domains,
        mailboxes_per_domain=mailboxes,
        daily_limit=cap,
        is_warm=warm,
        warm_up_curve=curve,
        domain_daily_limit=domain_cap,
        account_daily_limit=account_cap,
        gmail_share=gmail_share,
        gmail_hourly_limit=gmail_an_hour,
        steps=steps,
        step_delay_days=step_delay,
        bounce_rate=bounce_rate,
        complaint_rate=complaint_rate,
        block_rate=block_rate,
        reply_rate=reply_rate,
        weekdays_only=weekdays,
        lift_after_days=lift_after or None,
        false_pauses_a_month=false_pauses,
        pool=from_ledger,
        campaign_id=campaign,
        first_day=_day(start),
        days=days,
        runs=runs,
        seed=seed,
    )
    simulation = app().simulate(options, datetime.now(UTC))
    for line in said(simulation):
        typer.echo(line)
    if plot is not None:
        app().write_simulation_plot(simulation, plot)
        typer.echo(f"The plot is in {plot}.")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no day; write it as 2026-12-01.", param_hint="--start") from error


def said(simulation: Simulation) -> list[str]:
    """A simulation in lines for a terminal."""
    world = simulation.world
    domains = len({m.domain_id for m in world.mailboxes})
    sending = f"{world.steps} mail(s) each, {len(world.mailboxes)} mailboxes on {domains} domains"
    lines = [
        f"{world.recipients:,} recipients, {sending}, from {world.first_day}; {simulation.runs} runs",
        "",
        _row("", ["10 %", "median", "90 %"]),
        _row("finished on", [str(day) if day else f"> {world.most_days} days" for day in simulation.finish]),
        *(_banded(STOPS[name], stops) for name, stops in simulation.stops.items()),
        _banded("days of mailboxes stopped", simulation.stopped_days),
        _banded("bounces", simulation.bounced),
        _banded("complaints", simulation.complained),
    ]
    if simulation.finished_share < 1:
        lines.append(f"{1 - simulation.finished_share:.0%} of the runs did not finish within {world.most_days} days.")
    lines += ["", f"{'day':14}{'mails, 10 %':>14}{'median':>14}{'90 %':>14}{'in all, median':>18}"]
    last = len(simulation.days) - 1
    for number in sorted({*range(0, last, max(1, last // _LINES)), last}):
        sent, total = simulation.sent[number], simulation.total[number]
        values = "".join(f"{value:>14,.0f}" for value in (sent.low, sent.middle, sent.high))
        lines.append(f"{simulation.days[number]!s:14}{values}{total.middle:>18,.0f}")
    return lines


def _row(name: str, values: list[str]) -> str:
    return f"{name:{_NAME}}" + "".join(f"{value:>14}" for value in values)


def _banded(name: str, values: Band) -> str:
    return _row(name, [f"{value:,.0f}" for value in (values.low, values.middle, values.high)])

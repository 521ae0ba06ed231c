"""`leadmill simulate`: how long will it take, said in a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leadmill.domain.guardrails import PRODUCTION as BASE
from leadmill.domain.guardrails import Thresholds
from leadmill.domain.simulation import stop_words, warning_words

if TYPE_CHECKING:
    from leadmill.domain.simulation import Band, Simulation, World
    from leadmill.ports.simulation import PlanOptions

_NAME = 1 + max(len(words) for words in (*stop_words().values(), *warning_words().values()))
_LINES = 14


def asks(question: str, *names: str, **more: Any) -> Any:
    """An option of the command; without a name it has its parameter's."""
    return typer.Option(*names, help=question, **more)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no day; write it as 2026-12-01.") from error


def _counts(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",") if part)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no list of numbers; write it as 2000,500,10.") from error


def simulate(  # noqa: PLR0913 - one option a question
    recipients: Annotated[int | None, asks("People who get the first mail.")] = None,
    beside: Annotated[str, asks("Compare turns beside campaigns of so many, such as 2000,10.")] = "",
    domains: Annotated[int, asks("Sending domains.")] = 10,
    mailboxes_per_domain: Annotated[int, asks("Mailboxes on each domain.", "--mailboxes")] = 3,
    daily_limit: Annotated[int, asks("Mails a day of each mailbox once it is warm.", "--cap")] = 40,
    *,
    is_warm: Annotated[bool, asks("The mailboxes are warm from the first day.", "--warm")] = False,
    warm_up_curve: Annotated[str, asks("Warm-up: seed, gentle, brisk, or limits such as 5,8,12,20.", "--curve")] = "",
    domain_daily_limit: Annotated[int | None, asks("Mails a day of each sending domain.", "--domain-cap")] = None,
    account_daily_limit: Annotated[int | None, asks("Mails a day of the provider account.", "--account-cap")] = None,
    gmail_share: Annotated[float, asks("Share of the recipients at Gmail.")] = 0.0,
    gmail_hourly_limit: Annotated[
        int | None, asks("Mails an hour to Gmail from each domain.", "--gmail-an-hour")
    ] = None,
    steps: Annotated[int | None, asks("Mails a person gets at most.")] = None,
    step_delay_days: Annotated[int | None, asks("Days between two of them.", "--step-delay")] = None,
    bounce_rate: Annotated[float | None, asks("Share of mails that bounce, such as 0.02.")] = None,
    complaint_rate: Annotated[float | None, asks("Share that draw a complaint, such as 0.0002.")] = None,
    block_rate: Annotated[float | None, asks("Share that are blocked as spam.")] = None,
    reply_rate: Annotated[float | None, asks("Share that are answered; ends the sequence.")] = None,
    bounce_warns: Annotated[float, asks("Bounces that warn.", "--warn-above")] = BASE.bounce_warns,
    bounce_pauses: Annotated[float, asks("Bounces that pause a mailbox.", "--pause-above")] = BASE.bounce_pauses,
    complaint_alerts: Annotated[
        float, asks("Complaints that alert, and hold a campaign.", "--complaints-above")
    ] = BASE.complaint_alerts,
    window_days: Annotated[int, asks("Days over which these shares are taken.", "--window")] = BASE.window_days,
    warn_sample: Annotated[int, asks("Mails of the window before bounces warn.")] = BASE.warn_sample,
    pause_sample: Annotated[int, asks("Mails of it before bounces pause.")] = BASE.pause_sample,
    false_pauses_a_month: Annotated[float | None, asks("False pauses a month at most.", "--false-pauses")] = None,
    lift_after_days: Annotated[int, asks("Days until a person lifts a pause; 0: nobody does.", "--lift-after")] = 3,
    weekdays_only: Annotated[bool, asks("Nothing on Saturday and Sunday.", "--weekdays")] = False,
    pool: Annotated[str, asks("Take mailboxes and rates of this pool from the ledger.", "--from-ledger")] = "",
    campaign_id: Annotated[
        int | None, asks("Take pool, recipients and steps of this campaign.", "--campaign", min=1, max=2**63 - 1)
    ] = None,
    first_day: Annotated[
        date | None, asks("Such as 2026-12-01; else today.", "--start", parser=_day, metavar="DAY")
    ] = None,
    days: Annotated[int, asks("How many days at most.")] = 90,
    runs: Annotated[int, asks("How many times it is played.")] = 100,
    seed: Annotated[int, asks("Which luck; the same seed gives the same answer.")] = 1,
    plot: Annotated[Path | None, asks("Write a plot to this HTML file.", dir_okay=False, writable=True)] = None,
) -> None:
    """Play a plan many times with the real planner: finish date, mails a day and pauses, with 80 % intervals."""
    options = _plan(locals())  # each parameter is a field of PlanOptions or Thresholds, under its name
    if plot is not None and not plot.parent.is_dir():
        raise typer.BadParameter(f"There is no folder {plot.parent} for the plot; name one that is there.")
    from leadmill.bootstrap import app

    simulation = app().simulate(options, datetime.now(UTC))
    for line in said(simulation):
        typer.echo(line)
    if plot is not None:
        app().write_simulation_plot(simulation, plot)
        typer.echo(f"The plot is in {plot}.")


def _plan(values: Mapping[str, Any]) -> PlanOptions:
    """The plan that a command line's values describe."""
    from leadmill.ports.simulation import PlanOptions

    rules = Thresholds(**{each.name: values[each.name] for each in fields(Thresholds)})
    plain = {each.name: values[each.name] for each in fields(PlanOptions) if each.name in values}
    read = {"rules": rules, "lift_after_days": values["lift_after_days"] or None, "beside": _counts(values["beside"])}
    return PlanOptions(**plain | read)


def said(simulation: Simulation) -> list[str]:
    """A simulation in lines for a terminal."""
    world = simulation.world
    stops, warnings = stop_words(world.rules), warning_words(world.rules)
    domains = len({m.domain_id for m in world.mailboxes})
    sending = f"{world.steps} mail(s) each, {len(world.mailboxes)} mailboxes on {domains} domains"
    lines = [
        f"{world.recipients:,} recipients, {sending}, from {world.first_day}; {simulation.runs} runs",
        "",
        _row("", ["10 %", "median", "90 %"]),
        _row("finished on", [str(day) if day else f"> {world.most_days} days" for day in simulation.finish]),
        *(_banded(stops[name], counts) for name, counts in simulation.stops.items()),
        *(_banded(warnings[name], counts) for name, counts in simulation.warnings.items()),
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
    return lines + _compared(world)


def _compared(world: World) -> list[str]:
    """What turns change for the campaigns of a pool: days from the first, 0, and how well follow-ups keep their gap."""
    from leadmill.domain.turns_compared import compare_turns

    found = compare_turns(world)
    if not found:
        return []
    heads = ["first mail", "done", "on their day", "median delay"]
    lines = ["", "Campaigns in turn, against first come, first served (day 0 is the first; nothing goes wrong):"]
    lines.append(_row("recipients, and how they are served", heads))
    for each in found:
        for way, outcome in (("first come", each.first_come), ("in turn", each.in_turn)):
            days = ["never" if day is None else str(day) for day in (outcome.first_on, outcome.done_on)]
            kept = f"{outcome.on_their_day:.0%}" if outcome.late else "-"
            delay = f"{outcome.median_delay:g} days" if outcome.late else "-"
            lines.append(_row(f"{each.recipients:,}, {way}", [*days, kept, delay]))
    return lines


def _row(name: str, values: list[str]) -> str:
    return f"{name:{_NAME}}" + "".join(f"{value:>14}" for value in values)


def _banded(name: str, values: Band) -> str:
    return _row(name, [f"{value:,.0f}" for value in (values.low, values.middle, values.high)])

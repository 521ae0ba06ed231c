"""How long will it take? A plan, assumed or taken from the ledger, played many times under the production rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

from leadmill.domain.guardrails import FALSE_PAUSES_A_MONTH
from leadmill.domain.mailboxes import Mailbox, SenderStatus
from leadmill.domain.simulated_run import run_once
from leadmill.domain.simulation import EVERY_DAY, Rate, Simulation, World, simulate
from leadmill.domain.warm_up import curve_of
from leadmill.errors import InputInvalid, NotFound
from leadmill.ports.mailboxes import SenderRegistry
from leadmill.ports.simulation import CampaignToSimulate, PlanOptions, PoolHistory, SimulationHistory

HISTORY_DAYS = 90
PRIOR_MAILS = 100.0
"""Weight of the assumed rates against a pool's own history, in mails: as rotation shrinks its rates."""

ASSUMED_BOUNCES, ASSUMED_COMPLAINTS, ASSUMED_BLOCKS, ASSUMED_REPLIES = 0.02, 0.0002, 0.0, 0.02
"""A clean list: bounces where the guardrails see a healthy mailbox, complaints at a fifth of what alerts."""

MOST_RECIPIENTS, MOST_MAILBOXES, MOST_DAYS, MOST_RUNS = 5_000_000, 1_000, 730, 1_000
MOST_BESIDE, MOST_CAMPAIGNS = 100_000, 50
FIRST_YEAR, LAST_YEAR = 2000, 2200


def simulate_plan(
    options: PlanOptions, *, registry: SenderRegistry | None, history: SimulationHistory | None, as_of: datetime
) -> Simulation:
    """Simulate a plan; the same options and ledger give the same answer.

    `registry` and `history` may be None where the options name neither a pool nor a campaign.

    Raises:
        InputInvalid: A number that makes no sense, or a pool in which no mailbox may send.
        NotFound: No such pool or campaign.
    """
    campaign = history.campaign(options.campaign_id) if history and options.campaign_id is not None else None
    pool = campaign.pool if campaign else options.pool
    recipients = options.recipients if options.recipients is not None else campaign.recipients if campaign else None
    _require_sane(options, recipients)
    first_day = options.first_day or as_of.date()
    if registry and history and pool:
        mailboxes = tuple(_of_pool(registry, pool, as_of, first_day))
        known = history.pool_history(pool, since=as_of.date() - timedelta(days=HISTORY_DAYS))
    else:
        mailboxes, known = tuple(_assumed(options, first_day)), None
    if not mailboxes and registry and pool not in (pools := {state.pool for state in registry.mailboxes(as_of=as_of)}):
        raise NotFound(f"No pool {pool!r} has mailboxes; those that have are {', '.join(sorted(pools)) or 'none yet'}.")
    if not mailboxes:
        raise InputInvalid(f"No mailbox of the pool {pool!r} may send now; lift their pauses, or name another pool.")
    world = World(
        recipients=recipients or 0,
        mailboxes=mailboxes,
        first_day=first_day,
        most_days=options.days,
        weekdays=frozenset(range(5)) if options.weekdays_only else EVERY_DAY,
        steps=options.steps or (campaign.steps if campaign else 1),
        step_delay_days=options.step_delay_days or (campaign.step_delay_days if campaign else 3),
        lift_after_days=options.lift_after_days,
        false_pauses_a_month=options.false_pauses_a_month or FALSE_PAUSES_A_MONTH,
        rules=options.rules,
        beside=options.beside,
    )
    return simulate(
        _with_recipients(_with_rates(world, options, known), options, campaign),
        run_once,
        runs=options.runs,
        seed=options.seed,
    )


def _require_sane(options: PlanOptions, recipients: int | None) -> None:
    if recipients is None or not 0 < recipients <= MOST_RECIPIENTS:
        raise InputInvalid(f"Say how many recipients, 1 to {MOST_RECIPIENTS:,}; here there are {recipients or 0}.")
    if any(not 0 < mails <= MOST_BESIDE for mails in options.beside) or len(options.beside) > MOST_CAMPAIGNS:
        raise InputInvalid(f"Up to {MOST_CAMPAIGNS} campaigns beside it, each with 1 to {MOST_BESIDE:,} recipients.")
    if not 0 < options.domains * options.mailboxes_per_domain <= MOST_MAILBOXES:
        raise InputInvalid(f"Domains times mailboxes per domain lie between 1 and {MOST_MAILBOXES:,}.")
    if not (0 < options.runs <= MOST_RUNS and 0 < options.days <= MOST_DAYS):
        raise InputInvalid(f"A simulation has 1 to {MOST_RUNS:,} runs of 1 to {MOST_DAYS} days.")
    rates = (options.bounce_rate, options.complaint_rate, options.block_rate, options.reply_rate, options.gmail_share)
    if any(rate is not None and not 0 <= rate <= 1 for rate in rates):
        raise InputInvalid("Rates and shares lie between 0 and 1: 2 % is 0.02.")
    if options.first_day is not None and not FIRST_YEAR <= options.first_day.year <= LAST_YEAR:
        raise InputInvalid(f"The first day lies in a year from {FIRST_YEAR} to {LAST_YEAR}.")
    numbers = (options.daily_limit, options.domain_daily_limit, options.account_daily_limit, options.lift_after_days)
    if any(number is not None and number < 1 for number in (*numbers, options.steps, options.step_delay_days)):
        raise InputInvalid("Limits, steps and days are at least 1; leave them out for none.")
    _require_sane_thresholds(options)


def _require_sane_thresholds(options: PlanOptions) -> None:
    rules, budget = options.rules, options.false_pauses_a_month
    if any(not 0 < rate <= 1 for rate in (rules.bounce_warns, rules.bounce_pauses, rules.complaint_alerts)):
        raise InputInvalid("Thresholds are shares above 0 and up to 1: 5 % is 0.05.")
    if rules.bounce_warns > rules.bounce_pauses:
        raise InputInvalid("Bounces warn below the rate at which they pause.")
    if not 1 <= rules.window_days <= MOST_DAYS or min(rules.warn_sample, rules.pause_sample) < 1:
        raise InputInvalid(f"A window has 1 to {MOST_DAYS} days, and a sample at least one mail.")
    if budget is not None and budget <= 0:
        raise InputInvalid("The budget of false pauses a month lies above 0, such as 0.5 or 2.")


def _assumed(options: PlanOptions, first_day: date) -> Iterator[Mailbox]:
    """The mailboxes of the options: so many domains, each with so many, all through one account."""
    curve = curve_of(options.warm_up_curve)
    for number in range(options.domains * options.mailboxes_per_domain):
        yield Mailbox(
            mailbox_id=number + 1,
            domain_id=number // options.mailboxes_per_domain + 1,
            account_id=1,
            pool_id=1,
            time_zone="UTC",
            day=first_day,
            daily_limit=options.daily_limit,
            domain_daily_limit=options.domain_daily_limit,
            account_daily_limit=options.account_daily_limit,
            warm_up_started_on=None if options.is_warm else first_day,
            warm_up_curve=curve,
        )


def _of_pool(registry: SenderRegistry, pool: str, as_of: datetime, first_day: date) -> Iterator[Mailbox]:
    """The pool's mailboxes as they stand, but for those that are stopped: nobody knows when they are back."""
    for state in registry.mailboxes(as_of=as_of):
        mailbox = state.mailbox
        stopped = {mailbox.status, mailbox.domain_status, mailbox.account_status} != {SenderStatus.ACTIVE}
        if state.pool == pool and not stopped:
            yield replace(mailbox, day=first_day, cool_down_until=None, domain_cool_down_until=None)


def _with_rates(world: World, options: PlanOptions, known: PoolHistory | None) -> World:
    """The world with the options' rates, else the pool's own with their uncertainty, else the assumed ones."""

    def rate(said: float | None, events: int, assumed: float) -> Rate:
        if said is not None or known is None:
            return Rate(assumed if said is None else said)
        weight = known.mails + PRIOR_MAILS
        return Rate((events + assumed * PRIOR_MAILS) / weight, weight)

    return replace(
        world,
        bounce_rate=rate(options.bounce_rate, known.bounced if known else 0, ASSUMED_BOUNCES),
        complaint_rate=rate(options.complaint_rate, known.complained if known else 0, ASSUMED_COMPLAINTS),
        block_rate=rate(options.block_rate, known.blocked if known else 0, ASSUMED_BLOCKS),
        reply_rate=rate(options.reply_rate, known.replied if known else 0, ASSUMED_REPLIES),
    )


def _with_recipients(world: World, options: PlanOptions, campaign: CampaignToSimulate | None) -> World:
    """The world with what it knows of limited recipient domains."""
    if campaign and campaign.recipients:
        shares = {family: count / campaign.recipients for family, count in campaign.families.items()}
        return replace(world, family_shares=shares, hourly_limits=campaign.hourly_limits)
    if options.gmail_share and options.gmail_hourly_limit is not None:
        return replace(
            world, family_shares={"gmail": options.gmail_share}, hourly_limits={"gmail": options.gmail_hourly_limit}
        )
    return world

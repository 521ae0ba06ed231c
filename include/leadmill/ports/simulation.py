"""What a simulation asks for, and what it learns from the ledger's history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from leadmill.domain.guardrails import PRODUCTION, Thresholds
from leadmill.domain.simulation import LIFT_AFTER_DAYS


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """A plan to simulate; None leaves a value to the default, or to the ledger where `pool` or `campaign_id` is given.

    Attributes:
        recipients: People who get the first mail.
        beside: Recipients of further campaigns of the same pool, which begin a day later.
        domains, mailboxes_per_domain, daily_limit: What sends, where no pool of the ledger is named.
        is_warm: Whether its mailboxes send their full limit from the first day.
        warm_up_curve: A curve's name or a list of daily limits; empty is the seed rule.
        domain_daily_limit, account_daily_limit: Further limits, in mails.
        gmail_share, gmail_hourly_limit: Share of the recipients at one limited receiver, and mails an hour that each
            sending domain sends it.
        steps, step_delay_days: Mails a person gets at most, and days between them.
        bounce_rate, complaint_rate, block_rate, reply_rate: Of each mail.
        weekdays_only: Whether nothing goes out on Saturday and Sunday.
        lift_after_days: Days until a person lifts a guardrail's pause; None: nobody does.
        false_pauses_a_month: The guardrails' budget of false pauses.
        rules: From where on guardrails act.
        pool, campaign_id: Take mailboxes, rates and, of a campaign, recipients and steps from the ledger.
        first_day: None is the day of the call.
        days, runs, seed: How long at most, how often, and which luck.
    """

    recipients: int | None = None
    beside: tuple[int, ...] = ()
    domains: int = 10
    mailboxes_per_domain: int = 3
    daily_limit: int = 40
    is_warm: bool = False
    warm_up_curve: str = ""
    domain_daily_limit: int | None = None
    account_daily_limit: int | None = None
    gmail_share: float = 0.0
    gmail_hourly_limit: int | None = None
    steps: int | None = None
    step_delay_days: int | None = None
    bounce_rate: float | None = None
    complaint_rate: float | None = None
    block_rate: float | None = None
    reply_rate: float | None = None
    weekdays_only: bool = False
    lift_after_days: int | None = LIFT_AFTER_DAYS
    false_pauses_a_month: float | None = None
    rules: Thresholds = PRODUCTION
    pool: str = ""
    campaign_id: int | None = None
    first_day: date | None = None
    days: int = 90
    runs: int = 100
    seed: int = 1


@dataclass(frozen=True, slots=True)
class PoolHistory:
    """What became of a pool's mails, in mails."""

    mails: int
    bounced: int
    complained: int
    blocked: int
    replied: int


@dataclass(frozen=True, slots=True)
class CampaignToSimulate:
    """A campaign's open part: people who still wait for their first mail, by limited family of recipient domains."""

    pool: str
    recipients: int
    families: Mapping[str, int]
    hourly_limits: Mapping[str, int]
    steps: int
    step_delay_days: int


class SimulationHistory(Protocol):
    """Reads what a simulation can learn from the ledger."""

    def pool_history(self, pool: str, *, since: date) -> PoolHistory:
        """What became of the pool's mails since then. Raises `NotFound`."""
        ...

    def campaign(self, campaign_id: int) -> CampaignToSimulate:
        """What of a campaign is still to be sent; of one that is not planned, its audience. Raises `NotFound`."""
        ...

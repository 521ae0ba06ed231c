"""What a mailbox may still send now, which limit binds, and when that limit relaxes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from leadmill.domain.spread import (
    Pause,
    Spread,
    is_even,
    jittered_gap,
    jittered_spread,
    mails_in_a_step,
    seconds_a_mail,
)
from leadmill.domain.warm_up import SEED_CURVE, WarmUp, WarmUpCurve, limit_of, probation_limit
from leadmill.domain.weather import PROBE_WITHIN, PutOff


class SenderStatus(StrEnum):
    """Where a mailbox, sending domain or provider account stands; accounts know no cool-down."""

    ACTIVE = "active"
    PAUSED = "paused"
    COOLING_DOWN = "cooling_down"


class Binding(StrEnum):
    """The limit that decides how much a mailbox may send now."""

    MAILBOX_PAUSED = "mailbox_paused"
    MAILBOX_COOLING_DOWN = "mailbox_cooling_down"
    DOMAIN_PAUSED = "domain_paused"
    DOMAIN_COOLING_DOWN = "domain_cooling_down"
    ACCOUNT_PAUSED = "account_paused"
    ACCOUNT_WAITS = "account_waits"  # max_per_second, or the provider asked to wait
    MINIMUM_GAP = "minimum_gap"
    SPREAD = "spread"  # its day's mails go out evenly
    MAILBOX_DAY = "mailbox_day"
    WARM_UP = "warm_up"
    PROBATION = "probation"
    MAILBOX_HOUR = "mailbox_hour"
    DOMAIN_DAY = "domain_day"
    ACCOUNT_DAY = "account_day"
    PUT_OFF = "put_off"  # its server says "later" to everything
    PROVIDER_DAY = "provider_day"  # the provider's own limit, with what others sent through the account
    RECIPIENT_HOUR = "recipient_hour"  # of a recipient domain, by sending domain


PASSING = frozenset({Binding.MINIMUM_GAP, Binding.SPREAD, Binding.ACCOUNT_WAITS, Binding.PUT_OFF})
"""Bindings that end by themselves within minutes: worth waiting for within a dispatch."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox with its domain, its account, and what each has used; None is "no limit".

    `day` is the local date in the mailbox's zone at the moment asked about, and `taken_today` belongs to it;
    `domain_taken_today` is by UTC day, `account_taken` over the rolling quota period. `provider_others` is what others
    sent through the account within the provider's 24 hours, as far as it said.
    """

    mailbox_id: int
    domain_id: int
    account_id: int
    pool_id: int
    time_zone: str
    day: date
    daily_limit: int
    taken_today: int = 0
    hourly_limit: int | None = None
    taken_this_hour: int = 0
    min_gap_seconds: int = 0
    next_send_at: datetime | None = None
    spread_until: datetime | None = None
    warm_up_started_on: date | None = None
    warm_up: WarmUp | None = None
    warm_up_curve: WarmUpCurve = SEED_CURVE
    is_on_probation: bool = False
    status: SenderStatus = SenderStatus.ACTIVE
    cool_down_until: datetime | None = None
    domain_status: SenderStatus = SenderStatus.ACTIVE
    domain_cool_down_until: datetime | None = None
    domain_daily_limit: int | None = None
    domain_taken_today: int = 0
    account_status: SenderStatus = SenderStatus.ACTIVE
    account_daily_limit: int | None = None
    account_taken: int = 0
    account_quota_relaxes_at: datetime | None = None
    account_next_send_at: datetime | None = None
    account_spread: Spread | None = None
    provider_daily_limit: int | None = None
    provider_others: int = 0
    delivered: int = 0
    bounced: int = 0
    put_off: PutOff | None = None
    account_put_off: PutOff | None = None

    @property
    def is_account_probed(self) -> bool:
        """Whether one mail of its account tries whether the API takes mails again."""
        return self.account_put_off is not None and self.account_put_off.is_probed

    @property
    def is_probed(self) -> bool:
        """Whether one mail tries whether its server takes mails again."""
        return self.is_account_probed or (self.put_off is not None and self.put_off.is_probed)

    @property
    def spreads_evenly(self) -> bool:
        """Whether its mails are spread over its day."""
        return is_even(self.account_spread, self.daily_limit)


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many mails may go out now. `binding` is the tightest limit, `relaxes_at` when it next gives way (UTC).

    `relaxes_at` is None where only a person can relax it.
    """

    remaining: int
    binding: Binding
    relaxes_at: datetime | None


def day_limit(mailbox: Mailbox) -> int:
    """Today's limit of a mailbox in mails, with its warm-up and probation taken into account."""
    limit = _warm_up_limit(mailbox)
    return probation_limit(limit) if mailbox.is_on_probation else limit


def _warm_up_limit(mailbox: Mailbox) -> int:
    if mailbox.warm_up_started_on is not None and mailbox.day < mailbox.warm_up_started_on:
        return 0
    stands = mailbox.warm_up or (None if mailbox.warm_up_started_on is None else WarmUp())
    full = mailbox.daily_limit
    return full if stands is None else limit_of(stands, mailbox.warm_up_curve, full_limit=full)


def _warm_up_opens(mailbox: Mailbox) -> datetime | None:
    """When a warm-up begins that has not begun yet."""
    began = mailbox.warm_up_started_on
    if began is None or began <= mailbox.day:
        return None
    return start_of_next_day(began - timedelta(days=1), mailbox.time_zone)


def is_warming_up(mailbox: Mailbox) -> bool:
    """Whether a mailbox may send less than its own limit for want of evidence: its mails go to the most engaged."""
    return day_limit(mailbox) < mailbox.daily_limit


@lru_cache(maxsize=512)
def start_of_next_day(day: date, time_zone: str) -> datetime:
    """The UTC moment at which the day after a local date begins."""
    local = datetime.combine(day + timedelta(days=1), time(), tzinfo=ZoneInfo(time_zone))
    return local.astimezone(UTC)


def account_remaining(mailbox: Mailbox) -> tuple[int, Binding] | None:
    """What the mailbox's provider account may still send, by our limit or the provider's own; None: no limit."""
    limits = []
    if mailbox.account_daily_limit is not None:
        limits.append((mailbox.account_daily_limit - mailbox.account_taken, Binding.ACCOUNT_DAY))
    if mailbox.provider_daily_limit is not None:
        left = mailbox.provider_daily_limit - mailbox.account_taken - mailbox.provider_others
        limits.append((left, Binding.PROVIDER_DAY))
    if mailbox.is_account_probed:
        limits.append((1, Binding.PUT_OFF))
    return min(limits, key=lambda limit: limit[0]) if limits else None


def _standstill(mailbox: Mailbox, now: datetime) -> Capacity | None:
    """The status or pause that keeps a mailbox from sending at all, if there is one."""
    if mailbox.account_status is not SenderStatus.ACTIVE:
        return Capacity(0, Binding.ACCOUNT_PAUSED, None)
    if mailbox.domain_status is SenderStatus.PAUSED:
        return Capacity(0, Binding.DOMAIN_PAUSED, None)
    if mailbox.status is SenderStatus.PAUSED:
        return Capacity(0, Binding.MAILBOX_PAUSED, None)
    cooling = (
        (mailbox.domain_status, mailbox.domain_cool_down_until, Binding.DOMAIN_COOLING_DOWN),
        (mailbox.status, mailbox.cool_down_until, Binding.MAILBOX_COOLING_DOWN),
    )
    for status, until, binding in cooling:
        if status is SenderStatus.COOLING_DOWN and (until is None or until > now):
            return Capacity(0, binding, until)
    return None


def _passing(mailbox: Mailbox, now: datetime) -> Capacity | None:
    """A wait that ends by itself: what its server asks for, rate, gap or spread."""
    waits = (
        *((put_off.until, Binding.PUT_OFF) for put_off in (mailbox.account_put_off, mailbox.put_off) if put_off),
        (mailbox.account_next_send_at, Binding.ACCOUNT_WAITS),
        (mailbox.next_send_at, Binding.MINIMUM_GAP),
        (mailbox.spread_until if mailbox.spreads_evenly else None, Binding.SPREAD),
    )
    for until, binding in waits:
        if until is not None and until > now:
            return Capacity(0, binding, until)
    return None


def _limits(mailbox: Mailbox, now: datetime) -> Iterator[Capacity]:
    """Every limit in mails that holds for the mailbox."""
    tomorrow = start_of_next_day(mailbox.day, mailbox.time_zone)
    next_hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    today = day_limit(mailbox)
    young = Binding.PROBATION if mailbox.is_on_probation else Binding.WARM_UP
    by_day = young if is_warming_up(mailbox) else Binding.MAILBOX_DAY
    yield Capacity(today - mailbox.taken_today, by_day, _warm_up_opens(mailbox) or tomorrow)
    if mailbox.hourly_limit is not None:
        yield Capacity(mailbox.hourly_limit - mailbox.taken_this_hour, Binding.MAILBOX_HOUR, next_hour)
    if mailbox.domain_daily_limit is not None:
        left = mailbox.domain_daily_limit - mailbox.domain_taken_today
        yield Capacity(left, Binding.DOMAIN_DAY, start_of_next_day(now.astimezone(UTC).date(), "UTC"))
    account = account_remaining(mailbox)
    if account is not None:
        yield Capacity(*account, mailbox.account_quota_relaxes_at or next_hour)


def capacity(mailbox: Mailbox, now: datetime) -> Capacity:
    """What a mailbox may still send at `now` (aware UTC), and which limit says so.

    A limit that is used up is named before a wait that ends sooner: what binds longest is what people want to know.
    """
    stopped = _standstill(mailbox, now)
    if stopped:
        return stopped
    tightest = min(_limits(mailbox, now), key=lambda limit: limit.remaining)
    if tightest.remaining <= 0:
        return Capacity(0, tightest.binding, tightest.relaxes_at)
    return _passing(mailbox, now) or _one_step(mailbox, tightest, now)


def _one_step(mailbox: Mailbox, tightest: Capacity, now: datetime) -> Capacity:
    """What of a limit may go out at once."""
    if mailbox.is_probed:
        return Capacity(1, Binding.PUT_OFF, now + PROBE_WITHIN)
    if mailbox.min_gap_seconds and tightest.remaining > 1:
        return Capacity(1, Binding.MINIMUM_GAP, now + timedelta(seconds=mailbox.min_gap_seconds))
    if mailbox.spreads_evenly:
        today, taken, zone = day_limit(mailbox), mailbox.taken_today, mailbox.time_zone
        step = mails_in_a_step(today, taken, zone=zone, now=now)
        if step < tightest.remaining:
            seconds = step * seconds_a_mail(today, taken + step, zone=zone, now=now)
            return Capacity(step, Binding.SPREAD, now + timedelta(seconds=seconds))
    return tightest


def pause_after(mailbox: Mailbox, taken: int, *, now: datetime, closes_at: datetime | None, seed: int) -> Pause:
    """Until when a mailbox waits that takes `taken` mails now, by its minimum gap and the even spread of its day."""
    gap_until = spread_until = None
    number = mailbox.mailbox_id
    if mailbox.is_probed:
        gap_until = now + PROBE_WITHIN
    if mailbox.min_gap_seconds:
        gap = now + jittered_gap(mailbox.min_gap_seconds, seed=seed, mailbox_id=number)
        gap_until = max(gap, gap_until or gap)
    if mailbox.spreads_evenly:
        used = mailbox.taken_today + taken
        seconds = seconds_a_mail(day_limit(mailbox), used, zone=mailbox.time_zone, now=now, closes_at=closes_at)
        spread_until = now + jittered_spread(taken * seconds, seed=seed, mailbox_id=number)
    return Pause(gap_until, spread_until)

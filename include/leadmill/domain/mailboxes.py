"""What a mailbox may still send now, which limit binds, and when that limit relaxes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from leadmill.domain.warm_up import days_of_warm_up, warm_up_limit


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
    MAILBOX_DAY = "mailbox_day"
    WARM_UP = "warm_up"
    MAILBOX_HOUR = "mailbox_hour"
    DOMAIN_DAY = "domain_day"
    ACCOUNT_DAY = "account_day"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox with its domain, its account, and what each has used; None is "no limit".

    `day` is the local date in the mailbox's zone at the moment asked about, and `taken_today` belongs to it;
    `domain_taken_today` is by UTC day, `account_taken` over the rolling quota period.
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
    warm_up_started_on: date | None = None
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
    delivered: int = 0
    bounced: int = 0


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many mails may go out now. `binding` is the tightest limit, `relaxes_at` when it next gives way (UTC).

    `relaxes_at` is None where only a person can relax it.
    """

    remaining: int
    binding: Binding
    relaxes_at: datetime | None


def day_limit(mailbox: Mailbox) -> int:
    """Today's limit of a mailbox in mails, with its warm-up taken into account."""
    age = days_of_warm_up(mailbox.warm_up_started_on, mailbox.day)
    return mailbox.daily_limit if age is None else warm_up_limit(age, full_limit=mailbox.daily_limit)


def start_of_next_day(day: date, time_zone: str) -> datetime:
    """The UTC moment at which the day after a local date begins."""
    local = datetime.combine(day + timedelta(days=1), time(), tzinfo=ZoneInfo(time_zone))
    return local.astimezone(UTC)


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
    waits = (
        (mailbox.account_next_send_at, Binding.ACCOUNT_WAITS),
        (mailbox.next_send_at, Binding.MINIMUM_GAP),
    )
    for until, binding in waits:
        if until is not None and until > now:
            return Capacity(0, binding, until)
    return None


def capacity(mailbox: Mailbox, now: datetime) -> Capacity:
    """What a mailbox may still send at `now` (aware UTC), and which limit says so."""
    stopped = _standstill(mailbox, now)
    if stopped:
        return stopped
    tomorrow = start_of_next_day(mailbox.day, mailbox.time_zone)
    next_hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    today = day_limit(mailbox)
    by_day = Binding.MAILBOX_DAY if today >= mailbox.daily_limit else Binding.WARM_UP
    limits = [Capacity(today - mailbox.taken_today, by_day, tomorrow)]
    if mailbox.hourly_limit is not None:
        limits.append(Capacity(mailbox.hourly_limit - mailbox.taken_this_hour, Binding.MAILBOX_HOUR, next_hour))
    if mailbox.domain_daily_limit is not None:
        left = mailbox.domain_daily_limit - mailbox.domain_taken_today
        limits.append(Capacity(left, Binding.DOMAIN_DAY, start_of_next_day(now.astimezone(UTC).date(), "UTC")))
    if mailbox.account_daily_limit is not None:
        left = mailbox.account_daily_limit - mailbox.account_taken
        limits.append(Capacity(left, Binding.ACCOUNT_DAY, mailbox.account_quota_relaxes_at or next_hour))
    tightest = min(limits, key=lambda limit: limit.remaining)
    if mailbox.min_gap_seconds and tightest.remaining > 1:
        return Capacity(1, Binding.MINIMUM_GAP, now + timedelta(seconds=mailbox.min_gap_seconds))
    return Capacity(max(0, tightest.remaining), tightest.binding, tightest.relaxes_at)

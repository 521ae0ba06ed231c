"""Does a campaign fit into its pool's days beside the others, and before its end?"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from math import ceil

from leadmill.domain import moments
from leadmill.domain.campaigns import CampaignDraft, Timing
from leadmill.domain.capacity import MailboxLimit, days_needed
from leadmill.domain.quantities import counted
from leadmill.domain.send_days import FirstMails
from leadmill.domain.shared_days import MOST_DAYS, MOST_MAILS_A_DAY, Load, Outcome, play_days
from leadmill.ports.campaigns import Check
from leadmill.ports.sending_identity import SenderLedger

_OWN = 0
"""The draft's own number among the loads; campaigns of the ledger begin at 1."""

_MIDNIGHT = time(0)

_LEADS_SEEN = 20


def check_schedule_fit(
    draft: CampaignDraft, first: FirstMails, senders: SenderLedger, *, as_of: datetime
) -> Iterator[Check]:
    """How long the campaign takes beside those that share its pool; nothing where it has no pool, no mail or nobody.

    The pool's days are as its limits and warm-ups plan them, the campaign's own as `first` says, and every lead gets
    every mail: people who reply make it quicker, pauses slower. Of the others the weekdays count, not the holidays.
    """
    leads = first.mails
    if draft.pool_id is None or not draft.steps or not leads:
        return
    mailboxes = senders.active_mailboxes(draft.pool_id)
    today, start = as_of.date(), max(draft.starts_at or as_of, as_of).date()
    mails = leads * len(draft.steps)
    days = days_needed(mails, mailboxes, first_day=start)
    if days is None:
        yield Check("capacity", "error", "The pool's limits let nothing out.", "Raise a mailbox's daily limit.")
        return
    own = _own_load(draft, first, today)
    pool = senders.loads_of_pool(draft.pool_id, as_of=as_of)
    running, paused = ([each for each in loads if each.mails] for loads in (pool.running, pool.paused))
    outcome = _outcome([own, *running, *paused], mailboxes, today)
    kind = ("of its sending days", "of its sending days") if first.days_off else ("day", "days")
    lasting = f"{counted(mails, 'mail takes', 'mails take')} about {counted(days, *kind)}"
    beside = _beside(own, running, paused)
    done = "not within two years" if outcome.done_on is None else f"done about {_day(today, outcome.done_on)}"
    message = f"At today's limits and warm-up, {lasting} {beside}, {done}."
    if pool.unplanned:
        message += (
            f" {counted(pool.unplanned, 'campaign was', 'campaigns were')} approved a moment ago and not counted yet; "
            "check again in some minutes."
        )
    left = 0 if draft.ends_at is None else _left(mails, outcome, as_of, draft.ends_at)
    if draft.ends_at is None or not left:
        fits = "" if draft.ends_at is None else f" It fits before its end on {moments.in_words(draft.ends_at)}."
        yield Check("capacity", "ok", message + fits)
        return
    message += (
        f" It does not fit: about {left:,} of {counted(mails, 'mail')} would be left on "
        f"{moments.in_words(draft.ends_at)}."
    )
    heavier = ", or give it a larger share" if running or paused else ""
    advice = f"What is not out by the end expires: end later, add mailboxes{heavier}."
    yield Check("capacity", "warning", message, advice)


def _own_load(draft: CampaignDraft, first: FirstMails, today: date) -> Load:
    days_off = frozenset((day - today).days for day in first.days_off)
    by_day = {max(0, (day - today).days): count for day, count in sorted(first.mails_by_day.items())}
    delays = tuple(step.delay_days for step in draft.steps[1:])
    lags = _lags(by_day, days_off) if draft.timing is Timing.BEST_TIME else (0,)
    return Load(_OWN, by_day, delays, draft.weight, days_off=days_off, lags=lags)


def _lags(by_day: Mapping[int, int], days_off: frozenset[int]) -> tuple[int, ...]:
    """Follow-ups wait for the best of some days as first mails do: in the same shares, as so many of them show."""
    days, reached = list(by_day), list(accumulate(by_day.values()))
    seen = (days[bisect(reached, reached[-1] * (number + 0.5) / _LEADS_SEEN)] for number in range(_LEADS_SEEN))
    return tuple(sum(each not in days_off for each in range(days[0], day)) for day in seen)


def _outcome(loads: Sequence[Load], mailboxes: Sequence[MailboxLimit], today: date) -> Outcome:
    """What becomes of the first of the loads; of large pools at a smaller scale."""
    full = sum(mailbox.daily_limit for mailbox in mailboxes)
    scale = max(1.0, full / MOST_MAILS_A_DAY)

    def room_on(day: int) -> int:
        on = today + timedelta(days=day)
        return round(sum(mailbox.on(on, today=today) for mailbox in mailboxes) / scale)

    scaled = [
        replace(
            each,
            first_by_day={day: ceil(count / scale) for day, count in each.first_by_day.items()},
            follow_ups={at: ceil(count / scale) for at, count in each.follow_ups.items()},
        )
        for each in loads
    ]
    outcome = play_days(scaled, room_on, most_days=MOST_DAYS)[_OWN]
    outcome.sent = [round(mails * scale) for mails in outcome.sent]
    return outcome


def _left(mails: int, outcome: Outcome, as_of: datetime, ends_at: datetime) -> int:
    """Mails that are not out by the end; its day counts by how much of it there is."""
    last = (ends_at.date() - as_of.date()).days
    midnight = datetime.combine(ends_at.date(), _MIDNIGHT, tzinfo=ends_at.tzinfo)
    part = (ends_at - midnight) / timedelta(days=1)
    on_last = outcome.sent[last] if last < len(outcome.sent) else 0
    return max(0, mails - outcome.sent_by(last) - round(on_last * part))


def _beside(own: Load, running: Sequence[Load], paused: Sequence[Load]) -> str:
    others = [*running, *paused]
    if not others:
        return "if nothing else is sent"
    weights = (each.weight for each in others if each.first_mails)
    share = own.weight / (own.weight + sum(weights))
    mails = sum(each.mails for each in others)
    kinds = [counted(len(running), "running campaign")] if running else []
    kinds += [f"{counted(len(paused), 'paused campaign')} (as if resumed now)"] if paused else []
    beside = " and ".join(kinds)
    return f"of the pool's own; beside {beside} with {mails:,} mails to come its share is {share:.0%} at first"


def _day(today: date, day: int) -> str:
    return moments.day_in_words(today + timedelta(days=day))

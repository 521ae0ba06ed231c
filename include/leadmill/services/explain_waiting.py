"""Why is nothing being sent? The binding constraint of a campaign and of each of its mailboxes, and when it relaxes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from leadmill.domain.dispatch import AMBIGUOUS_IS_LOST_AFTER
from leadmill.domain.mailboxes import Binding, Mailbox
from leadmill.ports.mailboxes import MailboxState, SenderRegistry
from leadmill.ports.waiting import (
    CampaignStanding,
    Constraint,
    RecipientsWaiting,
    SendsOpen,
    SendsWaiting,
    SharingCampaign,
    WaitingLedger,
)

_STATUS_SENTENCES: Mapping[str, str] = {
    "draft": "The campaign is a draft; approve it.",
    "approved": "The campaign is approved; plan_campaigns makes its mails ready within 15 minutes.",
    "paused": "The campaign is paused; resume it.",
    "finished": "The campaign is finished: nothing of it is open.",
    "cancelled": "The campaign was cancelled.",
    "deleted": "The campaign was deleted.",
}

_HELD = (
    "The campaign drew complaints and is held until somebody has read its content and confirmed it (Deliverability, "
    "Stopped)."
)

_BINDING_SENTENCES: Mapping[Binding, str] = {
    Binding.MAILBOX_PAUSED: "the mailbox is paused ({reason}); an admin can lift it",
    Binding.MAILBOX_COOLING_DOWN: "the mailbox is cooling down ({reason})",
    Binding.DOMAIN_PAUSED: "its sending domain is paused ({domain_reason}); an admin can lift it",
    Binding.DOMAIN_COOLING_DOWN: "its sending domain is cooling down ({domain_reason})",
    Binding.ACCOUNT_PAUSED: "its provider account {account} is paused; an admin can lift it",
    Binding.ACCOUNT_WAITS: "its provider account {account} waits for its rate, or was asked to wait",
    Binding.PUT_OFF: "its server has said “later” since {since} ({reply}), and one mail tries again",
    Binding.MINIMUM_GAP: "the least gap between two mails, or its server asked to wait",
    Binding.SPREAD: "its {day_limit} mails a day go out evenly, {taken} taken; its account's spread can be changed",
    Binding.MAILBOX_DAY: "its daily limit of {day_limit}, {taken} taken",
    Binding.WARM_UP: "its warm-up allows {day_limit} today, {taken} taken",
    Binding.PROBATION: "it is on probation and may send {day_limit} today, {taken} taken",
    Binding.MAILBOX_HOUR: "its hourly limit",
    Binding.DOMAIN_DAY: "the daily limit of its sending domain",
    Binding.ACCOUNT_DAY: "the daily quota of its provider account {account}",
    Binding.PROVIDER_DAY: "the provider's own daily limit of account {account}, with what others sent through it",
    Binding.RECIPIENT_HOUR: "the hourly limits of the recipients' domains",
}

_NAMED = 5
"""Campaigns of the same pool that are named; the others are counted."""


_PAUSED = frozenset({Binding.MAILBOX_PAUSED, Binding.DOMAIN_PAUSED, Binding.ACCOUNT_PAUSED})
_HAND_ON = " Its threads can be handed on to another mailbox, ended, or left to wait (Deliverability, Stopped)."


def explain_waiting(
    ledger: WaitingLedger, registry: SenderRegistry, campaign_id: int, *, as_of: datetime
) -> list[Constraint]:
    """What keeps a campaign's sends waiting now, the campaign's own reasons first, then one line a mailbox.

    Raises:
        NotFound: No such campaign.
    """
    campaign = ledger.campaign(campaign_id)
    refusal = ledger.refusal()
    waiting = ledger.sends_waiting(campaign_id, as_of=as_of)
    open_sends = ledger.sends_open(campaign_id)
    refused = [Constraint("dispatch", "sending_refused", refusal, waiting.due, None)] if refusal else []
    found = [*refused, *_of_campaign(campaign, as_of), *_of_planned(waiting), *_of_open(open_sends, as_of)]
    if waiting.due:
        found.extend(_of_shares(ledger.sharing_pool(campaign_id, as_of=as_of)))
        found.extend(_of_recipients(ledger.recipients_waiting(campaign_id, as_of=as_of), as_of))
        sticky = ledger.sticky_waiting(campaign_id, as_of=as_of)
        found.extend(_of_capacity(campaign, registry.mailboxes(as_of=as_of), sticky, waiting.due, as_of))
    return found


def _of_capacity(
    campaign: CampaignStanding, everywhere: Sequence[MailboxState], sticky: Mapping[int, int], due: int, as_of: datetime
) -> Iterator[Constraint]:
    """What the campaign's mailboxes may send: its pool's, and others at which threads of its follow-ups began."""
    mailboxes, lanes = [], set()
    for state in everywhere:
        if state.mailbox.pool_id == campaign.pool_id:
            mailboxes.append(state)
            lanes.add(state.mailbox.account_id)
    moved = [m for m in everywhere if m.mailbox.mailbox_id in sticky and m.mailbox.pool_id != campaign.pool_id]
    away = [m for m in moved if m.mailbox.account_id not in lanes]  # its lane claims nothing of this campaign
    served = [*mailboxes, *(m for m in moved if m not in away)]
    held = sum(sticky.get(m.mailbox.mailbox_id, 0) for m in [*served, *away] if m in away or not m.capacity.remaining)
    if not mailboxes:
        sentence = f"The pool {campaign.pool or 'of the campaign'} has no mailbox."
        yield Constraint("campaign", "no_mailbox", sentence, due, None)
    yield from _of_free_capacity(campaign, mailboxes, due - held, as_of)
    for state in served:
        yield _of_mailbox(state, sticky.get(state.mailbox.mailbox_id, 0))
    for state in away:
        yield _of_moved_away(state, sticky[state.mailbox.mailbox_id], campaign)


def _of_shares(sharing: Sequence[SharingCampaign]) -> Iterator[Constraint]:
    """With whom the campaign shares its pool, and how much of what follow-ups leave is its own."""
    others = [each for each in sharing if not each.is_own]
    own = next((each for each in sharing if each.is_own), None)
    if own is None or not others:
        return
    named = ", ".join(f"“{each.name}”" for each in others[:_NAMED])
    more = f" and {len(others) - _NAMED:,} more" if len(others) > _NAMED else ""
    said = f"Its pool is shared with {named}{more}. Follow-ups that are due go first"
    if own.has_first_mails:
        share = own.weight / sum(each.weight for each in sharing if each.has_first_mails)
        said += f"; of what they leave, {share:.0%} is for this campaign, and what others don't use"
    yield Constraint("campaign", "shares_pool", f"{said}.", len(others), None)


def _of_moved_away(state: MailboxState, count: int, campaign: CampaignStanding) -> Constraint:
    """Follow-ups whose thread began at a mailbox that a person has moved to another pool and account since."""
    follow_ups = "1 follow-up has" if count == 1 else f"{count:,} follow-ups have"
    sentence = (
        f"{follow_ups} to go from here, since the thread began here, but the mailbox is in the pool {state.pool} now, "
        f"and this campaign sends from {campaign.pool}. They wait until an admin moves it back, or somebody hands "
        "them on or ends them (Deliverability, Stopped)."
    )
    return Constraint(state.address, "moved_away", sentence, count, None)


def _of_campaign(campaign: CampaignStanding, as_of: datetime) -> Iterator[Constraint]:
    if campaign.status in _STATUS_SENTENCES:
        sentence = (
            _HELD if campaign.status == "paused" and campaign.awaits_review else _STATUS_SENTENCES[campaign.status]
        )
        if campaign.status_reason:
            sentence = f"{sentence.removesuffix('.')} ({campaign.status_reason})."
        yield Constraint("campaign", campaign.status, sentence, 0, None)
    if campaign.starts_at is not None and campaign.starts_at > as_of:
        yield Constraint("campaign", "not_started", "The campaign has not begun yet.", 0, campaign.starts_at)
    if campaign.ends_at is not None and campaign.ends_at <= as_of:
        yield Constraint("campaign", "ended", "The campaign's end has passed.", 0, None)


def _of_planned(waiting: SendsWaiting) -> Iterator[Constraint]:
    lines = (
        ("due", waiting.due, "{} due now.", None),
        ("not_due", waiting.not_due, "{} for the time or window of their lead.", waiting.next_due_at),
        ("step_delay", waiting.for_delay, "{} for the days between two mails to be over.", waiting.delay_ends_at),
        ("weekly_cap", waiting.for_week, "{} since the person had its mails of the week.", waiting.week_ends_at),
        (
            "mailed_elsewhere",
            waiting.for_other_campaign,
            "{} since another campaign mailed the person within the days set.",
            waiting.other_campaign_ends_at,
        ),
        ("window_passed", waiting.window_passed, "{} missed the window; plan_campaigns gives a new one.", None),
    )
    verbs = {"due": ("is", "are"), "window_passed": ("has", "have")}
    for reason, count, sentence, relaxes_at in lines:
        if count:
            said = _mails(count, *verbs.get(reason, ("waits", "wait")))
            yield Constraint("sends", reason, sentence.format(said), count, relaxes_at)
    if count := waiting.for_step_before:
        follow_ups = "1 follow-up waits" if count == 1 else f"{count:,} follow-ups wait"
        yield Constraint("sends", "step_before", f"{follow_ups} for the step before.", count, None)


def _of_open(sends: SendsOpen, as_of: datetime) -> Iterator[Constraint]:
    if sends.claimed:
        sentence = f"{_mails(sends.claimed, 'is', 'are')} in a worker's hands."
        if sends.lease_until is not None and sends.lease_until <= as_of:
            sentence += " A worker died: what it held becomes unclear within a minute."
        yield Constraint("sends", "claimed", sentence, sends.claimed, sends.lease_until)
    if sends.ambiguous:
        said = _mails(sends.ambiguous, "may or may not have", "may or may not have")
        sentence = (
            f"{said} gone out. The provider's events settle that, or you do, on the page Unclear mails; the campaign "
            "ends only when all are settled, or counted as lost."
        )
        lost_at = sends.doubt_since + AMBIGUOUS_IS_LOST_AFTER if sends.doubt_since else None
        yield Constraint("sends", "ambiguous", sentence, sends.ambiguous, lost_at)
    if sends.withdrawn:
        said = _mails(sends.withdrawn, "was", "were")
        sentence = f"{said} withdrawn: their leads unsubscribed, complained, bounced or were put on the list."
        yield Constraint("sends", "suppressed", sentence, sends.withdrawn, None)


def _mails(count: int, one: str, many: str) -> str:
    return f"1 mail {one}" if count == 1 else f"{count:,} mails {many}"


def _of_free_capacity(
    campaign: CampaignStanding, mailboxes: Iterable[MailboxState], due: int, as_of: datetime
) -> Iterator[Constraint]:
    """Nothing binds: then the dispatch itself is what people wait for."""
    runs = (
        campaign.status == "running"
        and (campaign.starts_at is None or campaign.starts_at <= as_of)
        and (campaign.ends_at is None or campaign.ends_at > as_of)
    )
    free = sum(m.capacity.remaining > 0 for m in mailboxes)
    if runs and free and due > 0:
        boxes = "1 mailbox is" if free == 1 else f"{free:,} mailboxes are"
        sentence = (
            f"{boxes} free: the next dispatch takes what fits, within a minute. If nothing goes out for some minutes, "
            "ask a data engineer whether the DAG dispatch_campaigns runs."
        )
        yield Constraint("dispatch", "next_dispatch", sentence, min(due, free), None)


def _of_recipients(families: Iterable[RecipientsWaiting], as_of: datetime) -> Iterator[Constraint]:
    """The limits of recipient domains that hold due sends back in some of the pool's sending domains, or in all."""
    next_hour = as_of.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    for each in families:
        full = each.domains - each.domains_with_room
        if not full:
            continue
        which = "every" if not each.domains_with_room else f"{full} of {each.domains}"
        domains = "sending domain" if which == "every" else "sending domains"
        sentence = (
            f"{_mails(each.waiting, 'is', 'are')} due to {each.family}, where {which} {domains} of the pool sent all "
            f"it may in this hour ({each.hourly_limit:,}); an admin can change that limit."
        )
        yield Constraint("recipients", Binding.RECIPIENT_HOUR.value, sentence, each.waiting, next_hour)


def _put_off_in_words(mailbox: Mailbox) -> dict[str, str]:
    found = mailbox.account_put_off or mailbox.put_off
    if found is None:
        return {}
    return {"since": f"{found.since:%H:%M} UTC, {found.since:%d %b}", "reply": found.reply.rstrip(".")}


def _of_mailbox(state: MailboxState, sticky: int) -> Constraint:
    capacity = state.capacity
    because = _BINDING_SENTENCES[capacity.binding].format(
        reason=state.status_reason or "no reason given",
        domain_reason=state.domain_status_reason or "no reason given",
        account=state.account,
        day_limit=state.day_limit,
        taken=state.mailbox.taken_today,
        **_put_off_in_words(state.mailbox),
    )
    free = f"may send {capacity.remaining:,} now; then it waits:" if capacity.remaining else "sends nothing now:"
    held = f" {'1 follow-up has' if sticky == 1 else f'{sticky:,} follow-ups have'} to go from here." if sticky else ""
    if held and capacity.binding in _PAUSED:
        held = _HAND_ON + held
    return Constraint(
        state.address, capacity.binding.value, f"{free} {because}.{held}", capacity.remaining, capacity.relaxes_at
    )

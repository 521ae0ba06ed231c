"""Why is nothing being sent? The binding constraint of a campaign and of each of its mailboxes, and when it relaxes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from leadmill.domain.mailboxes import Binding
from leadmill.ports.mailboxes import MailboxState, SenderRegistry
from leadmill.ports.waiting import CampaignStanding, Constraint, SendsOpen, SendsWaiting, WaitingLedger

_STATUS_SENTENCES: Mapping[str, str] = {
    "draft": "The campaign is a draft; approve it.",
    "approved": "The campaign is approved and waits for plan_campaigns to make its sends.",
    "paused": "The campaign is paused; resume it.",
    "finished": "The campaign is finished: nothing of it is open.",
    "cancelled": "The campaign was cancelled.",
    "deleted": "The campaign was deleted.",
}

_BINDING_SENTENCES: Mapping[Binding, str] = {
    Binding.MAILBOX_PAUSED: "the mailbox is paused ({reason}); an admin can lift it",
    Binding.MAILBOX_COOLING_DOWN: "the mailbox is cooling down ({reason})",
    Binding.DOMAIN_PAUSED: "its sending domain is paused ({domain_reason}); an admin can lift it",
    Binding.DOMAIN_COOLING_DOWN: "its sending domain is cooling down ({domain_reason})",
    Binding.ACCOUNT_PAUSED: "its provider account {account} is paused; an admin can lift it",
    Binding.ACCOUNT_WAITS: "its provider account {account} waits for its rate, or was asked to wait",
    Binding.MINIMUM_GAP: "the least gap between two mails, or its server asked to wait",
    Binding.MAILBOX_DAY: "its daily limit of {day_limit}, {taken} taken",
    Binding.WARM_UP: "its warm-up allows {day_limit} today, {taken} taken",
    Binding.MAILBOX_HOUR: "its hourly limit",
    Binding.DOMAIN_DAY: "the daily limit of its sending domain",
    Binding.ACCOUNT_DAY: "the daily quota of its provider account {account}",
}


def explain_waiting(
    ledger: WaitingLedger, registry: SenderRegistry, campaign_id: int, *, as_of: datetime
) -> list[Constraint]:
    """What keeps a campaign's sends waiting now, the campaign's own reasons first, then one line a mailbox.

    Raises:
        NotFound: No such campaign.
    """
    campaign = ledger.campaign(campaign_id)
    waiting = ledger.sends_waiting(campaign_id, as_of=as_of)
    open_sends = ledger.sends_open(campaign_id)
    found = [*_of_campaign(campaign, as_of), *_of_sends(waiting, open_sends)]
    if waiting.due:
        mailboxes = [m for m in registry.mailboxes(as_of=as_of) if m.mailbox.pool_id == campaign.pool_id]
        if not mailboxes:
            sentence = f"The pool {campaign.pool or 'of the campaign'} has no mailbox."
            found.append(Constraint("campaign", "no_mailbox", sentence, waiting.due, None))
        sticky = ledger.sticky_waiting(campaign_id, as_of=as_of)
        found.extend(_of_mailbox(m, sticky.get(m.mailbox.mailbox_id, 0)) for m in mailboxes)
    return found


def _of_campaign(campaign: CampaignStanding, as_of: datetime) -> Iterator[Constraint]:
    if campaign.status in _STATUS_SENTENCES:
        sentence = _STATUS_SENTENCES[campaign.status]
        if campaign.status_reason:
            sentence = f"{sentence} ({campaign.status_reason})"
        yield Constraint("campaign", campaign.status, sentence, 0, None)
    if campaign.starts_at is not None and campaign.starts_at > as_of:
        yield Constraint("campaign", "not_started", "The campaign has not begun yet.", 0, campaign.starts_at)
    if campaign.ends_at is not None and campaign.ends_at <= as_of:
        yield Constraint("campaign", "ended", "The campaign's end has passed.", 0, None)


def _of_sends(waiting: SendsWaiting, open_sends: SendsOpen) -> Iterator[Constraint]:
    lines = (
        ("due", waiting.due, "{} sends are due now.", None),
        ("not_due", waiting.not_due, "{} sends wait for their time or window.", waiting.next_due_at),
        ("window_passed", waiting.window_passed, "{} sends missed their window; plan_campaigns gives a new one.", None),
        ("step_before", waiting.for_step_before, "{} follow-ups wait for the step before.", None),
        ("claimed", open_sends.claimed, "{} sends are in a worker's hands.", open_sends.lease_until),
        ("ambiguous", open_sends.ambiguous, "{} sends may or may not have gone out; settle them.", None),
    )
    for reason, count, sentence, relaxes_at in lines:
        if count:
            yield Constraint("sends", reason, sentence.format(count), count, relaxes_at)


def _of_mailbox(state: MailboxState, sticky: int) -> Constraint:
    capacity = state.capacity
    because = _BINDING_SENTENCES[capacity.binding].format(
        reason=state.status_reason or "no reason given",
        domain_reason=state.domain_status_reason or "no reason given",
        account=state.account,
        day_limit=state.day_limit,
        taken=state.mailbox.taken_today,
    )
    free = f"may send {capacity.remaining} now; then binds" if capacity.remaining else "sends nothing:"
    held = f" {sticky} follow-ups have to go from here." if sticky else ""
    return Constraint(
        state.address, capacity.binding.value, f"{free} {because}.{held}", capacity.remaining, capacity.relaxes_at
    )

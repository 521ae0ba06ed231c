"""Why nothing is being sent: what the explanation reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CampaignStanding:
    """What a campaign's own state says; times are UTC. `awaits_review`: held until somebody has read its content."""

    campaign_id: int
    name: str
    status: str
    status_reason: str
    pool_id: int | None
    pool: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    planned_at: datetime | None
    awaits_review: bool = False


@dataclass(frozen=True, slots=True)
class SendsWaiting:
    """Planned sends by what they wait for; `not_due` are first mails, `for_delay` follow-ups of mails that went out.

    `for_week` wait since their person had its mails of the week, `for_other_campaign` since another campaign mailed it.
    """

    for_step_before: int
    not_due: int
    next_due_at: datetime | None
    for_delay: int
    delay_ends_at: datetime | None
    for_week: int
    week_ends_at: datetime | None
    for_other_campaign: int
    other_campaign_ends_at: datetime | None
    window_passed: int
    due: int


@dataclass(frozen=True, slots=True)
class SendsOpen:
    """Sends in a worker's hands, or in doubt; `lease_until` is the first lease to end, `doubt_since` the oldest doubt.

    `withdrawn` counts those that will not go out any more since their lead must not be mailed.
    """

    claimed: int
    ambiguous: int
    withdrawn: int
    lease_until: datetime | None
    doubt_since: datetime | None


@dataclass(frozen=True, slots=True)
class RecipientsWaiting:
    """Due sends to one limited family of recipient domains.

    `hourly_limit` is in mails from one sending domain; `domains` are those of the campaign's pool, `domains_with_room`
    those of them that may still mail the family this hour.
    """

    family: str
    waiting: int
    hourly_limit: int
    domains: int
    domains_with_room: int


@dataclass(frozen=True, slots=True)
class SharingCampaign:
    """A running campaign with mail due in the same pool, or the campaign itself (`is_own`), with its weight."""

    campaign_id: int
    name: str
    weight: float
    is_own: bool
    has_first_mails: bool


@dataclass(frozen=True, slots=True)
class Constraint:
    """One thing that binds now.

    `subject` is "campaign", "sends", "recipients", "dispatch", or a mailbox's address; `reason` a word of the domain;
    `sentence` says it to people; `count` sends or, for a mailbox, mails that it may still send now. `relaxes_at` is
    None where only a person can relax it, or nobody knows when it will.
    """

    subject: str
    reason: str
    sentence: str
    count: int
    relaxes_at: datetime | None


class WaitingLedger(Protocol):
    """Counts behind the explanation."""

    def campaign(self, campaign_id: int) -> CampaignStanding:
        """Raises `NotFound`."""
        ...

    def refusal(self) -> str:
        """Why the latest dispatch sent nothing at all; empty where it did."""
        ...

    def sends_waiting(self, campaign_id: int, *, as_of: datetime) -> SendsWaiting:
        """Planned sends by what they wait for."""
        ...

    def sends_open(self, campaign_id: int) -> SendsOpen:
        """Sends in a worker's hands, in doubt, or withdrawn."""
        ...

    def recipients_waiting(self, campaign_id: int, *, as_of: datetime) -> list[RecipientsWaiting]:
        """Due sends by the limited family of recipient domains that they go to."""
        ...

    def sharing_pool(self, campaign_id: int, *, as_of: datetime) -> list[SharingCampaign]:
        """The campaigns with mail due in a campaign's pool, itself among them, heaviest first."""
        ...

    def sticky_waiting(self, campaign_id: int, *, as_of: datetime) -> dict[int, int]:
        """Due follow-ups by the mailbox that has to send them."""
        ...

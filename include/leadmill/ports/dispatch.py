"""The ledger as dispatch sees it: lanes, claims, results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

from leadmill.domain.access import Actor
from leadmill.domain.dispatch import SendResult
from leadmill.domain.weather import Standing
from leadmill.ports.content import Organisation, Recipient, Sender, VariantContent
from leadmill.ports.esp import Channel

Settlement = Literal["sent", "lost", "send_again"]
"""What a person says of an ambiguous send: it went out, it did not and stays so, or it did not and shall."""


class ClaimedSend(NamedTuple):
    """One send that this worker alone may hand over. `attempts` counts this one."""

    send_id: int
    campaign_id: int
    variant_id: int
    mailbox_id: int
    attempts: int
    recipient: Recipient


@dataclass(frozen=True, slots=True)
class Claim:
    """What one claim came to.

    `email_hashes`: keyed, of the sends' leads, place by place with them. `claim_id` names the claim and `claimed_at` is
    the lane's time, UTC; 0 and None where nothing was claimed.
    `retry_at`: nothing could be claimed now, but a gap or rate ends then; None where waiting is of no use.
    `max_per_second`: the account's rate, in mails. `standings`: what is known of those of its mailboxes that were put
    off lately; none, as a rule.
    """

    sends: tuple[ClaimedSend, ...] = ()
    email_hashes: Sequence[bytes] = ()
    claim_id: int = 0
    claimed_at: datetime | None = None
    suppressed: int = 0
    retry_at: datetime | None = None
    max_per_second: float | None = None
    senders: Mapping[int, Sender] = field(default_factory=dict)
    channels: Mapping[int, Channel] = field(default_factory=dict)
    standings: Mapping[int, Standing] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a sweep over dead leases and old doubts changed, in sends."""

    ambiguous: int
    lost: int


@dataclass(frozen=True, slots=True)
class AmbiguousSend:
    """A send of which nobody knows whether it went out; `since` is UTC."""

    send_id: int
    campaign_id: int
    campaign_name: str
    step: int
    lead_id: int
    mailbox_id: int
    mailbox_address: str
    claimed_at: datetime
    since: datetime
    code: str


class SendLedger(Protocol):
    """The claim protocol: nobody is mailed twice, no limit is exceeded, nothing is lost."""

    def lanes_with_work(self, *, as_of: datetime) -> list[str]:
        """Names of the lanes (provider accounts) that may have something to send."""
        ...

    def claim(self, lane: str, *, worker: str, now: datetime, limit: int, dry_run: bool = False) -> Claim:
        """Choose due sends for the lane's mailboxes, mark them claimed by `worker` and take the quota.

        A dry run chooses the same and changes nothing.

        Raises:
            NotFound: No lane of that name.
            ClockAhead: `now` runs ahead of the database server's clock.
        """
        ...

    def record(self, worker: str, results: Sequence[SendResult], *, now: datetime) -> Mapping[int, str]:
        """Write what became of claimed sends; returns the new state of each that was still this worker's to settle."""
        ...

    def content(self, variant_ids: Sequence[int]) -> Mapping[int, VariantContent]:
        """The content of variants."""
        ...

    def organisation(self) -> Organisation:
        """Who is behind the mails. Raises `ConfigInvalid` where it was never said."""
        ...

    def campaign_name(self, campaign_id: int) -> str:
        """What people call a campaign."""
        ...

    def stop_campaign(self, campaign_id: int, *, reason: str, as_of: datetime) -> bool:
        """Pause a running campaign, with its line in the audit log; returns whether it ran."""
        ...

    def recover(self, *, as_of: datetime) -> Recovered:
        """Make sends with a dead lease ambiguous, and ambiguous ones without evidence for long lost."""
        ...

    def ambiguous_sends(self, *, limit: int) -> list[AmbiguousSend]:
        """Sends that nobody knows the outcome of, oldest first."""
        ...

    def settle_ambiguous(
        self, actor: Actor, send_id: int, settlement: Settlement, *, reason: str, as_of: datetime
    ) -> None:
        """Write a person's decision on an ambiguous send, with the reason in the audit log.

        Raises:
            NotFound: No such send.
            Conflict: It is no longer ambiguous, or shall be sent again in a campaign that ended.
        """
        ...

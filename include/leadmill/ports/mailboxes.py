"""Provider accounts, sending domains and mailboxes, as set-up and guardrails see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from leadmill.domain.access import Actor
from leadmill.domain.dkim import DkimKeyRef
from leadmill.domain.guardrails import DayOfMail, Health
from leadmill.domain.mailboxes import Capacity, Mailbox, SenderStatus


@dataclass(frozen=True, slots=True)
class AccountSetup:
    """A provider account (a lane). `config` never holds a secret; `secret_ref` names where it is.

    `spread` is a `domain.spread.Spread`, how its mailboxes use their day; None goes by each mailbox's daily limit.
    """

    name: str
    provider: str
    config: Mapping[str, object] = field(default_factory=dict)
    secret_ref: str = ""
    daily_limit: int | None = None
    max_per_second: float | None = None
    spread: str | None = None


@dataclass(frozen=True, slots=True)
class MailboxSetup:
    """A mailbox. Limits are mails per local day and per clock hour; the gap is the least time between two mails.

    `warm_up_curve` is a name or a list of daily limits (`domain.warm_up.curve_of`); empty: its pool's.
    """

    address: str
    domain: str
    account: str
    pool: str
    display_name: str = ""
    user_name: str = ""
    secret_ref: str = ""
    time_zone: str = "UTC"
    daily_limit: int = 40
    hourly_limit: int | None = None
    min_gap_seconds: int = 0
    warm_up_started_on: date | None = None
    warm_up_curve: str = ""


@dataclass(frozen=True, slots=True)
class MailboxState:
    """A mailbox as people see it: what it is, what it used today, and what it may still send."""

    mailbox: Mailbox
    address: str
    display_name: str
    domain: str
    account: str
    provider: str
    pool: str
    status_reason: str
    domain_status_reason: str
    status_since: datetime | None
    day_limit: int
    accepted_today: int
    capacity: Capacity


@dataclass(frozen=True, slots=True)
class MailboxHealth:
    """What happened to a mailbox's mails within the guardrails' window, since its last release.

    `days` are its mails day by day for the sequential test, `is_stopped_by_evidence` whether a guardrail paused it,
    and `is_stopped_lately` whether it did so since its domain was released last.
    """

    mailbox_id: int
    domain: str
    status: SenderStatus
    domain_status: SenderStatus
    health: Health
    days: tuple[DayOfMail, ...] = ()
    pool_id: int = 0
    daily_limit: int = 0
    is_stopped_by_evidence: bool = False
    is_stopped_lately: bool = False


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A new status with its reason; `until` is for cool-downs, `evidence` the numbers that it rests on.

    `cause` is a `ports.holds.Cause` (empty: a person, or for the system the provider), `finding` the guardrail's.
    """

    status: SenderStatus
    reason: str
    until: datetime | None = None
    evidence: Mapping[str, object] = field(default_factory=dict)
    cause: str = ""
    finding: str = ""


@dataclass(frozen=True, slots=True)
class EndedCoolDown:
    """What sends again, its time being over: the mailbox of that id, or the domain of that name."""

    mailbox_id: int | None
    domain: str


class SenderRegistry(Protocol):
    """Set-up and status of everything that sends. Every change is written to the audit log with it."""

    def save_account(self, actor: Actor, account: AccountSetup, *, as_of: datetime) -> int:
        """Add or update by name; returns the account's id."""
        ...

    def save_domain(
        self,
        actor: Actor,
        name: str,
        *,
        sending_ips: Sequence[str],
        daily_limit: int | None,
        dkim_keys: Sequence[DkimKeyRef] | None,
        as_of: datetime,
    ) -> int:
        """Add or update by name; returns the domain's id. None keeps the DKIM keys that the domain has."""
        ...

    def save_mailbox(self, actor: Actor, mailbox: MailboxSetup, *, as_of: datetime) -> int:
        """Add or update by address; returns the mailbox's id.

        Raises:
            NotFound: Its account, pool or domain does not exist.
        """
        ...

    def provider_of(self, account: str) -> str:
        """The provider of an account. Raises `NotFound`."""
        ...

    def preset_of(self, account: str) -> str:
        """The mail service that an SMTP account names in its `config["preset"]`; may be empty. Raises `NotFound`."""
        ...

    def pool(self, name: str) -> tuple[Sequence[str], str]:
        """The legal bases a pool accepts and the reason of its override. Raises `NotFound`."""
        ...

    def mailboxes(self, *, as_of: datetime) -> list[MailboxState]:
        """Every mailbox with its use and capacity at that time."""
        ...

    def change_mailbox(self, actor: Actor, mailbox_id: int, change: StatusChange, *, as_of: datetime) -> bool:
        """Change a mailbox's status. Returns whether it changed. Raises `NotFound`."""
        ...

    def change_domain(self, actor: Actor, name: str, change: StatusChange, *, as_of: datetime) -> bool:
        """Change a sending domain's status. Returns whether it changed. Raises `NotFound`."""
        ...

    def change_account(self, actor: Actor, name: str, change: StatusChange, *, as_of: datetime) -> bool:
        """Change a provider account's status. Returns whether it changed. Raises `NotFound`."""
        ...

    def end_cool_downs(self, *, as_of: datetime) -> list[EndedCoolDown]:
        """Let senders whose cool-down is over send again; returns which."""
        ...

    def mailbox_address(self, mailbox_id: int) -> str:
        """A mailbox's own address, as people know it. Raises `NotFound`."""
        ...

    def health(self, *, as_of: datetime) -> list[MailboxHealth]:
        """What happened to every mailbox's mails within the guardrails' window."""
        ...

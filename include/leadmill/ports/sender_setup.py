"""What sends, as it is set up: read by the people who set it up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from leadmill.ports.mailboxes import AccountSetup, MailboxSetup
from leadmill.ports.provider_limits import ProviderLimits


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """A provider account as set up, with its status, how many mailboxes send through it, and what the provider allows.

    `limits` is None where the provider was never asked, or has no such question.
    """

    setup: AccountSetup
    status: str
    status_reason: str
    mailbox_count: int
    limits: ProviderLimits | None = None
    limits_read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DomainEntry:
    """A sending domain as set up; `daily_limit` is in mails, None is no limit of its own.

    `dkim_selectors` are those of the keys that we sign with; where a provider signs there are none.
    """

    name: str
    sending_ips: tuple[str, ...]
    daily_limit: int | None
    status: str
    mailbox_count: int
    dkim_selectors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SenderSetup:
    """Everything that sends, by name. No secret is in it, only the names of where secrets are."""

    accounts: tuple[AccountEntry, ...]
    domains: tuple[DomainEntry, ...]
    mailboxes: tuple[MailboxSetup, ...]


class SenderSetups(Protocol):
    """Reads the set-up of everything that sends."""

    def sender_setup(self) -> SenderSetup:
        """All of it, of one moment."""
        ...

"""What a provider itself allows an account, and how it judges it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ProviderLimits:
    """A provider's word on an account. Limits are None where there is none; a day is a rolling 24 hours.

    `sent_24h` counts what anybody sent through the account. `status` is the provider's own word (HEALTHY, PROBATION …).
    `may_send`: whether it takes mails at all. `is_in_review`: it does, but the account is on probation with it.
    """

    daily_limit: int | None = None
    max_per_second: float | None = None
    sent_24h: int | None = None
    status: str = ""
    may_send: bool = True
    is_in_review: bool = False


@dataclass(frozen=True, slots=True)
class AccountToRead:
    """A provider account whose limits are due to be read; `secret_ref` names where its secret is."""

    name: str
    provider: str
    config: Mapping[str, object] = field(default_factory=dict)
    secret_ref: str = ""


class LimitReader(Protocol):
    """Asks providers about accounts."""

    @property
    def providers(self) -> Collection[str]:
        """Those that can be asked."""
        ...

    def read(self, account: AccountToRead) -> ProviderLimits:
        """What the provider says.

        Raises:
            LeadmillError: It did not say, or the account may not ask.
        """
        ...


class LimitLedger(Protocol):
    """Keeps what providers said."""

    def due_for_reading(
        self, lane: str, providers: Collection[str], *, read_before: datetime, as_of: datetime
    ) -> AccountToRead | None:
        """The lane's account if it was last read before then, marked as read now; of workers that ask, one gets it.

        Returns:
            None where it was read since, is paused, has another provider, or does not exist.
        """
        ...

    def is_released_from(self, lane: str, status: str) -> bool:
        """Whether a person let the lane send on although its provider says this word, and it has said no other since.

        Ask before the new word is saved: the one saved last is compared.
        """
        ...

    def save_limits(self, lane: str, limits: ProviderLimits) -> None:
        """Keep what the provider said."""
        ...

"""Mails that were refused for good, and may have been so wrongly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from leadmill.domain.access import Actor


@dataclass(frozen=True, slots=True)
class RefusalGroup:
    """The refused mails of a campaign with one code; `may_go_again` of them, since nobody took them and nobody objects.

    `fault` is a `domain.messages.Fault`, None where it was never known. Times are UTC.
    """

    code: str
    fault: str | None
    mails: int
    may_go_again: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class SentAgain:
    """How many mails were planned anew, how many follow-ups came back, and whether the campaign runs again."""

    mails: int
    follow_ups: int
    runs_again: bool


class RefusalLedger(Protocol):
    """Reads and takes back refusals; the decision is written to the audit log with the change."""

    def refusals(self, campaign_id: int) -> list[RefusalGroup]:
        """A campaign's refused mails by code, most first."""
        ...

    def send_again(
        self, actor: Actor, campaign_id: int, codes: Sequence[str], *, reason: str, as_of: datetime
    ) -> SentAgain:
        """Plan those of these codes anew that may go again; a second call finds none.

        Raises:
            NotFound: No such campaign.
            Conflict: It was cancelled or deleted, or its end has passed.
        """
        ...

"""Threads whose mailbox is gone, as services and people see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from leadmill.domain.access import Actor


@dataclass(frozen=True, slots=True)
class StrandedThreads:
    """Follow-ups that wait for one mailbox: it is paused, or serves another pool than their campaigns' now.

    `paused` says what is (`mailbox`, its `domain` or its `account`), empty for none. Mailboxes of `pool_ids`, the
    campaigns' pools, may take the threads over. `since` is when it was stopped, or the oldest follow-up's time;
    `chosen_at` is when a person last chose to wait.
    """

    mailbox_id: int
    address: str
    pool: str
    threads: int
    due: int
    paused: str
    pool_ids: Sequence[int]
    since: datetime
    chosen_by: str | None = None
    chosen_at: datetime | None = None
    reason: str | None = None


class ThreadLedger(Protocol):
    """Each decision is one transaction, with its line in the audit log; each returns how many threads it concerned."""

    def stranded(self, *, as_of: datetime, mailbox_id: int | None = None) -> Sequence[StrandedThreads]:
        """Mailboxes that are gone while follow-ups wait for them."""
        ...

    def hand_on(
        self, actor: Actor, mailbox_id: int, to_mailbox_id: int | None, *, reason: str, as_of: datetime
    ) -> tuple[int, int]:
        """Let threads go on from that mailbox, or evenly from all of their pool that send.

        Returns:
            Threads handed on, and those that stay since no such mailbox is in their campaign's pool.
        """
        ...

    def end(self, actor: Actor, mailbox_id: int, *, reason: str, as_of: datetime) -> int:
        """Cancel the follow-ups."""
        ...

    def let_wait(self, actor: Actor, mailbox_id: int, *, reason: str, as_of: datetime) -> int:
        """Keep that they shall wait."""
        ...

"""Who is behind the mails, and the pools they go out through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from leadmill.domain.access import Actor
from leadmill.domain.capacity import MailboxLimit
from leadmill.domain.shared_days import Load
from leadmill.ports.content import Organisation, Sender


@dataclass(frozen=True, slots=True)
class PoolCapacity:
    """A pool with what it can send. `daily_capacity`: sum of its active mailboxes' daily limits, before warm-up.

    `providers`: the kinds of provider accounts behind its mailboxes.
    """

    pool_id: int
    name: str
    accepts_legal_bases: tuple[str, ...]
    override_reason: str
    mailbox_count: int
    active_mailbox_count: int
    daily_capacity: int
    providers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PoolLoads:
    """What a pool's campaigns still have to send, in the order of their ids.

    `paused` would go on as a person says. `unplanned`: campaigns that are approved, and whose mails nobody has counted.
    """

    running: Sequence[Load] = ()
    paused: Sequence[Load] = ()
    unplanned: int = 0


class SenderLedger(Protocol):
    """The organisation and the pools it sends through."""

    def organisation(self) -> Organisation | None:
        """Who is behind the mails; None until an admin said it."""
        ...

    def set_organisation(self, actor: Actor, organisation: Organisation, *, as_of: datetime) -> None:
        """Store it, with an audit line."""
        ...

    def pools(self) -> list[PoolCapacity]:
        """Every pool by name."""
        ...

    def create_pool(
        self, actor: Actor, name: str, legal_bases: Sequence[str], *, override_reason: str, as_of: datetime
    ) -> int:
        """Store a pool; the same name again returns its id and changes nothing."""
        ...

    def set_pool_policy(
        self, actor: Actor, pool_id: int, legal_bases: Sequence[str], *, override_reason: str, as_of: datetime
    ) -> None:
        """Change which legal bases a pool mails. Raises `NotFound`."""
        ...

    def active_mailboxes(self, pool_id: int) -> list[MailboxLimit]:
        """The pool's mailboxes that may send, with their limits."""
        ...

    def loads_of_pool(self, pool_id: int, *, as_of: datetime) -> PoolLoads:
        """What the pool's campaigns still have to send."""
        ...

    def example_sender(self, pool_id: int | None) -> Sender | None:
        """A mailbox of the pool, for previews."""
        ...

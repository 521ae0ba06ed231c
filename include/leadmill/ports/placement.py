"""Placement tests: seed inboxes, test mails, and reading back where they landed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from leadmill.domain.access import Actor
from leadmill.domain.placement import Placement
from leadmill.ports.content import Sender
from leadmill.ports.esp import Channel


@dataclass(frozen=True, slots=True)
class SeedInbox:
    """An inbox of our own. `secret_ref` names where its password is; an empty `user_name` is the address.

    `tls` is implicit, starttls or none; `provider_family` groups results (gmail, microsoft, yahoo …).
    """

    address: str
    provider_family: str
    imap_host: str
    imap_port: int = 993
    tls: str = "implicit"
    user_name: str = ""
    secret_ref: str = ""
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class SeedState:
    """A seed inbox with its id, when it was read last, and why the last look failed ("": it did not)."""

    seed_id: int
    inbox: SeedInbox
    read_at: datetime | None
    read_error: str


@dataclass(frozen=True, slots=True)
class PlannedTest:
    """A test mail that was promised to the ledger, with its quota; it goes out once."""

    test_id: int
    mailbox_id: int
    token: str
    recipient: str
    sender: Sender
    channel: Channel


@dataclass(frozen=True, slots=True)
class OpenTest:
    """A test mail that was not found yet; `is_sent`: the provider surely took it."""

    test_id: int
    seed_id: int
    token: str
    is_sent: bool
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """Where a test mail lay: which kind of folder, and its name."""

    placement: Placement
    folder: str


@dataclass(frozen=True, slots=True)
class PlacementCounts:
    """What became of one mailbox's test mails at one family of providers, in mails."""

    mailbox: str
    provider_family: str
    inbox: int
    spam: int
    elsewhere: int
    missing: int
    waiting: int
    refused: int


@dataclass(frozen=True, slots=True)
class PlacementMail:
    """One test mail for people; `placement` is empty until it was found or given up. Times are UTC."""

    test_id: int
    mailbox: str
    seed: str
    provider_family: str
    claimed_at: datetime
    state: str
    code: str
    placement: str
    folder: str
    found_at: datetime | None


class PlacementLedger(Protocol):
    """Seed inboxes and test mails."""

    def save_seed(self, actor: Actor, seed: SeedInbox, *, as_of: datetime) -> int:
        """Add or update by address; returns the id."""
        ...

    def seeds(self) -> list[SeedState]:
        """Every seed inbox."""
        ...

    def lanes(self) -> Sequence[str]:
        """Names of the lanes (provider accounts) that may send."""
        ...

    def plan_tests(self, lane: str, *, family: str, now: datetime) -> list[PlannedTest]:
        """Promise one test mail of each mailbox of a lane that may send now and had none today, and take its quota."""
        ...

    def record_tests(self, results: Mapping[int, tuple[str, str]]) -> None:
        """Write each test mail's state (sent, refused, doubtful) and code."""
        ...

    def open_tests(self, *, since: datetime) -> list[OpenTest]:
        """Test mails that were not found yet."""
        ...

    def place_tests(self, found: Mapping[int, Found], *, as_of: datetime) -> None:
        """Write where test mails lay, or that they are missing; the first answer stays."""
        ...

    def seed_read(self, seed_id: int, error: str, *, as_of: datetime) -> None:
        """Remember a look at a seed inbox, and why it failed."""
        ...

    def placements(self, *, since: datetime) -> list[PlacementCounts]:
        """Counts by mailbox and family."""
        ...

    def recent_tests(self, *, since: datetime, limit: int = 500) -> list[PlacementMail]:
        """Test mails, the newest first."""
        ...


class SeedReader(Protocol):
    """Looks into a seed inbox without leaving a trace."""

    def find(self, seed: SeedInbox, tokens: Sequence[str], *, since: datetime) -> Mapping[str, Found]:
        """Where the mails with these tokens lie; those that no folder holds are missing in the answer.

        Raises:
            ProviderUnavailable: The server cannot be reached, or gave it up.
            CredentialsRejected: It refused the log-in.
            ConfigInvalid: The secret is not where `secret_ref` says.
        """
        ...

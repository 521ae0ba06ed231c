"""Placement tests with seed inboxes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from leadmill.bootstrap.journaling import Journaling

if TYPE_CHECKING:
    from leadmill.adapters.ledger.placement import LedgerPlacements
    from leadmill.domain.access import Actor
    from leadmill.ports.placement import PlacementCounts, PlacementMail, SeedState

TEST_SUBJECT = "A short question about your plans"
TEST_TEXT = "Hello,\n\nwe are checking that our letters reach you. There is nothing you have to do.\n\nKind regards\n"


class Placing(Journaling):
    """Placement tests with seed inboxes."""

    @cached_property
    def placement_ledger(self) -> LedgerPlacements:
        """Seed inboxes and test mails."""
        from leadmill.adapters.ledger.placement import LedgerPlacements

        return LedgerPlacements(self.database)

    def add_seed_inbox(  # noqa: PLR0913 - an inbox has so many settings; most have a default
        self,
        actor: Actor,
        *,
        address: str,
        provider_family: str,
        imap_host: str,
        imap_port: int = 993,
        tls: str = "implicit",
        user_name: str = "",
        secret_ref: str = "",
        is_active: bool = True,
        as_of: datetime,
    ) -> int:
        """Add or update an inbox of our own that test mails go to; returns its id."""
        from leadmill.ports.placement import SeedInbox
        from leadmill.services.placement_tests import add_seed

        seed = SeedInbox(address, provider_family, imap_host, imap_port, tls, user_name, secret_ref, is_active)
        return add_seed(self.placement_ledger, actor, seed, as_of=as_of)

    def seed_inboxes(self) -> list[SeedState]:
        """Every seed inbox, and whether it could be read."""
        return self.placement_ledger.seeds()

    def send_placement_tests(
        self, as_of: datetime, *, subject: str = TEST_SUBJECT, text: str = TEST_TEXT, family: str = ""
    ) -> Mapping[str, int]:
        """Send one test mail of each mailbox that may send and had none on its day; returns counts by outcome."""
        from leadmill.adapters.content.mime import to_bytes
        from leadmill.adapters.esp.opening import OpenEsps
        from leadmill.adapters.event_loop import run
        from leadmill.services.placement_tests import MailContent, send_test_mails

        self.sending_right().take(as_of=as_of)
        content = MailContent(subject, text)
        sending = send_test_mails(self.placement_ledger, OpenEsps(to_bytes), content, family=family, as_of=as_of)
        return dict(run(sending))

    def read_placement_tests(self, as_of: datetime, *, missing_after_hours: float = 24.0) -> Mapping[str, int]:
        """Look into the seed inboxes, leaving no trace; returns counts by placement."""
        from leadmill.adapters.imap import ImapSeedReader
        from leadmill.services.placement_tests import read_seeds

        return dict(
            read_seeds(self.placement_ledger, ImapSeedReader(), as_of=as_of, missing_after_hours=missing_after_hours)
        )

    def placements(self, as_of: datetime, *, days: int = 30) -> list[PlacementCounts]:
        """Where test mails landed in the last days, by mailbox and family of providers."""
        return self.placement_ledger.placements(since=as_of - timedelta(days=days))

    def placement_tests(self, as_of: datetime, *, days: int = 30) -> list[PlacementMail]:
        """The last days' test mails, the newest first."""
        return self.placement_ledger.recent_tests(since=as_of - timedelta(days=days))

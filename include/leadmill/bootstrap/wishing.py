"""Wishes: into the store as soon as they are said, and back from it after a restore."""

from __future__ import annotations

from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from leadmill.bootstrap.core import Core

if TYPE_CHECKING:
    from leadmill.adapters.ledger.wishes import LedgerWishes
    from leadmill.adapters.wish_log import StoredWishes
    from leadmill.services.reapply_wishes import ReapplyPorts


class Wishing(Core):
    """Wishes: into the store as soon as they are said, and back from it after a restore."""

    @cached_property
    def _wish_ledger(self) -> LedgerWishes:
        from leadmill.adapters.ledger.wishes import LedgerWishes

        return LedgerWishes(self.database, key=self.settings.secret)

    @cached_property
    def _wish_log(self) -> StoredWishes:
        from leadmill.adapters.wish_log import StoredWishes

        return StoredWishes(self.store)

    def log_wishes(self, as_of: datetime) -> int:
        """Write suppressions, lifts, erasures and pauses that wait in the ledger to the store; how many there were."""
        from leadmill.adapters.ledger.alerts import LedgerAlerts
        from leadmill.services.log_wishes import log_wishes

        return log_wishes(self._wish_ledger, self._wish_log, LedgerAlerts(self.database), as_of=as_of)

    def reapply_logged_wishes(self, as_of: datetime, *, since: date | None = None) -> dict[str, int]:
        """Bring the ledger to the last word of everybody, out of the store's log from a day on; counts by outcome."""
        from leadmill.services.reapply_wishes import reapply_wishes

        counts = reapply_wishes(self._reapply_ports(), as_of=as_of, since=since)
        self.log_wishes(as_of)
        return counts

    def catch_up_with_wishes(self, as_of: datetime) -> None:
        """The same for what the store holds and this ledger does not know, if there is any; raises an alert."""
        from leadmill.adapters.ledger.alerts import LedgerAlerts
        from leadmill.services.reapply_wishes import catch_up_with_wishes

        catch_up_with_wishes(self._reapply_ports(), LedgerAlerts(self.database), as_of=as_of)

    def _reapply_ports(self) -> ReapplyPorts:
        from leadmill.adapters.ledger.campaigns import PostgresCampaigns
        from leadmill.adapters.ledger.mailboxes import LedgerMailboxes
        from leadmill.services.reapply_wishes import ReapplyPorts

        registry, campaigns = LedgerMailboxes(self.database), PostgresCampaigns(self.database)
        return ReapplyPorts(self._wish_log, self._wish_ledger, registry, campaigns)

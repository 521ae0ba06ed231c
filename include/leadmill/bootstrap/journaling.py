"""Who may send, and what a restored ledger has to learn first."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from leadmill.bootstrap.collecting import Collecting

if TYPE_CHECKING:
    from leadmill.adapters.ledger.sending_lease import LedgerSendingLease
    from leadmill.adapters.store_journal import StoreJournal
    from leadmill.domain.access import Actor
    from leadmill.services.after_restore import RestoreOutcome
    from leadmill.services.right_to_send import SendingRight

_CLOCKS_APART = timedelta(hours=1)
"""So far may the clocks of collector and dispatcher be apart; see `domain.lane_clock`."""


class Journaling(Collecting):
    """Who may send, and what a restored ledger has to learn first."""

    @property
    def sending_lease(self) -> LedgerSendingLease:
        """The ledger's side of the lease."""
        from leadmill.adapters.ledger.sending_lease import LedgerSendingLease

        return LedgerSendingLease(self.database)

    @property
    def journal(self) -> StoreJournal:
        """The claims that may have left, in the store."""
        from leadmill.adapters.store_journal import StoreJournal

        return StoreJournal(self.store)

    def sending_right(self) -> SendingRight:
        """A right to send that is yet to be taken; each run has its own."""
        from leadmill.adapters.ledger.alerts import LedgerAlerts
        from leadmill.adapters.store_journal import StoreLease
        from leadmill.services.right_to_send import SendingRight

        return SendingRight(
            self.sending_lease,
            StoreLease(self.store),
            self.journal,
            LedgerAlerts(self.database),
            self.catch_up_with_wishes,
        )

    def require_current_ledger(self) -> None:
        """Pass where the store's journal is not ahead of this ledger. Raises `LedgerBehindJournal`."""
        from leadmill.services.compare_journal import require_all_known

        require_all_known(self.sending_lease, self.journal)

    def take_over_sending(self, actor: Actor, *, reason: str, as_of: datetime) -> str:
        """Let this installation send by its store, whoever did before; returns who that was. Needs an admin."""
        return self.sending_right().take_over(actor, reason=reason, as_of=as_of)

    def after_restore(self, actor: Actor, *, reason: str, as_of: datetime, accepts_gap: bool = False) -> RestoreOutcome:
        """Learn from the store what was sent and wished since this copy of the ledger was made; then let it send."""
        from leadmill.adapters.ledger.alerts import LedgerAlerts
        from leadmill.adapters.ledger.restoring import LedgerRestoring
        from leadmill.services.after_restore import RestorePorts, after_restore

        ports = RestorePorts(
            right=self.sending_right(),
            lease=self.sending_lease,
            journal=self.journal,
            ledger=LedgerRestoring(self.database),
            landing=self,
            reapply_wishes=self.reapply_logged_wishes,
            alerts=LedgerAlerts(self.database),
        )
        return after_restore(ports, actor, reason=reason, as_of=as_of, accepts_gap=accepts_gap)

    def replay(self, as_of: datetime, *, since: datetime | None) -> int:
        """Collect and project what waits, with what was collected `since`; returns how many sends moved."""
        from leadmill.adapters.lake.evidence import open_lake_evidence
        from leadmill.adapters.ledger.projections import EventsProjections

        with open_lake_evidence(self.lake) as source:
            position = source.latest_batch(before=since - _CLOCKS_APART if since else None)
        EventsProjections(self.database).go_back_to(position)
        self.collect_events(as_of)
        return self.project_events(as_of).sends_moved

    def tidy_journal(self, as_of: datetime) -> int:
        """Remove entries of the journal that are older than LEADMILL_JOURNAL_DAYS; returns how many."""
        from leadmill.services.tidy_journal import tidy_journal

        return tidy_journal(self.journal, keep_days=self.settings.journal_days, as_of=as_of)

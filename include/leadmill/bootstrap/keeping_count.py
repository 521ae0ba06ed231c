"""Conservation and doubts: that everything adds up, and what people do where nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from leadmill.bootstrap.core import Core

if TYPE_CHECKING:
    from leadmill.domain.access import Actor
    from leadmill.domain.doubts import Incident
    from leadmill.ports.dispatch import Settlement
    from leadmill.ports.doubts import Decided
    from leadmill.ports.refusals import RefusalGroup, SentAgain
    from leadmill.services.check_conservation import ConservationOutcome


class KeepingCount(Core):
    """Conservation and doubts: that everything adds up, and what people do where nobody knows."""

    def check_conservation(self, as_of: datetime) -> ConservationOutcome:
        """Check every campaign's and mailbox's books, alert where they do not add up, mend the queue."""
        from leadmill.adapters.ledger.alerts import LedgerAlerts
        from leadmill.adapters.ledger.conservation import LedgerConservation
        from leadmill.services.check_conservation import check_conservation

        return check_conservation(LedgerConservation(self.database), LedgerAlerts(self.database), as_of=as_of)

    def open_incidents(self, campaign_id: int | None = None) -> list[Incident]:
        """Mails that may or may not have gone out, by incident, with what speaks for which; of one campaign or all."""
        from leadmill.adapters.ledger.doubts import LedgerDoubts
        from leadmill.services.decide_doubts import open_incidents

        return open_incidents(LedgerDoubts(self.database), campaign_id=campaign_id)

    def decide_doubts(
        self, actor: Actor, send_ids: Sequence[int], outcome: Settlement, *, reason: str, as_of: datetime
    ) -> Decided:
        """Decide several ambiguous sends: `sent`, `lost` or `send_again`; needs the role analyst and a reason."""
        from leadmill.adapters.ledger.sends import LedgerSends
        from leadmill.services.decide_doubts import decide_doubts

        return decide_doubts(LedgerSends(self.database), actor, send_ids, outcome, reason=reason, as_of=as_of)

    def refusals(self, campaign_id: int) -> list[RefusalGroup]:
        """A campaign's mails that were refused for good, by code, and how many of them may be sent again."""
        from leadmill.adapters.ledger.refusals import LedgerRefusals

        return LedgerRefusals(self.database).refusals(campaign_id)

    def send_refused_again(
        self, actor: Actor, campaign_id: int, codes: Sequence[str], *, reason: str, as_of: datetime
    ) -> SentAgain:
        """Send a campaign's refused mails with these codes again; needs the role analyst and a reason."""
        from leadmill.adapters.ledger.refusals import LedgerRefusals
        from leadmill.services.send_refused_again import send_refused_again

        return send_refused_again(LedgerRefusals(self.database), actor, campaign_id, codes, reason=reason, as_of=as_of)

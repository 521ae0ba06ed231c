"""Warm-ups, guardrails' holds, and content reviews."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from leadmill.bootstrap.core import Core

if TYPE_CHECKING:
    from leadmill.adapters.ledger.holds import LedgerHolds
    from leadmill.adapters.ledger.warm_ups import LedgerWarmUps
    from leadmill.domain.access import Actor
    from leadmill.ports.holds import ContentReview, Hold
    from leadmill.ports.warm_ups import LimitDay, WarmUpStanding


class Guarding(Core):
    """Warm-ups, guardrails' holds, and content reviews."""

    @cached_property
    def hold_ledger(self) -> LedgerHolds:
        """What is stopped, with its evidence."""
        from leadmill.adapters.ledger.holds import LedgerHolds

        return LedgerHolds(self.database)

    @cached_property
    def warm_up_ledger(self) -> LedgerWarmUps:
        """Warm-ups and probations."""
        from leadmill.adapters.ledger.warm_ups import LedgerWarmUps

        return LedgerWarmUps(self.database)

    def advance_warm_ups(self, as_of: datetime) -> dict[str, int]:
        """Look at mailboxes whose local day is new; returns `advanced`, `held`, `cut` and `probations_ended`."""
        from leadmill.services.advance_warm_ups import advance_warm_ups

        return asdict(advance_warm_ups(self.warm_up_ledger, as_of=as_of))

    def warm_ups(self) -> list[WarmUpStanding]:
        """Every mailbox that warms up, did so, or is on probation, with today's limit and why."""
        return self.warm_up_ledger.standings()

    def warm_up_history(self, as_of: datetime, *, days: int = 60, mailbox_id: int | None = None) -> list[LimitDay]:
        """What each day did to the limits of one mailbox, or of all."""
        since: date = (as_of - timedelta(days=days)).date()
        return self.warm_up_ledger.history(since=since, mailbox_id=mailbox_id)

    def set_warm_up_curve(self, actor: Actor, kind: str, name: str, curve: str, *, as_of: datetime) -> None:
        """Let a "mailbox" (by address) or a "pool" (by name) warm up by a curve's name or a list of daily limits."""
        from leadmill.services.advance_warm_ups import set_warm_up_curve

        set_warm_up_curve(self.warm_up_ledger, actor, kind, name, curve, as_of=as_of)

    def holds(self, as_of: datetime, *, days: int = 30) -> list[Hold]:
        """What is stopped now, and what was stopped in the last days, with the evidence."""
        return self.hold_ledger.holds(since=as_of - timedelta(days=days))

    def content_reviews(self) -> list[ContentReview]:
        """Campaigns whose content a person should read, since somebody complained."""
        return self.hold_ledger.open_reviews()

    def confirm_content(self, actor: Actor, campaign_id: int, *, reason: str, as_of: datetime) -> bool:
        """Close a campaign's content review; returns whether it was held and runs again."""
        from leadmill.adapters.ledger.alerts import LedgerAlerts
        from leadmill.services.review_content import confirm_content

        alerts = LedgerAlerts(self.database)
        return confirm_content(self.hold_ledger, alerts, actor, campaign_id, reason=reason, as_of=as_of)

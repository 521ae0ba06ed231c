"""Blacklists and alerts."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from leadmill.bootstrap.core import Core

if TYPE_CHECKING:
    from leadmill.adapters.lake.blacklists import LakeCheckHistory, StandingChange
    from leadmill.adapters.ledger.alerts import LedgerAlerts
    from leadmill.adapters.ledger.blacklists import LedgerBlacklists
    from leadmill.domain.access import Actor
    from leadmill.ports.alerts import Alert, Notifier
    from leadmill.ports.blacklists import Standing
    from leadmill.services.check_blacklists import BlacklistWatch


class Watching(Core):
    """Blacklists and alerts."""

    @cached_property
    def alerts(self) -> LedgerAlerts:
        """The alerts in the ledger; hand it to services that raise or resolve some."""
        from leadmill.adapters.ledger.alerts import LedgerAlerts

        return LedgerAlerts(self.database)

    @cached_property
    def notifier(self) -> Notifier:
        """The ways to people that `LEADMILL_ALERT_URLS` names."""
        from leadmill.adapters.notifier import AppriseNotifier

        urls = self.settings.alert_urls.get_secret_value().split()
        return AppriseNotifier(urls, key=self.settings.secret if urls else b"")

    def open_alerts(self) -> list[Alert]:
        """What is wrong now, the gravest first."""
        return self.alerts.open()

    def recent_alerts(self, as_of: datetime, *, days: int = 30) -> list[Alert]:
        """What was wrong in the last days, open or closed, the newest first."""
        return self.alerts.recent(since=as_of - timedelta(days=days))

    def resolve_alert(self, actor: Actor, alert_id: int, as_of: datetime) -> bool:
        """Close an alert by a person's decision; needs the role analyst. Returns whether it was still open."""
        return self.alerts.resolve_by_hand(actor, alert_id, as_of=as_of)

    def notify_alerts(self, as_of: datetime) -> dict[str, int]:
        """Tell people of new and newly closed alerts. Returns the counts `notified` and `failed`."""
        from leadmill.services.notify_alerts import notify_alerts

        outcome = notify_alerts(self.alerts, self.notifier, as_of=as_of)
        return {"notified": outcome.notified, "failed": outcome.failed}

    @cached_property
    def blacklists(self) -> LedgerBlacklists:
        """The blacklist standings in the ledger."""
        from leadmill.adapters.ledger.blacklists import LedgerBlacklists

        return LedgerBlacklists(self.database, tracking_host=urlsplit(self.settings.edge_base_url).hostname or "")

    def check_blacklists(
        self, as_of: datetime, *, subjects: Collection[str] = (), zones: Collection[str] = ()
    ) -> dict[str, int]:
        """Ask every blacklist (or the named ones) about everything watched (or the named subjects).

        Returns:
            Counts: subjects, zones, unusable_zones, listed, clean, unknown, newly_listed, resolved.
        """
        from leadmill.services.check_blacklists import check_blacklists

        return check_blacklists(self._blacklist_watch(), as_of=as_of, subjects=subjects, zones=zones)

    def blacklist_status(self) -> list[Standing]:
        """How every watched subject stands on every list, listings first."""
        return self.blacklists.standings()

    def blacklist_history(self, subject: str, *, since: datetime) -> list[StandingChange]:
        """How one subject's standing changed, the newest first."""
        return self._check_history().changes(subject, since=since)

    def _check_history(self) -> LakeCheckHistory:
        from leadmill.adapters.lake.blacklists import LakeCheckHistory

        return LakeCheckHistory(self.lake, self.database)

    def _blacklist_watch(self) -> BlacklistWatch:
        from leadmill.adapters.dns import DnsLookup, resolvers_of
        from leadmill.adapters.ledger.mailboxes import LedgerMailboxes
        from leadmill.domain.blacklist_zones import zones_of
        from leadmill.domain.blacklists import SubjectKind
        from leadmill.services.check_blacklists import BlacklistWatch

        resolvers = resolvers_of(self.settings.dns_resolver)
        return BlacklistWatch(
            lookup=DnsLookup(resolvers, timeout_seconds=self.settings.dns_timeout_seconds),
            ledger=self.blacklists,
            history=self._check_history(),
            senders=LedgerMailboxes(self.database),
            alerts=self.alerts,
            zones=(
                *zones_of(self.settings.dnsbl_ip_zones.get_secret_value(), SubjectKind.IP),
                *zones_of(self.settings.dnsbl_domain_zones.get_secret_value(), SubjectKind.DOMAIN),
            ),
            checks_per_run=self.settings.dnsbl_checks_per_run,
        )

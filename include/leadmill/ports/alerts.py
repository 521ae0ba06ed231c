"""Alerts as the services see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

Severity = Literal["info", "warning", "critical"]


class Alerts(Protocol):
    """Alerts in the ledger, one open row per `dedupe_key`; delivery to people happens elsewhere."""

    def raise_alert(
        self, *, kind: str, severity: Severity, subject: str, message: str, dedupe_key: str, as_of: datetime
    ) -> bool:
        """Open an alert, or count one more occurrence of the open one. Returns whether it is new."""
        ...

    def resolve(self, dedupe_key: str, *, as_of: datetime) -> bool:
        """Close the open alert of that key. Returns whether there was one."""
        ...


class CheckAlerts(Alerts, Protocol):
    """Alerts of a check that looks at everything each time: what it no longer finds is over."""

    def resolve_others(self, kind: str, dedupe_keys: Sequence[str], *, as_of: datetime) -> int:
        """Close the open alerts of a kind whose key is not among these. Returns how many there were."""
        ...


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert as people see it; times are UTC. `resolved_by` is empty where the trouble went away by itself."""

    alert_id: int
    kind: str
    severity: Severity
    subject: str
    message: str
    occurrences: int
    first_at: datetime
    last_at: datetime
    notified_at: datetime | None
    notify_error: str
    resolved_at: datetime | None
    resolved_by: str


@dataclass(frozen=True, slots=True)
class Notification:
    """An alert that people have to be told of; `channels` had it already (an earlier try failed half-way)."""

    alert_id: int
    severity: Severity
    subject: str
    message: str
    first_at: datetime
    resolved_at: datetime | None
    channels: frozenset[str]


class AlertOutbox(Protocol):
    """Which alerts people still have to be told of."""

    def claim_to_notify(self, *, as_of: datetime, until: datetime, limit: int) -> Sequence[Notification]:
        """Take new and newly closed alerts for this notifier alone, until the claim ends."""
        ...

    def record_notified(self, alert_ids: Sequence[int], channels: Sequence[str], *, as_of: datetime) -> None:
        """Every channel had these alerts."""
        ...

    def record_failure(self, alert_id: int, channels: Sequence[str], error: str, *, retry_at: datetime) -> None:
        """Only `channels` had this alert; the others are tried again from `retry_at` on."""
        ...


class Notifier(Protocol):
    """The ways to people. A channel's name is safe to store and show: it says no address and no secret."""

    def channels(self) -> Sequence[str]:
        """Names of the configured channels, in the order of the setting; usable or not."""
        ...

    def notify(self, channel: str, *, title: str, body: str, severity: Severity) -> str:
        """Send one message. Returns an empty text, or in a few words why it did not work; never raises."""
        ...

"""Tell people of new alerts, and of told ones that are over."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from leadmill.ports.alerts import AlertOutbox, Notification, Notifier, Severity

_BATCH = 20  # with messages of usual length, one Telegram message (4,096 characters) holds them
_CLAIM = timedelta(minutes=5)  # far above any channel's time-out; also the pause before a failed channel is retried
_MESSAGE_CHARACTERS = 300
_ADDRESS = re.compile(r"[^\s@<>\"',;:()]+@[^\s@<>\"',;:()]+\.[A-Za-z][\w-]*")
_GRAVEST_FIRST: tuple[Severity, ...] = ("critical", "warning", "info")


@dataclass(frozen=True, slots=True)
class NotifyOutcome:
    """How many alerts reached every channel, and how many did not and will be tried again."""

    notified: int
    failed: int


def notify_alerts(outbox: AlertOutbox, notifier: Notifier, *, as_of: datetime) -> NotifyOutcome:
    """Send what people were not told of yet: per channel one message with all of it.

    An alert counts as told when every channel had it. A channel that fails is noted beside the alert and tried again
    five minutes later, alone: those that had it do not get it twice. A process that dies in between may repeat a
    message, never lose one. With no channel configured the alerts stay where they are.
    """
    channels = list(notifier.channels())
    if not channels:
        return NotifyOutcome(notified=0, failed=0)
    claimed = outbox.claim_to_notify(as_of=as_of, until=as_of + _CLAIM, limit=_BATCH)
    errors = {channel: _send(notifier, channel, claimed) for channel in channels}
    told, failed = [], 0
    for item in claimed:
        had = [c for c in channels if c in item.channels or not errors[c]]
        if len(had) == len(channels):
            told.append(item.alert_id)
            continue
        failed += 1
        reasons = "; ".join(f"{c}: {errors[c]}" for c in channels if c not in had)
        outbox.record_failure(item.alert_id, had, reasons, retry_at=as_of + _CLAIM)
    if told:
        outbox.record_notified(told, channels, as_of=as_of)
    return NotifyOutcome(notified=len(told), failed=failed)


def _send(notifier: Notifier, channel: str, claimed: Sequence[Notification]) -> str:
    items = [item for item in claimed if channel not in item.channels]
    if not items:
        return ""
    open_items = [item for item in items if item.resolved_at is None]
    found = {item.severity for item in open_items}
    severity: Severity = next((each for each in _GRAVEST_FIRST if each in found), "info")
    title = f"Leadmill: {_count(len(open_items), 'alert')}" if open_items else "Leadmill: resolved"
    return notifier.notify(channel, title=title, body="\n".join(map(_line, items)), severity=severity)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _line(item: Notification) -> str:
    state = "RESOLVED" if item.resolved_at else item.severity.upper()
    text = f"[{state}] {item.subject}: {item.message}"
    return _ADDRESS.sub("(address)", " ".join(text.split()))[:_MESSAGE_CHARACTERS]

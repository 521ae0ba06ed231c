"""What a provider itself allows a lane is read before the lane sends; a lane that it stopped does not begin."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from leadmill.domain.access import SYSTEM
from leadmill.domain.mailboxes import SenderStatus
from leadmill.errors import LeadmillError
from leadmill.ports.alerts import Alerts
from leadmill.ports.mailboxes import SenderRegistry, StatusChange
from leadmill.ports.provider_limits import LimitLedger, LimitReader, ProviderLimits
from leadmill.services.hold_senders import account_alert_key

READ_AGAIN_AFTER = timedelta(minutes=10)
"""SES answers `GetAccount` once a second for a whole account, and its quotas move slowly."""


@dataclass(frozen=True, slots=True)
class LimitPorts:
    """What reading limits works with."""

    reader: LimitReader
    ledger: LimitLedger
    registry: SenderRegistry
    alerts: Alerts


def read_provider_limits(lanes: Iterable[str], ports: LimitPorts, *, as_of: datetime) -> int:
    """Ask the lanes' providers what they allow, where that is known no more; returns how many answered.

    A provider that gives no answer changes nothing: the numbers known before hold, and people are told.
    """
    answered = 0
    for lane in lanes:
        account = ports.ledger.due_for_reading(
            lane, ports.reader.providers, read_before=as_of - READ_AGAIN_AFTER, as_of=as_of
        )
        if account is None:
            continue
        try:
            limits = ports.reader.read(account)
        except LeadmillError as error:
            _tell_unread(ports.alerts, lane, error, as_of)
            continue
        answered += 1
        ports.ledger.save_limits(lane, limits)
        ports.alerts.resolve(_unread_key(lane), as_of=as_of)
        _judge(lane, limits, ports, as_of)
    return answered


def _judge(lane: str, limits: ProviderLimits, ports: LimitPorts, as_of: datetime) -> None:
    if not limits.may_send:
        _pause(lane, limits, ports, as_of)
    if limits.is_in_review:
        ports.alerts.raise_alert(
            kind="provider_review",
            severity="warning",
            subject=f"lane {lane}",
            message=f"The provider has the account of lane {lane} under review ({limits.status}): its bounces or "
            "complaints are too high. It still sends; look at the provider's console and mend the cause.",
            dedupe_key=_review_key(lane),
            as_of=as_of,
        )
    else:
        ports.alerts.resolve(_review_key(lane), as_of=as_of)


def _pause(lane: str, limits: ProviderLimits, ports: LimitPorts, as_of: datetime) -> None:
    reason = f"the provider stopped this account: {limits.status or 'sending is disabled'}"
    evidence = {"provider_status": limits.status, "sent_24h": limits.sent_24h, "read_at": as_of.isoformat()}
    change = StatusChange(SenderStatus.PAUSED, reason, evidence=evidence)
    if ports.registry.change_account(SYSTEM, lane, change, as_of=as_of):
        ports.alerts.raise_alert(
            kind="account_paused",
            severity="critical",
            subject=f"lane {lane}",
            message=f"lane {lane} was paused: {reason}. Clear it up with the provider, then lift the pause on the "
            "Deliverability page.",
            dedupe_key=account_alert_key(lane),
            as_of=as_of,
        )


def _tell_unread(alerts: Alerts, lane: str, error: LeadmillError, as_of: datetime) -> None:
    alerts.raise_alert(
        kind="provider_limits_unread",
        severity="warning",
        subject=f"lane {lane}",
        message=f"What the provider allows lane {lane} could not be read; our own limits hold. {error} "
        "An SES key needs ses:GetAccount for it.",
        dedupe_key=_unread_key(lane),
        as_of=as_of,
    )


def _unread_key(lane: str) -> str:
    return f"provider_limits_unread:{lane}"


def _review_key(lane: str) -> str:
    return f"provider_review:{lane}"

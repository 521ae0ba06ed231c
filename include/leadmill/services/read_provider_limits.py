"""What a provider itself allows a lane is read before the lane sends; one that it stopped or reviews does not begin."""

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


_STOPPED_STEPS = "Clear it up with the provider, then lift the pause on the Deliverability page"
_REVIEW_STEPS = (
    "Its bounces or complaints are too high: find their cause, and answer the provider in its console. Lift the pause "
    "on the Deliverability page when the review is over, or sooner if you mean to send on under it"
)


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
        ports.alerts.resolve(_unread_key(lane), as_of=as_of)
        _judge(lane, limits, ports, as_of)
        ports.ledger.save_limits(lane, limits)
    return answered


def _judge(lane: str, limits: ProviderLimits, ports: LimitPorts, as_of: datetime) -> None:
    """Stop a lane whose provider stopped the account or put it under review; a review may be answered by a person.

    Whoever lifts the pause of a review says with that "send on although it lasts": the same review does not stop the
    lane again, the next one does. A stopped account stops it as often as the provider says so.
    """
    in_review = limits.may_send and limits.is_in_review
    is_released = in_review and ports.ledger.is_released_from(lane, limits.status)
    if not limits.may_send or (in_review and not is_released):
        _pause(lane, limits, ports, as_of)
    if is_released:
        ports.alerts.raise_alert(
            kind="provider_review",
            severity="warning",
            subject=f"provider account {lane}",
            message=f"The provider still has the account {lane} under review ({limits.status}), and it sends, "
            "since its pause was lifted. Keep the volume low until the provider ends the review; it shuts "
            "accounts down whose bounces and complaints do not fall.",
            dedupe_key=_review_key(lane),
            as_of=as_of,
        )
    else:
        ports.alerts.resolve(_review_key(lane), as_of=as_of)


def _pause(lane: str, limits: ProviderLimits, ports: LimitPorts, as_of: datetime) -> None:
    reason, to_do = f"the provider stopped this account: {limits.status or 'sending is disabled'}", _STOPPED_STEPS
    if limits.may_send:
        reason, to_do = f"the provider has this account under review: {limits.status}", _REVIEW_STEPS
    evidence = {"provider_status": limits.status, "sent_24h": limits.sent_24h, "read_at": as_of.isoformat()}
    change = StatusChange(SenderStatus.PAUSED, reason, evidence=evidence)
    if ports.registry.change_account(SYSTEM, lane, change, as_of=as_of):
        ports.alerts.raise_alert(
            kind="account_paused",
            severity="critical",
            subject=f"provider account {lane}",
            message=f"Provider account {lane} was paused: {reason}. {to_do}.",
            dedupe_key=account_alert_key(lane),
            as_of=as_of,
        )


def _tell_unread(alerts: Alerts, lane: str, error: LeadmillError, as_of: datetime) -> None:
    alerts.raise_alert(
        kind="provider_limits_unread",
        severity="warning",
        subject=f"provider account {lane}",
        message=f"What the provider allows the account {lane} could not be read; our own limits hold. {error} "
        "An SES key needs ses:GetAccount for it.",
        dedupe_key=_unread_key(lane),
        as_of=as_of,
    )


def _unread_key(lane: str) -> str:
    return f"provider_limits_unread:{lane}"


def _review_key(lane: str) -> str:
    return f"provider_review:{lane}"

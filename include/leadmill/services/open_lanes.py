"""What happens before the lanes send: dead leases, cool-downs, guardrails, warm-ups; then which lanes have work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from leadmill.ports.alerts import Alerts, CheckAlerts
from leadmill.ports.dispatch import Recovered, SendLedger
from leadmill.ports.holds import HoldLedger
from leadmill.ports.mailboxes import SenderRegistry
from leadmill.ports.threads import ThreadLedger
from leadmill.ports.warm_ups import WarmUpLedger
from leadmill.services.advance_warm_ups import advance_warm_ups
from leadmill.services.apply_guardrails import apply_guardrails
from leadmill.services.hold_senders import end_cool_downs
from leadmill.services.settle_threads import tell_of_stranded_threads

AMBIGUOUS_ALERT_KEY = "ambiguous_sends"
TELL_OF_DOUBTS_AFTER = timedelta(hours=1)
"""A provider's own report usually comes within minutes; what it did not settle in an hour wants a person's look."""


def recover_expired_leases(ledger: SendLedger, alerts: Alerts, *, as_of: datetime) -> Recovered:
    """Make the sends of dead workers ambiguous; tell people of doubts that no evidence settled within an hour.

    Those of a worker that died are told of at once. The alert closes by itself when no doubt is left.
    """
    recovered = ledger.recover(as_of=as_of)
    oldest = ledger.ambiguous_sends(limit=1)
    if recovered.ambiguous or (oldest and as_of - oldest[0].since >= TELL_OF_DOUBTS_AFTER):
        what = f"{recovered.ambiguous} mails of a worker that died" if recovered.ambiguous else "Some mails"
        alerts.raise_alert(
            kind="ambiguous_sends",
            severity="warning",
            subject="dispatch",
            message=f"{what} may or may not have gone out. They are not sent again by themselves: events settle them, "
            "or you do, on the page Unclear mails.",
            dedupe_key=AMBIGUOUS_ALERT_KEY,
            as_of=as_of,
        )
    elif not oldest:
        alerts.resolve(AMBIGUOUS_ALERT_KEY, as_of=as_of)
    return recovered


@dataclass(frozen=True, slots=True)
class SweepPorts:
    """What a sweep works on; `false_pauses_a_month` is the guardrails' budget for each pool."""

    ledger: SendLedger
    registry: SenderRegistry
    alerts: CheckAlerts
    holds: HoldLedger
    warm_ups: WarmUpLedger
    threads: ThreadLedger
    false_pauses_a_month: float


def open_lanes(ports: SweepPorts, *, as_of: datetime) -> list[str]:
    """Sweep, then name the lanes (provider accounts) that may have something to send."""
    ledger, registry = ports.ledger, ports.registry
    recover_expired_leases(ledger, ports.alerts, as_of=as_of)
    end_cool_downs(registry, ports.alerts, as_of=as_of)
    apply_guardrails(registry, ports.alerts, ports.holds, as_of=as_of, false_pauses_a_month=ports.false_pauses_a_month)
    advance_warm_ups(ports.warm_ups, as_of=as_of)
    tell_of_stranded_threads(ports.threads, ports.alerts, as_of=as_of)
    return ledger.lanes_with_work(as_of=as_of)

"""What happens before the lanes send: dead leases, ended cool-downs, guardrails; then which lanes have work."""

from __future__ import annotations

from datetime import datetime

from leadmill.ports.alerts import Alerts
from leadmill.ports.dispatch import Recovered, SendLedger
from leadmill.ports.mailboxes import SenderRegistry
from leadmill.services.apply_guardrails import apply_guardrails

AMBIGUOUS_ALERT_KEY = "ambiguous_sends"


def recover_expired_leases(ledger: SendLedger, alerts: Alerts, *, as_of: datetime) -> Recovered:
    """Make the sends of dead workers ambiguous and tell people; they are settled by evidence or by a person."""
    recovered = ledger.recover(as_of=as_of)
    if recovered.ambiguous:
        alerts.raise_alert(
            kind="ambiguous_sends",
            severity="warning",
            subject="dispatch",
            message=f"{recovered.ambiguous} sends of a worker that died may or may not have gone out. They are not "
            "sent again; delivery events settle them, or a person does.",
            dedupe_key=AMBIGUOUS_ALERT_KEY,
            as_of=as_of,
        )
    elif not ledger.ambiguous_sends(limit=1):
        alerts.resolve(AMBIGUOUS_ALERT_KEY, as_of=as_of)
    return recovered


def open_lanes(ledger: SendLedger, registry: SenderRegistry, alerts: Alerts, *, as_of: datetime) -> list[str]:
    """Sweep, then name the lanes (provider accounts) that may have something to send."""
    recover_expired_leases(ledger, alerts, as_of=as_of)
    registry.end_cool_downs(as_of=as_of)
    apply_guardrails(registry, alerts, as_of=as_of)
    return ledger.lanes_with_work(as_of=as_of)

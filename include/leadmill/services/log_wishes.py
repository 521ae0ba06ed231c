"""Write suppressions, lifts, erasures and pauses down in the store, where no restore of the ledger reaches them."""

from __future__ import annotations

from datetime import datetime, timedelta

from leadmill.errors import StoreUnavailable
from leadmill.ports.alerts import Alerts
from leadmill.ports.wishes import WishLedger, WishLog

ALERT_KEY = "wishes_not_in_store"
TELL_AFTER = timedelta(minutes=10)
"""The sweep tries once a minute: a store that missed ten tries wants a person's look. Our choice."""


def hand_on_wishes(ledger: WishLedger, log: WishLog, *, wait: bool = False) -> int:
    """Write all that waits; how many wishes there were. A crash in between writes some twice, which changes nothing.

    Raises:
        StoreUnavailable: The store took the next object not; what is left waits.
    """
    total = 0
    while count := ledger.hand_on(log, wait=wait):
        total += count
    return total


def log_wishes(ledger: WishLedger, log: WishLog, alerts: Alerts, *, as_of: datetime) -> int:
    """The same for a sweep, which a store that is down must not stop: it is told of after ten minutes."""
    try:
        total = hand_on_wishes(ledger, log)
    except StoreUnavailable as error:
        if ledger.wait_longer_than(TELL_AFTER):
            alerts.raise_alert(
                kind="wishes",
                severity="critical",
                subject="store",
                message=f"{error} Until then, a restore of the database would forget them.",
                dedupe_key=ALERT_KEY,
                as_of=as_of,
            )
        return 0
    if not ledger.wait_longer_than(TELL_AFTER):
        alerts.resolve(ALERT_KEY, as_of=as_of)
    return total

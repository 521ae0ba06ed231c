"""Alerts as the services see them."""

from __future__ import annotations

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

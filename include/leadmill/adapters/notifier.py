"""Ways to people through Apprise: Telegram, Slack, mail, webhooks and a hundred more, each by one URL."""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from leadmill.ports.alerts import Severity

if TYPE_CHECKING:
    import apprise

_TYPES: dict[Severity, str] = {"info": "info", "warning": "warning", "critical": "failure"}


class AppriseNotifier:
    """One channel per Apprise URL. A channel's name is its scheme and a keyed digest: URLs hold tokens."""

    def __init__(self, urls: Sequence[str], *, key: bytes) -> None:
        """`urls` are Apprise URLs; `key` makes the digests useless for guessing."""
        self._urls = {self._name(url, key): url for url in urls}

    @staticmethod
    def _name(url: str, key: bytes) -> str:
        scheme = url.partition("://")[0].lower()
        known = scheme if scheme.isalnum() and scheme.isascii() and "://" in url else "unreadable"
        return f"{known}-{hmac.new(key, url.encode(), hashlib.sha256).hexdigest()[:8]}"

    def channels(self) -> Sequence[str]:
        return list(self._urls)

    def notify(self, channel: str, *, title: str, body: str, severity: Severity) -> str:
        import apprise

        # Apprise logs URLs with their tokens at warning level and below; what we need to know is the outcome.
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
        try:
            service = apprise.Apprise()
            if not service.add(self._urls[channel]):
                return "Apprise does not understand this URL; check LEADMILL_ALERT_URLS"
            return "" if self._deliver(service, title, body, severity) else "it did not take the message"
        except Exception as error:  # noqa: BLE001 - a plugin's bug must not keep an alert from the other channels
            return f"it failed with {type(error).__name__}"

    def _deliver(self, service: apprise.Apprise, title: str, body: str, severity: Severity) -> bool:
        options: dict[str, Any] = {"title": title, "body": body, "notify_type": _TYPES[severity], "body_format": "text"}
        return bool(service.notify(**options))

"""What the HTTP status of a provider's API says of the account, and when its rate headers let us go on."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Lock

from leadmill.adapters.esp.https import HttpAnswer
from leadmill.errors import CredentialsRejected, LeadmillError, ProviderThrottled, ProviderUnavailable, SenderSuspended

THROTTLE_WAIT_SECONDS = 30.0
"""Where no header says how long."""

_LONGEST_WAIT_SECONDS = 3600.0
"""Who is told to wait longer looks again after an hour: clocks differ, and limits are raised."""

_BELIEVED_SECONDS = 86_400.0
"""No provider's window is longer than a day: what says so is in another unit, or a clock that is off."""

_GATEWAYS = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT, 520, 524})
"""What stands before the provider lost its answer; 520 and 524 are Cloudflare's words for the same."""

_MILLISECONDS_FROM = 1e11  # as seconds, the year 5138
_STOPPED = {HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN, HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS}


@dataclass(slots=True)
class RateWindow:
    """What the provider's rate headers leave us; one for all mailboxes of an account.

    Source: SendGrid's API reference, "Rate Limits": X-RateLimit-Limit, -Remaining and -Reset (Unix time).
    """

    _remaining: int | None = None
    _reset_at: float = 0.0  # on this process's monotonic clock
    _lock: Lock = field(default_factory=Lock)

    def seconds_to_wait(self) -> float:
        """How long the window is closed for; takes one call of it where it is open."""
        with self._lock:
            left = self._reset_at - time.monotonic()
            if self._remaining is None or left <= 0:
                return 0.0
            if self._remaining > 0:
                self._remaining -= 1
                return 0.0
            return left

    def read(self, answer: HttpAnswer, *, unix_now: float) -> None:
        """Take note of an answer's headers; of answers that cross, the stricter one counts."""
        remaining, reset = _number(answer.headers, "x-ratelimit-remaining"), _reset(answer.headers, unix_now)
        if remaining is None or reset is None:
            return
        reset_at = time.monotonic() + min(reset, _LONGEST_WAIT_SECONDS)
        with self._lock:
            is_same_window = self._remaining is not None and abs(reset_at - self._reset_at) < 1
            self._remaining = min(self._remaining or 0, int(remaining)) if is_same_window else int(remaining)
            self._reset_at = reset_at


def wait_of(headers: Mapping[str, str], *, unix_now: float) -> float:
    """Seconds to wait after a 429: Retry-After, else X-RateLimit-Reset, else `THROTTLE_WAIT_SECONDS`."""
    for seconds in (_number(headers, "retry-after"), _reset(headers, unix_now)):
        if seconds is not None and 0 < seconds <= _BELIEVED_SECONDS:
            return min(seconds, _LONGEST_WAIT_SECONDS)
    return THROTTLE_WAIT_SECONDS


def is_doubtful(status: int) -> bool:
    """Whether the mails may have been taken: by a gateway's word, or by a yes that the provider does not use."""
    return status in _GATEWAYS or HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def channel_error(
    answer: HttpAnswer, provider: str, lane_of: str, what: str, *, unix_now: float
) -> LeadmillError | None:
    """The error of an answer that is about the account or the provider; None where it is about the mails.

    Args:
        answer: What the provider answered; nothing of the request was taken.
        provider: Its name for people.
        lane_of: Whose channel, for the message.
        what: Which sends, for the message.
        unix_now: The time in Unix seconds that rate headers are compared with.
    """
    status = answer.status
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return ProviderThrottled(
            f"{lane_of}: {provider} put {what} off (429).", retry_after=wait_of(answer.headers, unix_now=unix_now)
        )
    if status == HTTPStatus.UNAUTHORIZED:
        return CredentialsRejected(f"{lane_of}: {provider} refused the log-in (401); check its secret.")
    if status in _STOPPED:
        return SenderSuspended(
            f"{lane_of}: {provider} forbids sending ({status}): identity, scope of the key, payment, or suspension."
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ProviderUnavailable(f"{lane_of}: {provider} failed on its side at {what} ({status}).")
    if status < HTTPStatus.BAD_REQUEST or status == HTTPStatus.REQUEST_TIMEOUT:  # a redirect, or what stood before it
        return ProviderUnavailable(f"{lane_of}: {provider} did not take {what} ({status}); check the account's host.")
    return None


def _number(headers: Mapping[str, str], name: str) -> float | None:
    with contextlib.suppress(ValueError):
        return float(headers[name]) if name in headers else None
    return None


def _reset(headers: Mapping[str, str], unix_now: float) -> float | None:
    """Seconds until the rate window ends; Mailgun writes milliseconds."""
    found = _number(headers, "x-ratelimit-reset")
    if found is None:
        return None
    return (found / 1000 if found > _MILLISECONDS_FROM else found) - unix_now

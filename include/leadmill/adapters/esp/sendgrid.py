"""SendGrid by its own SDK: v3 mail/send with a plain dict, one call a mail; the SDK has no retries (ADR 0010)."""

from __future__ import annotations

import contextlib
import logging
import urllib.error
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from leadmill.domain.messages import Fault, OutgoingMessage, Receipt, ReceiptStatus
from leadmill.errors import CredentialsRejected, ProviderThrottled, ProviderUnavailable, SenderSuspended

if TYPE_CHECKING:
    from sendgrid import SendGridAPIClient

DEFAULT_HOST = "https://api.sendgrid.com"
THROTTLE_WAIT_SECONDS = 30.0
"""Where no X-RateLimit-Reset says how long."""

_LONGEST_WAIT_SECONDS = 3600.0
_MAYBE_TAKEN = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})
_RESERVED = frozenset(
    {
        "x-sg-id",
        "x-sg-eid",
        "received",
        "dkim-signature",
        "content-type",
        "content-transfer-encoding",
        "to",
        "from",
        "subject",
        "reply-to",
        "cc",
        "bcc",
    }
)
"""Header names that SendGrid does not let us set (its API reference, "headers")."""

# The SDK logs whole requests, key and addresses included, at DEBUG.
logging.getLogger("python_http_client").setLevel(logging.INFO)


class SendGridEsp:
    """`ports.esp.Esp` over SendGrid's v3 API."""

    name = "sendgrid"

    def __init__(
        self,
        api_key: Callable[[], str],
        *,
        host: str,
        timeout_seconds: float,
        now: Callable[[], datetime],
        sandbox: bool,
        lane_of: str,
    ) -> None:
        """`now` is compared with X-RateLimit-Reset; `sandbox` has SendGrid check a mail without sending it."""
        self._api_key = api_key
        self._host = host
        self._timeout_seconds = timeout_seconds
        self._now = now
        self._sandbox = sandbox
        self._lane_of = lane_of

    @cached_property
    def _client(self) -> SendGridAPIClient:
        from sendgrid import SendGridAPIClient

        client = SendGridAPIClient(api_key=self._api_key(), host=self._host)
        client.client.timeout = self._timeout_seconds
        return client

    def send(self, messages: Sequence[OutgoingMessage]) -> Iterator[Receipt]:
        for message in messages:
            receipt = self._deliver(message)
            yield receipt
            if receipt.status is ReceiptStatus.AMBIGUOUS:
                raise ProviderUnavailable(f"{self._lane_of}: SendGrid gave no answer to send {message.send_id}.")

    def close(self) -> None:
        """Nothing to end: the SDK opens a connection a call."""

    def _deliver(self, message: OutgoingMessage) -> Receipt:
        from python_http_client.exceptions import HTTPError

        client, body = self._client, request_body(message, sandbox=self._sandbox)
        try:
            answer = client.send(body)
        except HTTPError as error:
            return self._answered(message.send_id, error.status_code, error.headers)
        except urllib.error.URLError as error:  # raised while connecting or writing: the request was never whole
            raise ProviderUnavailable(
                f"{self._lane_of}: no connection to SendGrid before send {message.send_id}."
            ) from error
        except Exception:  # noqa: BLE001 - whatever broke the answer, the request may have been taken
            return Receipt(message.send_id, ReceiptStatus.AMBIGUOUS, code="no-answer")
        message_id = str(answer.headers.get("X-Message-Id") or "")
        return Receipt(message.send_id, ReceiptStatus.ACCEPTED, provider_message_id=message_id)

    def _answered(self, send_id: int, status: int, headers: Any) -> Receipt:
        """The receipt of an error answer; raises where it is about the account and not about this mail."""
        if status in _MAYBE_TAKEN:
            return Receipt(send_id, ReceiptStatus.AMBIGUOUS, code=f"http-{status}")
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            raise ProviderThrottled(
                f"{self._lane_of}: SendGrid put send {send_id} off (429).", retry_after=self._wait(headers)
            )
        if status == HTTPStatus.UNAUTHORIZED:
            raise CredentialsRejected(f"{self._lane_of}: SendGrid refused the API key (401); check its secret.")
        if status == HTTPStatus.FORBIDDEN:
            raise SenderSuspended(
                f"{self._lane_of}: SendGrid forbids sending (403): sender identity, scope of the key, or suspension."
            )
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise ProviderUnavailable(f"{self._lane_of}: SendGrid failed on its side at send {send_id} ({status}).")
        return Receipt(send_id, ReceiptStatus.REFUSED, fault=Fault.MESSAGE, code=f"http-{status}")

    def _wait(self, headers: Any) -> float:
        reset = str((headers or {}).get("X-RateLimit-Reset") or "")
        with contextlib.suppress(ValueError):
            seconds = float(reset) - self._now().timestamp()
            if 0 < seconds <= _LONGEST_WAIT_SECONDS:
                return seconds
        return THROTTLE_WAIT_SECONDS


def request_body(message: OutgoingMessage, *, sandbox: bool) -> dict[str, Any]:
    """The JSON body of a v3 mail/send call for one recipient.

    The provider's own click and open tracking is off: ours is signed, and a mail tracked twice counts twice.
    """
    headers = {"Message-ID": message.message_id} | {
        name: value for name, value in message.headers if name.lower() not in _RESERVED
    }
    body: dict[str, Any] = {
        "personalizations": [
            {
                "to": [{"email": message.recipient}],
                "custom_args": {"send_id": str(message.send_id)} | message.tags,
            }
        ],
        "from": _person(message.sender_address, message.sender_name),
        "subject": message.subject,
        "content": [{"type": "text/plain", "value": message.text}, {"type": "text/html", "value": message.html}],
        "headers": headers,
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
        },
    }
    if message.reply_to:
        body["reply_to"] = {"email": message.reply_to}
    if sandbox:
        body["mail_settings"] = {"sandbox_mode": {"enable": True}}
    return body


def _person(address: str, name: str) -> Mapping[str, str]:
    return {"email": address, "name": name} if name else {"email": address}

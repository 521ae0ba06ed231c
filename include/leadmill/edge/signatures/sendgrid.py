"""SendGrid's signed Event Webhook: ECDSA over timestamp and raw body."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from leadmill.edge.signatures import Check, Trust, Verdict, WebhookRequest, forged

_SIGNATURE_HEADER = "x-twilio-email-event-webhook-signature"
_TIMESTAMP_HEADER = "x-twilio-email-event-webhook-timestamp"
REPLAY_WINDOW_SECONDS = 300  # SendGrid's library has no window of its own; five minutes is Twilio's usual one


@lru_cache(maxsize=4)
def _verifier(public_key: str) -> Any:
    from sendgrid.helpers.eventwebhook import EventWebhook

    return EventWebhook(public_key)


def check_sendgrid(*, public_key: str) -> Check:
    """The check for `/webhooks/sendgrid`; `public_key` as SendGrid's settings page shows it (base64 DER)."""

    async def check(request: WebhookRequest) -> Verdict:
        if not public_key:
            return Verdict(Trust.NOT_CONFIGURED, "LEADMILL_SENDGRID_WEBHOOK_KEY is not set")
        signature = request.headers.get(_SIGNATURE_HEADER, "")
        timestamp = request.headers.get(_TIMESTAMP_HEADER, "")
        if not signature or not (timestamp.isascii() and timestamp.isdigit()):
            return forged("no signature or timestamp header")
        if abs(request.received_at.timestamp() - int(timestamp)) > REPLAY_WINDOW_SECONDS:
            return forged("the timestamp is outside the replay window")
        try:
            holds = _verifier(public_key).verify_signature(request.body.decode(), signature, timestamp)
        except ValueError:  # base64, UTF-8 or the key itself
            return forged("the signature, body or configured key cannot be read")
        return Verdict(Trust.GENUINE, replay_key=signature) if holds else forged("the signature does not hold")

    return check

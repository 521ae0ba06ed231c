"""Mailgun: HMAC-SHA256 over timestamp and token, inside the body."""

from __future__ import annotations

import hashlib
import hmac
import json

from leadmill.edge.signatures import Check, Trust, Verdict, WebhookRequest, forged

REPLAY_WINDOW_SECONDS = 9 * 3600  # Mailgun retries for about eight hours; inside it the token is remembered


def check_mailgun(*, signing_key: str) -> Check:
    """The check for `/webhooks/mailgun`; `signing_key` is the account's HTTP webhook signing key."""

    async def check(request: WebhookRequest) -> Verdict:
        if not signing_key:
            return Verdict(Trust.NOT_CONFIGURED, "LEADMILL_MAILGUN_WEBHOOK_KEY is not set")
        try:
            part = json.loads(request.body)["signature"]
            timestamp, token, signature = str(part["timestamp"]), str(part["token"]), str(part["signature"])
            age_seconds = abs(request.received_at.timestamp() - float(timestamp))
        except (ValueError, KeyError, TypeError):
            return forged("no signature part in the body")
        expected = hmac.new(signing_key.encode(), (timestamp + token).encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            return forged("the signature does not hold")
        if not age_seconds <= REPLAY_WINDOW_SECONDS:
            return forged("the timestamp is outside the replay window")
        return Verdict(Trust.GENUINE, replay_key=token)

    return check

"""Postmark signs nothing: basic authentication, which its webhook settings take as part of the URL."""

from __future__ import annotations

import base64
import binascii
import hmac

from leadmill.edge.signatures import Check, Trust, Verdict, WebhookRequest, forged


def check_postmark(*, user: str, password: str) -> Check:
    """The check for `/webhooks/postmark`."""

    async def check(request: WebhookRequest) -> Verdict:
        if not user or not password:
            return Verdict(Trust.NOT_CONFIGURED, "LEADMILL_POSTMARK_WEBHOOK_USER or _PASSWORD is not set")
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        try:
            offered = base64.b64decode(credentials, validate=True)
        except binascii.Error:
            return forged("the authorization header cannot be read")
        same = hmac.compare_digest(offered, f"{user}:{password}".encode())
        return Verdict(Trust.GENUINE) if same and scheme.lower() == "basic" else forged("wrong user or password")

    return check

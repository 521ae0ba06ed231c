"""Provider webhooks: check who speaks, then write the raw body to `landing/events/<provider>/`, exactly as received."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from leadmill.edge.bodies import BodyTooLarge, read_body
from leadmill.edge.journal import landing_key
from leadmill.edge.signatures import Check, Fetch, Trust, Verdict, WebhookRequest
from leadmill.edge.signatures.ses import is_sns_url, sns_envelope
from leadmill.errors import TransientError
from leadmill.ports.store import ObjectStore

_BODY_BYTES_MAX = 10 * 1024 * 1024
_REMEMBERED_REQUESTS = 50_000

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Webhooks:
    """The endpoint `POST /webhooks/{provider}`."""

    checks: Mapping[str, Check]
    store: ObjectStore
    fetch: Fetch
    allow_unsigned: bool
    _seen: OrderedDict[tuple[str, str], None] = field(default_factory=OrderedDict)

    async def take(self, request: Request) -> Response:
        """Answer 2xx only when the body lies in the store (or did already)."""
        provider = request.path_params["provider"]
        if provider not in self.checks:
            return PlainTextResponse("No such provider.", status_code=404)
        try:
            body = await read_body(request, _BODY_BYTES_MAX)
        except BodyTooLarge:
            return PlainTextResponse("Too large.", status_code=413)
        if not body.strip():
            return PlainTextResponse("Empty body.", status_code=400)
        return await self._check_and_keep(provider, request, body)

    async def _check_and_keep(self, provider: str, request: Request, body: bytes) -> Response:
        now: datetime = request.app.state.clock()
        try:
            verdict = await self.checks[provider](WebhookRequest(request.headers, body, now))
        except TransientError as error:
            log.warning("webhook not checked; it is asked for again", provider=provider, reason=str(error))
            return _try_again()
        if not self._believes(provider, verdict):
            return PlainTextResponse("Not accepted.", status_code=401, headers={"WWW-Authenticate": "Basic"})
        if verdict.replay_key and (provider, verdict.replay_key) in self._seen:
            return PlainTextResponse("Already stored.")
        return await self._keep(provider, request, body, verdict, now)

    def _believes(self, provider: str, verdict: Verdict) -> bool:
        if verdict.trust is Trust.GENUINE:
            return True
        if verdict.trust is Trust.NOT_CONFIGURED and self.allow_unsigned:
            return True
        log.warning("webhook refused", provider=provider, trust=verdict.trust.value, reason=verdict.reason)
        return False

    async def _keep(self, provider: str, request: Request, body: bytes, verdict: Verdict, now: datetime) -> Response:
        envelope = sns_envelope(body) if provider == "ses" else None
        if envelope and envelope["Type"] != "Notification":
            return await self._keep_subscription(str(envelope.get("SubscribeURL", "")), body, verdict, now)
        suffix = ".json.gz" if request.headers.get("content-encoding", "").lower() == "gzip" else ".json"
        try:
            await asyncio.to_thread(self.store.write, landing_key(provider, now, suffix), body)
        except Exception:  # whatever the store raises, the provider must learn that it has to try again
            log.exception("a webhook body could not be stored; the provider is asked to try again", provider=provider)
            return _try_again()
        self._remember(provider, verdict)
        return _firehose_answer(request, now) or PlainTextResponse("Stored.")

    async def _keep_subscription(self, url: str, body: bytes, verdict: Verdict, now: datetime) -> Response:
        """Confirm a subscription to one of our own topics; the topic and signature were checked before."""
        key = landing_key("ses", now, ".json").replace("landing/events/ses/", "landing/sns/")
        try:
            await asyncio.to_thread(self.store.write, key, body)
            if verdict.trust is Trust.GENUINE and is_sns_url(url):
                await self.fetch(url)
                log.info("SNS subscription confirmed", object_key=key)
        except Exception:  # whatever the store raises, Amazon must learn that it has to ask again
            log.exception("an SNS subscription was not confirmed; Amazon asks again")
            return _try_again()
        return PlainTextResponse("Noted.")

    def _remember(self, provider: str, verdict: Verdict) -> None:
        if verdict.replay_key:
            self._seen[provider, verdict.replay_key] = None
            if len(self._seen) > _REMEMBERED_REQUESTS:
                self._seen.popitem(last=False)


def _try_again() -> Response:
    """For what is our trouble: providers repeat after a 503, and give up after a 4xx."""
    return PlainTextResponse("Try again later.", status_code=503, headers={"Retry-After": "60"})


def _firehose_answer(request: Request, now: datetime) -> Response | None:
    """What Firehose's HTTP endpoint protocol wants to hear: its request id and a time in milliseconds."""
    request_id = request.headers.get("x-amz-firehose-request-id")
    if request_id is None:
        return None
    milliseconds = round(now.astimezone(UTC).timestamp() * 1000)
    return JSONResponse({"requestId": request_id, "timestamp": milliseconds})


async def fetch_over_https(url: str) -> bytes:
    """A small body from an https URL, redirects not followed.

    Raises:
        TransientError: No answer, or not a good one.
    """
    import httpx

    try:
        async with httpx.AsyncClient(timeout=10, follow_redirects=False) as client:
            response = await client.get(url)
            response.raise_for_status()
    except httpx.HTTPError as error:
        raise TransientError("Fetching from Amazon SNS failed; it is tried again with the next message.") from error
    return response.content

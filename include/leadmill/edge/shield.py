"""ASGI middleware around every request: rate limit per client, security headers, an access log without secrets."""

from __future__ import annotations

import re
import time

import structlog
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leadmill.edge.pages import CONTENT_SECURITY_POLICY

_REFUSED_COST = 50  # a refused request weighs as much as fifty good ones: forging tokens is slow, Gmail's proxy is not
_REFUSED_FROM, _REFUSED_BELOW = 400, 500
_LOGGED_PATH = re.compile(r"/(?:healthz|webhooks/[a-z]{1,20}|[ocu](?=/))")  # never a token; nothing a stranger made up
_YEAR_SECONDS = 31_536_000

log = structlog.get_logger("leadmill.edge.access")


class Shield:
    """Wraps the app; see the module's line."""

    def __init__(self, app: ASGIApp, *, requests_per_minute: int, https: bool) -> None:
        self._app = app
        self._limit = RateLimitItemPerMinute(requests_per_minute)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._headers = {
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store, max-age=0",
            "X-Robots-Tag": "noindex, nofollow",
            "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        }
        if https:
            self._headers["Strict-Transport-Security"] = f"max-age={_YEAR_SECONDS}; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        client = scope["client"][0] if scope.get("client") else "unknown"
        try:
            if await self._limiter.hit(self._limit, client):
                await self._app(scope, receive, send_on)
            else:
                refusal = PlainTextResponse("Too many requests.", status_code=429, headers={"Retry-After": "60"})
                await refusal(scope, receive, send_on)
        finally:
            if _REFUSED_FROM <= status < _REFUSED_BELOW:
                await self._limiter.hit(self._limit, client, cost=_REFUSED_COST)
            log.info(
                "request",
                method=scope["method"],
                path=_logged(scope["path"]),
                status=status,
                milliseconds=round((time.perf_counter() - started) * 1000, 1),
            )


def _logged(path: str) -> str:
    found = _LOGGED_PATH.match(path)
    return found[0] if found else "other"

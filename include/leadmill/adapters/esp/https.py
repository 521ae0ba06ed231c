"""One HTTPS client for the providers' JSON and form APIs: it repeats nothing and knows whether a request left whole."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

from leadmill.domain.crash_points import CrashPoint, reached

if TYPE_CHECKING:
    import httpx

_IDLE_SECONDS = 4.0
"""Below what load balancers and servers keep an idle connection open for (5 s and more): a request on a connection that
the other side is just closing would be a doubt about every mail in it."""

_POINTS = {
    "connection.connect_tcp.started": CrashPoint.BEFORE_CONNECT,
    "http11.send_request_headers.started": CrashPoint.BEFORE_HAND_OVER,
    "http11.send_request_body.complete": CrashPoint.HANDED_OVER,
}


class NotHandedOver(Exception):
    """The request never left whole, so nothing in it was taken."""


class NoAnswer(Exception):
    """The request left whole and no answer came: what was in it may have been taken."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a server answered; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpsClient:
    """Keeps connections to one server; threads may share it."""

    def __init__(self, base_url: str, *, timeout_seconds: float, connections: int = 16) -> None:
        """`timeout_seconds` is for connecting, for each write, and for each wait for the answer."""
        self._base_url = base_url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._connections = connections
        self._opening = Lock()

    @cached_property
    def _client(self) -> httpx.Client:
        import httpx

        return httpx.Client(
            timeout=self._timeout_seconds,
            limits=httpx.Limits(max_connections=self._connections, keepalive_expiry=_IDLE_SECONDS),
            follow_redirects=False,
        )

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> HttpAnswer:
        """Post once.

        Raises:
            NotHandedOver: No connection, or it broke before the whole request was written.
            NoAnswer: It broke, or the time ran out, afterwards.
        """
        import httpx

        with self._opening:
            client = self._client
        left_whole = False

        def trace(event: str, _: Mapping[str, Any]) -> None:
            nonlocal left_whole
            left_whole = left_whole or event == "http11.send_request_body.complete"
            if event in _POINTS:
                reached(_POINTS[event])

        try:
            found = client.post(self._base_url + path, content=body, headers=dict(headers), extensions={"trace": trace})
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            if left_whole:
                raise NoAnswer(type(error).__name__) from error
            raise NotHandedOver(type(error).__name__) from error
        reached(CrashPoint.ANSWERED)
        return HttpAnswer(
            found.status_code, {name.lower(): value for name, value in found.headers.items()}, found.content
        )

    def close(self) -> None:
        """End the connections."""
        with contextlib.suppress(KeyError):
            self.__dict__.pop("_client").close()

"""Our own one-click unsubscribe link, tried over HTTP as mailbox providers use it."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx

from leadmill.domain.send_references import PROBE_HEADER, probe_answer, probe_token
from leadmill.ports.unsubscribe_probe import ProbeOutcome, ProbeResult

TIMEOUT_SECONDS = 5.0
"""Somebody waits in front of a page."""

_ONE_CLICK = {"List-Unsubscribe": "One-Click"}


class HttpUnsubscribeProbe:
    """Implements `ports.unsubscribe_probe.UnsubscribeProbe`.

    The link is signed like a real one and goes the same way through proxies and edge, up to the line that would keep
    the unsubscription. Its answer is signed, too: another server's page that says 200 to everything is found out.
    `neighbour_url` is where the edge is reached among containers; it is used where the base URL is a loopback one,
    which names another machine in each container. A public base URL is always tried itself.

    Source: RFC 8058 (POST without cookies or redirects; a GET must not act).
    """

    def __init__(
        self, edge_base_url: str, key: bytes, *, neighbour_url: str = "", timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._is_near = _is_local(edge_base_url)
        self._base_url = (neighbour_url if neighbour_url and self._is_near else edge_base_url).rstrip("/")
        self._key = key
        self._timeout_seconds = timeout_seconds

    def try_link(self) -> ProbeResult:
        nonce = secrets.token_hex(8)
        url = f"{self._base_url}/u/{probe_token(nonce, self._key)}"
        # A neighbour is not behind the environment's proxy; a public edge is reached as others reach it.
        with httpx.Client(timeout=self._timeout_seconds, trust_env=not self._is_near) as client:
            try:
                looked = client.get(url)
                client.cookies.clear()
                acted = client.post(url, data=_ONE_CLICK)
            except (httpx.TransportError, httpx.InvalidURL):
                return self._result(ProbeOutcome.UNREACHABLE, "does not answer")
            except httpx.RequestError:  # an answer that cannot be read: something else stands there
                return self._result(ProbeOutcome.FAILS, "is answered by something that is not this Leadmill's edge")
        wrong = self._wrong_with(looked, "a GET") or self._wrong_with(acted, "a POST")
        if not wrong and PROBE_HEADER in looked.headers:
            wrong = "acts on a GET: link scanners would unsubscribe people"
        if not wrong and not hmac.compare_digest(acted.headers.get(PROBE_HEADER, ""), probe_answer(nonce, self._key)):
            wrong = "is answered by something that is not this Leadmill's edge, or has another secret key"
        return self._result(ProbeOutcome.FAILS, wrong) if wrong else self._result(ProbeOutcome.WORKS)

    def _result(self, outcome: ProbeOutcome, detail: str = "") -> ProbeResult:
        return ProbeResult(outcome, self._base_url, detail)

    @staticmethod
    def _wrong_with(answer: httpx.Response, asked: str) -> str:
        if answer.is_redirect:
            return f"answers {asked} with a redirect, which mailbox providers do not follow"
        if answer.status_code != HTTPStatus.OK:
            return f"answers {asked} with {answer.status_code}"
        if "set-cookie" in answer.headers:
            return f"answers {asked} with a cookie"
        return ""


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

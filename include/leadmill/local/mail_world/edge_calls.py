"""What people and machines do with a mail's links: calls to the edge app, and to nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httpx

from leadmill.local.mail_world.chance import uniform
from leadmill.local.mail_world.mails import Links, Mail
from leadmill.local.mail_world.plan import Deed

APPLE_PRIVACY_AGENT = "Mozilla/5.0"
_GMAIL_PROXY = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
_SCANNER_AGENTS = (
    "Mozilla/5.0 (compatible; Barracuda Link Scanner)",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
)
_HUMAN_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15",
    "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Thunderbird/142.0",
)
_GMAIL_SHARE = 1 / 6
_SCAN_PAUSE_SECONDS = 0.2
_TRIES = 5
_ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request; `path` holds the query too."""

    method: str
    path: str
    user_agent: str
    ip: str
    pause_seconds: float = 0.0


def calls_for(deed: Deed, mail: Mail, links: Links, *, seed: int) -> list[Call]:
    """The requests of one deed, in order; none where the mail has no such link."""
    pick = uniform(seed, "agent", mail.recipient)
    person = _HUMAN_AGENTS[int(pick * len(_HUMAN_AGENTS))]
    home = _home_address(mail.recipient, seed)
    match deed:
        case Deed.MACHINE_OPEN:
            proxy = f"203.0.113.{1 + int(pick * 16)}"
            return [Call("GET", path, APPLE_PRIVACY_AGENT, proxy) for path in links.pixels]
        case Deed.SCAN:
            return _scan(links, _SCANNER_AGENTS[int(pick * len(_SCANNER_AGENTS))], f"192.0.2.{100 + int(pick * 8)}")
        case Deed.OPEN:
            agent = _GMAIL_PROXY if uniform(seed, "gmail", mail.recipient) < _GMAIL_SHARE else person
            return [Call("GET", path, agent, home) for path in links.pixels]
        case Deed.CLICK:
            chosen = int(uniform(seed, "which link", mail.recipient, mail.message_id) * len(links.clicks))
            return [Call("GET", path, person, home) for path in links.clicks[chosen : chosen + 1]]
        case Deed.UNSUBSCRIBE:
            path = links.one_click or next(iter(links.unsubscribes), "")
            return [Call("POST", path, person, home)] if path else []
    return []


def _scan(links: Links, agent: str, ip: str) -> list[Call]:
    """Every link, first by HEAD, then by GET, within seconds; the unsubscribe page among them."""
    paths = [*links.clicks, *links.unsubscribes]
    heads = [Call("HEAD", path, agent, ip) for path in paths]
    gets = [Call("GET", path, agent, ip, pause_seconds=_SCAN_PAUSE_SECONDS) for path in paths]
    return heads + gets


def _home_address(recipient: str, seed: int) -> str:
    number = int(uniform(seed, "home", recipient) * 131_070) + 1  # 198.18.0.0/15, reserved for tests (RFC 2544)
    return f"198.{18 + number // 65_536}.{number // 256 % 256}.{number % 256}"


class EdgeCaller:
    """Calls the edge app at a modest rate; a failed call is tried again, as a mail provider would."""

    def __init__(self, edge_url: str, *, requests_per_second: float) -> None:
        self._client = httpx.AsyncClient(
            base_url=edge_url, timeout=10, trust_env=False, limits=httpx.Limits(max_connections=8)
        )
        self._gap = 1.0 / requests_per_second
        self._next = 0.0

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def make(self, call: Call) -> int:
        """Make one call. Returns its HTTP status, or 0 where nobody answered in five tries."""
        if call.pause_seconds:
            await asyncio.sleep(call.pause_seconds)
        headers = {"User-Agent": call.user_agent, "X-Forwarded-For": call.ip}
        data = _ONE_CLICK if call.method == "POST" else None
        return await self._request(call.method, call.path, headers=headers, data=data)

    async def post_events(self, path: str, body: bytes, headers: dict[str, str]) -> int:
        """Post a provider's webhook body. Returns as `make` does."""
        return await self._request("POST", path, headers=headers, content=body)

    async def _request(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str],
        data: dict[str, str] | None = None,
        content: bytes | None = None,
    ) -> int:
        for attempt in range(_TRIES):
            await self._wait_for_turn()
            try:
                response = await self._client.request(method, path, headers=headers, data=data, content=content)
            except httpx.HTTPError:
                await asyncio.sleep(0.5 * 2**attempt)
                continue
            if response.status_code != httpx.codes.TOO_MANY_REQUESTS and not response.is_server_error:
                return response.status_code
            await asyncio.sleep(0.5 * 2**attempt)
        return 0

    async def _wait_for_turn(self) -> None:
        loop = asyncio.get_running_loop()
        self._next = max(self._next + self._gap, loop.time())
        await asyncio.sleep(self._next - loop.time())

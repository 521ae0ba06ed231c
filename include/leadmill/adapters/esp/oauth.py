"""Access tokens for XOAUTH2: kept until shortly before their end, then fetched anew by the refresh token (RFC 6749 §6).

A secret is either an access token as it is, or a JSON object with `refresh_token`, `client_id` and `client_secret` (the
last may be missing for a public client). Nothing of it is logged or stored; tokens live in this process only.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from leadmill.adapters.esp.config_values import is_private_address
from leadmill.errors import ConfigInvalid, CredentialsRejected, LeadmillError, ProviderThrottled, ProviderUnavailable

_EARLY_SECONDS = 300.0
"""A token is fetched anew so long before its end: a lane's minute and a slow server fit into it."""

_LIFE_SECONDS = 3_600.0
"""Where the answer does not say how long a token lives: what Google and Microsoft give."""

_REFUSED = frozenset({"invalid_grant", "invalid_client", "unauthorized_client", "invalid_scope"})


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """Where tokens are fetched, and for what; `scope` may be empty."""

    url: str
    scope: str = ""
    timeout_seconds: float = 30.0


@dataclass(slots=True)
class _Token:
    text: str
    ends_at: float  # on the monotonic clock


@dataclass(slots=True)
class AccessTokens:
    """The tokens of one process, by refresh token and endpoint; lanes and mailboxes share them."""

    _tokens: dict[tuple[str, str], _Token] = field(default_factory=dict)

    async def token(
        self, secret: Callable[[], str], endpoint: TokenEndpoint, *, anew: bool = False, lane_of: str
    ) -> str:
        """An access token that is good for some minutes; `anew` after the server refused the last one.

        Raises:
            CredentialsRejected: The refresh token or the client was refused, or there is no way to renew.
            ProviderThrottled, ProviderUnavailable: The token endpoint asks to wait, or gives no answer.
            ConfigInvalid: The secret or the endpoint makes no sense.
        """
        text = secret()
        if not text.lstrip().startswith("{"):
            if anew:
                raise CredentialsRejected(f"{lane_of}: the access token was refused, and its secret cannot renew it.")
            return text
        grant = _grant(text, lane_of)
        key = (grant["refresh_token"], endpoint.url)
        known = self._tokens.get(key)
        if known is None or anew or known.ends_at - time.monotonic() < _EARLY_SECONDS:
            known = await _fetched(grant, endpoint, lane_of)
            self._tokens[key] = known
        return known.text


def _grant(secret: str, lane_of: str) -> dict[str, str]:
    """The form of a refresh request."""
    try:
        found = json.loads(secret)
        form = {name: str(found[name]) for name in ("refresh_token", "client_id")}
    except (ValueError, KeyError, TypeError):
        raise ConfigInvalid(
            f"{lane_of}: its secret must be an access token, or JSON with refresh_token, client_id and client_secret."
        ) from None
    if found.get("client_secret"):
        form["client_secret"] = str(found["client_secret"])
    return form | {"grant_type": "refresh_token"}


async def _fetched(grant: dict[str, str], endpoint: TokenEndpoint, lane_of: str) -> _Token:
    import httpx

    if not is_private_address(endpoint.url):
        raise ConfigInvalid(f"{lane_of}: oauth_endpoint must be an https address; it would show the refresh token.")
    form = grant | ({"scope": endpoint.scope} if endpoint.scope else {})
    try:
        # Redirects are not followed: they would carry the refresh token elsewhere.
        async with httpx.AsyncClient(timeout=endpoint.timeout_seconds, follow_redirects=False) as client:
            answer = await client.post(endpoint.url, data=form, headers={"Accept": "application/json"})
    except httpx.HTTPError as error:
        message = f"{lane_of}: no answer from the token endpoint ({type(error).__name__})."
        raise ProviderUnavailable(message) from None
    body = _body(answer)
    if answer.status_code == HTTPStatus.OK and isinstance(body.get("access_token"), str):
        life = body.get("expires_in")
        seconds = float(life) if isinstance(life, int | float | str) and str(life).isdigit() else _LIFE_SECONDS
        return _Token(body["access_token"], time.monotonic() + seconds)
    raise _refusal(answer.status_code, str(body.get("error", "")), lane_of)


def _body(answer: Any) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _refusal(status: int, error: str, lane_of: str) -> LeadmillError:
    if error in _REFUSED or status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        word = error if error in _REFUSED else status
        return CredentialsRejected(f"{lane_of}: the token endpoint refused the refresh token ({word}); log in anew.")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return ProviderThrottled(f"{lane_of}: the token endpoint asks to wait (429).", retry_after=60.0)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ProviderUnavailable(f"{lane_of}: the token endpoint failed on its side ({status}).")
    return ConfigInvalid(f"{lane_of}: the token endpoint did not understand the request ({status}).")

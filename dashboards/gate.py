"""The gate before Streamlit: nothing but the doors and static files is served without a session (ADR 0014, 0015)."""

from __future__ import annotations

import logging
from time import monotonic
from urllib.parse import quote

import page
from anyio.to_thread import run_sync
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leadmill.errors import LeadmillError

_OPEN_PATHS = frozenset({"/login", "/register", "/logout", "/healthz", "/_stcore/health", "/favicon.png"})
_OPEN_FOLDER = "/static/"  # Streamlit's own scripts and styles, the same for everybody
_CLOSE = {"type": "websocket.close", "code": 1008, "reason": "no session"}
_log = logging.getLogger("leadmill.dashboards")


class SessionRequired:
    """Middleware: without a good session, documents lead to the log-in page and everything else is refused.

    A WebSocket lives on for hours and parts of pages refresh by themselves: it ends when its session has ended.
    """

    def __init__(self, app: ASGIApp, *, recheck_seconds: float = 15.0) -> None:
        """`recheck_seconds`: how long an open WebSocket goes on before its session is looked at again."""
        self._app = app
        self._recheck_seconds = recheck_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass, redirect or refuse one connection."""
        if scope["type"] == "lifespan" or _is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        token = connection.cookies.get(page.SESSION_COOKIE, "")
        try:
            is_good = await _is_good(token)
        except LeadmillError as error:  # the ledger does not answer
            _log.warning("could not look at a session: %s", error)
            await _refuse(scope, receive, send, status=503, reason="The ledger does not answer; try again in a minute.")
            return
        if is_good:
            is_socket = scope["type"] == "websocket"
            passed_on = _ended_with_session(send, token, self._recheck_seconds) if is_socket else _never_framed(send)
            await self._app(scope, receive, passed_on)
        elif scope["type"] == "http" and "text/html" in connection.headers.get("accept", ""):
            await RedirectResponse(_log_in_path(scope), status_code=303)(scope, receive, send)
        else:
            await _refuse(scope, receive, send, status=401, reason="Log in first.")


async def _is_good(token: str) -> bool:
    return bool(token) and await run_sync(page.leadmill().session_holder, token, page.now()) is not None


async def _refuse(scope: Scope, receive: Receive, send: Send, *, status: int, reason: str) -> None:
    if scope["type"] == "websocket":
        await send(_CLOSE)
    else:
        await Response(reason, status_code=status)(scope, receive, send)


def _ended_with_session(send: Send, token: str, recheck_seconds: float) -> Send:
    """Pass on what a WebSocket sends while its session is good; then close it, and send nothing more.

    The close comes one period after the end was seen: a click within it gets navigation.py's sentence with the way to
    the log-in, where a closed socket is a bare "Connection error".
    """
    checked_at, is_ending, is_closed = monotonic(), False, False

    async def send_while_good(message: Message) -> None:
        nonlocal checked_at, is_ending, is_closed
        if is_closed:
            return
        if monotonic() - checked_at >= recheck_seconds:
            checked_at = monotonic()
            if is_ending:
                is_closed, message = True, _CLOSE
            else:
                is_ending = not await _is_good(token)
        await send(message)

    return send_while_good


def _is_open(path: str) -> bool:
    return path in _OPEN_PATHS or path.startswith(_OPEN_FOLDER)


def _log_in_path(scope: Scope) -> str:
    """The log-in page that leads back to where the visitor wanted to go."""
    query = scope.get("query_string", b"").decode("latin-1")
    wanted = f"{scope['path']}?{query}" if query else scope["path"]
    return "/login" if wanted == "/" else f"/login?next={quote(wanted, safe='')}"


def _never_framed(send: Send) -> Send:
    """Add the header that keeps other sites from framing our pages (clickjacking)."""

    async def send_with_header(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", []), (b"x-frame-options", b"SAMEORIGIN")]
            message = {**message, "headers": headers}
        await send(message)

    return send_with_header

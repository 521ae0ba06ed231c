"""The doors of the dashboards: log in, register, log out, health.

The session's JWT travels in an HttpOnly, SameSite=Lax cookie, so no script can read it and no other site can post with
it. Forms are taken from our own origin only; those that need no session carry a token that must equal a
SameSite=Strict cookie (ADR 0014).
"""

from __future__ import annotations

import hmac
import logging
import secrets
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import page
from anyio.to_thread import run_sync
from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from leadmill.domain.passwords import MIN_PASSWORD_CHARACTERS, SESSION_DURATION
from leadmill.errors import LeadmillError, LogInRefused, NotAllowed

FORM_COOKIE = "leadmill_form"
_MOST_FORM_BYTES = 16_384
"""Far more than an address, a name and a password; anybody may post here."""
_TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)
_HEADERS = {
    "Cache-Control": "no-store",
    # Not "no-referrer": with it browsers send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
}
_log = logging.getLogger("leadmill.dashboards")


def routes() -> list[Route]:
    """The routes beside Streamlit's own."""
    return [
        Route("/login", _log_in, methods=["GET", "POST"]),
        Route("/register", _register, methods=["GET", "POST"]),
        Route("/logout", _log_out, methods=["GET", "POST"]),
        Route("/healthz", _health, methods=["GET"]),
    ]


async def _log_in(request: Request) -> Response:
    target = _own_path(request.query_params.get("next", "/"))
    if request.method == "GET":
        return _form(request, "log_in.html", next=target, may_register=_may_register())
    form = await _posted(request)
    email, password = form.get("email", ""), form.get("password", "")

    def act() -> str:
        _check_form(request, form.get("form_token", ""))
        return page.leadmill().log_in(email, password, page.now())

    return await _answer(request, act, "log_in.html", target, email=email, next=target, may_register=_may_register())


async def _register(request: Request) -> Response:
    token = request.query_params.get("token", "")
    if request.method == "GET":
        return await _registration_page(request, token)
    form = await _posted(request)
    email, name, password = (form.get(field, "") for field in ("email", "full_name", "password"))

    def act() -> str:
        _check_form(request, form.get("form_token", ""))
        leadmill, as_of = page.leadmill(), page.now()
        if token:
            user_id = leadmill.accept_invitation(token, name, password, as_of)
        else:
            user_id = leadmill.register_self(email, name, password, as_of)
        return leadmill.open_session(user_id, as_of)

    return await _answer(
        request, act, "register.html", "/", email=email, full_name=name, token=token, invited=bool(token)
    )


async def _registration_page(request: Request, token: str) -> Response:
    if not token and not _may_register():
        return _form(request, "closed.html", status=403, error="Registration is by invitation; ask an administrator.")
    if not token:
        return _form(request, "register.html", email="", full_name="", token="", invited=False)
    try:
        found = await run_sync(page.leadmill().invitation, token, page.now())
    except LeadmillError as error:
        return _form(request, "closed.html", status=404, error=str(error))
    return _form(request, "register.html", email=found.email, full_name="", token=token, invited=True)


async def _log_out(request: Request) -> Response:
    if request.method != "POST":  # a link or an image must not log anybody out
        return RedirectResponse("/", status_code=303, headers=_HEADERS)
    # SameSite=Lax keeps the cookie off other sites' posts, but the answer would still delete it.
    if not _is_own_origin(request):
        return Response("This request came from elsewhere.", status_code=403, headers=_HEADERS)
    token = request.cookies.get(page.SESSION_COOKIE, "")
    if token:
        await run_sync(page.leadmill().log_out, token, page.now())
    response = RedirectResponse("/login", status_code=303, headers=_HEADERS)
    response.delete_cookie(page.SESSION_COOKIE, path="/")
    return response


async def _health(_request: Request) -> Response:
    if await run_sync(page.leadmill().ledger_answers):
        return JSONResponse({"status": "ok"})
    return JSONResponse({"status": "the ledger does not answer"}, status_code=503)


async def _answer(request: Request, act: Callable[[], str], template: str, target: str, **shown: object) -> Response:
    """Do what a form asks: on success a session cookie and a redirect, otherwise the form again with the reason."""
    try:
        token = await run_sync(act)
    except LeadmillError as error:
        refused = isinstance(error, LogInRefused | NotAllowed)
        return _form(request, template, status=401 if refused else 422, error=str(error), **shown)
    except Exception:  # noqa: BLE001 - a failure nobody foresaw becomes a sentence with a reference into the log
        reference = secrets.token_hex(4)
        _log.exception("reference %s: %s failed", reference, request.url.path)
        return _form(request, template, status=500, error=f"Something went wrong, reference {reference}.", **shown)
    response = RedirectResponse(target, status_code=303, headers=_HEADERS)
    seconds = int(SESSION_DURATION.total_seconds())
    response.set_cookie(
        page.SESSION_COOKIE, token, max_age=seconds, httponly=True, samesite="lax", secure=_is_https(), path="/"
    )
    return response


def _form(request: Request, template: str, *, status: int = 200, error: str = "", **shown: object) -> Response:
    form_token = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(24)
    text = _TEMPLATES.get_template(template).render(
        form_token=form_token, error=error, min_password=MIN_PASSWORD_CHARACTERS, **shown
    )
    response = HTMLResponse(text, status_code=status, headers=_HEADERS)
    response.set_cookie(FORM_COOKIE, form_token, httponly=True, samesite="strict", secure=_is_https(), path="/")
    return response


async def _posted(request: Request) -> dict[str, str]:
    """The fields of a posted form; empty where it is longer than any of ours can be, which no form then accepts."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_FORM_BYTES:
            return {}
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _is_own_origin(request: Request) -> bool:
    """Whether a form was posted from a page of ours; browsers name the origin with every post."""
    origin = request.headers.get("origin")
    if origin is None:
        return True
    ours = {request.headers.get("host", ""), urlsplit(page.leadmill().settings.streamlit_base_url).netloc}
    return urlsplit(origin).netloc in ours - {""}


def _check_form(request: Request, form_token: str) -> None:
    expected = request.cookies.get(FORM_COOKIE, "")
    if not _is_own_origin(request) or not expected or not hmac.compare_digest(expected.encode(), form_token.encode()):
        raise NotAllowed("This form was open for too long or came from elsewhere; try again.")


def _own_path(target: str) -> str:
    """A path on this server, so that the log-in leads nowhere else."""
    is_own = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if is_own else "/"


def _is_https() -> bool:
    return page.leadmill().settings.streamlit_base_url.startswith("https://")


def _may_register() -> bool:
    return page.leadmill().settings.allow_self_registration

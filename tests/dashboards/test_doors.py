"""The doors of the dashboards over HTTP: what a browser, another site and a stranger get."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from leadmill import bootstrap
from leadmill.adapters.credentials import BcryptPasswords
from leadmill.bootstrap import App
from leadmill.domain.access import Actor, Role

DASHBOARDS = Path(__file__).resolve().parents[2] / "dashboards"
ROOT = Actor("root@acme.test", Role.ADMIN)
BASE = "http://127.0.0.1:8501"
SESSION, FORM = "leadmill_session", "leadmill_form"


async def a_page(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"page {request.url.path}")


async def a_stream(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    async for said in socket.iter_text():
        await socket.send_text(said)


@pytest.fixture
def password(app: App) -> str:
    """The password of root@acme.test; hashes cost as little as bcrypt permits."""
    app.__dict__["_passwords"] = BcryptPasswords(rounds=4)
    password = app.ensure_first_admin(ROOT.email, datetime.now(UTC))
    assert password
    return password


@pytest.fixture
def browser(app: App, password: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A browser before our doors, with a page and a stream behind them in Streamlit's place."""
    monkeypatch.syspath_prepend(str(DASHBOARDS))
    monkeypatch.setattr(bootstrap, "app", lambda: app)
    import doors
    import gate

    inner = [Route("/{path:path}", a_page), WebSocketRoute("/_stcore/stream", a_stream)]
    served = Starlette(
        routes=[*doors.routes(), *inner], middleware=[Middleware(gate.SessionRequired, recheck_seconds=0)]
    )
    with TestClient(served, base_url=BASE, follow_redirects=False, headers={"accept": "text/html"}) as client:
        yield client


def post(browser: TestClient, path: str, *, origin: str | None = BASE, token: str | None = None, **fields: str):
    """A form's post as a browser makes it: the page first, then its fields."""
    shown = browser.get(path).text
    found = re.search(r'name="form_token" value="([^"]+)"', shown)
    form = {"form_token": token if token is not None else found[1] if found else "", **fields}
    return browser.post(path, data=form, headers={"origin": origin} if origin else {})


def log_in(browser: TestClient, password: str, path: str = "/login", **options):
    return post(browser, path, email=ROOT.email, password=password, **options)


def test_a_good_password_gives_a_cookie_that_scripts_and_other_sites_cannot_use(
    browser: TestClient, password: str
) -> None:
    answer = log_in(browser, password)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith(SESSION)
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie
    assert answer.headers["cache-control"] == "no-store"
    assert browser.get("/leads").text == "page /leads"


def test_the_cookie_is_for_https_alone_where_the_dashboards_are(app: App, browser: TestClient, password: str) -> None:
    app.settings = app.settings.model_copy(update={"streamlit_base_url": "https://mail.acme.test"})
    browser.base_url = "https://mail.acme.test"
    answer = log_in(browser, password, origin="https://mail.acme.test")
    assert answer.status_code == 303
    assert "; secure" in answer.headers["set-cookie"].lower()


def test_a_wrong_password_is_a_sentence_and_no_session(browser: TestClient) -> None:
    answer = log_in(browser, "wrong <b>password</b>")
    assert answer.status_code == 401
    assert "The e-mail address or the password is wrong" in answer.text
    assert ROOT.email in answer.text
    assert "wrong <b>" not in answer.text
    assert SESSION not in browser.cookies


@pytest.mark.parametrize("origin", ["https://evil.test", "null", "http://127.0.0.1.evil.test:8501"])
def test_a_form_from_another_site_is_refused(browser: TestClient, password: str, origin: str) -> None:
    answer = log_in(browser, password, origin=origin)
    assert answer.status_code == 401
    assert "came from elsewhere" in answer.text
    assert SESSION not in browser.cookies


def test_a_form_without_the_token_of_its_cookie_is_refused(browser: TestClient, password: str) -> None:
    assert log_in(browser, password, token="guessed").status_code == 401
    browser.get("/login")
    token = browser.cookies[FORM]
    browser.cookies.clear()
    answer = browser.post("/login", data={"form_token": token, "email": ROOT.email, "password": password})
    assert answer.status_code == 401
    assert SESSION not in browser.cookies


def test_a_form_of_endless_length_is_not_read(browser: TestClient, password: str) -> None:
    assert log_in(browser, password + "x" * 20_000).status_code == 401


@pytest.mark.parametrize(
    "target", ["https://evil.test", "//evil.test", "/\\evil.test", "/\t/evil.test", "javascript:alert(1)", ""]
)
def test_the_log_in_leads_to_no_other_site(browser: TestClient, password: str, target: str) -> None:
    shown = str(browser.build_request("GET", "/login", params={"next": target}).url)
    assert log_in(browser, password, shown).headers["location"] == "/"


def test_the_log_in_leads_back_to_the_page_that_was_asked_for(browser: TestClient, password: str) -> None:
    sent_away = browser.get("/leads?lead=7&tab=history")
    assert sent_away.status_code == 303
    answer = log_in(browser, password, sent_away.headers["location"])
    assert answer.headers["location"] == "/leads?lead=7&tab=history"


def test_without_a_session_nothing_is_served_but_the_doors_and_static_files(browser: TestClient) -> None:
    for path in ("/", "/leads", "/_stcore/upload_file/x", "/media/x"):
        assert browser.get(path).status_code == 303
        assert browser.get(path, headers={"accept": "*/*"}).status_code == 401
        assert browser.post(path, headers={"accept": "*/*"}).status_code in {401, 405}
    assert browser.get("/static/app.js").status_code == 200
    assert browser.get("/static/../leads").status_code == 303


def test_a_websocket_needs_a_session(browser: TestClient, password: str) -> None:
    with pytest.raises(WebSocketDisconnect), browser.websocket_connect("/_stcore/stream"):
        pass
    browser.cookies.set(SESSION, "forged.token.here")
    with pytest.raises(WebSocketDisconnect), browser.websocket_connect("/_stcore/stream"):
        pass
    browser.cookies.clear()
    log_in(browser, password)
    headers = {"cookie": f"{SESSION}={browser.cookies[SESSION]}"}
    with browser.websocket_connect("/_stcore/stream", headers=headers) as socket:
        assert socket.receive_text() == "hello"


def test_an_open_websocket_ends_with_its_session(browser: TestClient, app: App, password: str) -> None:
    log_in(browser, password)
    token = browser.cookies[SESSION]
    with browser.websocket_connect("/_stcore/stream", headers={"cookie": f"{SESSION}={token}"}) as socket:
        assert socket.receive_text() == "hello"
        socket.send_text("still here")
        assert socket.receive_text() == "still here"
        app.log_out(token, datetime.now(UTC))
        socket.send_text("one more, with which the page says that the session has ended")
        socket.receive_text()
        socket.send_text("and now")
        with pytest.raises(WebSocketDisconnect):
            socket.receive_text()


def test_logging_out_revokes_the_session_and_only_by_post(browser: TestClient, app: App, password: str) -> None:
    log_in(browser, password)
    token = browser.cookies[SESSION]
    assert browser.get("/logout").headers["location"] == "/"
    assert browser.get("/leads").status_code == 200
    answer = browser.post("/logout", headers={"origin": BASE})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert SESSION not in browser.cookies
    assert app.session_actor(token, datetime.now(UTC)) is None


def test_another_site_logs_nobody_out(browser: TestClient, password: str) -> None:
    log_in(browser, password)
    answer = browser.post("/logout", headers={"origin": "https://evil.test"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert browser.get("/leads").status_code == 200


def test_an_invitation_link_leads_to_a_logged_in_user_once(browser: TestClient, app: App) -> None:
    link = app.invite_user(ROOT, "ada@acme.test", Role.ANALYST, datetime.now(UTC)).removeprefix(BASE)
    assert 'value="ada@acme.test"' in browser.get(link).text
    weak = post(browser, link, email="eve@acme.test", full_name="Ada Lovelace", password="short")
    assert weak.status_code == 422
    assert "at least 12 characters" in weak.text
    answer = post(browser, link, email="eve@acme.test", full_name="Ada Lovelace", password="four quiet brown horses")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    actor = app.session_actor(browser.cookies[SESSION], datetime.now(UTC))
    assert actor == Actor("ada@acme.test", Role.ANALYST)  # the invitation's address, not the form's
    again = browser.get(link)
    assert again.status_code == 404
    assert "used, withdrawn or has expired" in again.text


def test_registration_without_an_invitation_is_a_setting(browser: TestClient, app: App) -> None:
    assert browser.get("/register").status_code == 403
    assert 'href="/register"' not in browser.get("/login").text
    fields = {"email": "ada@acme.test", "full_name": "Ada", "password": "four quiet brown horses"}
    browser.cookies.set(FORM, "t")
    assert browser.post("/register", data={"form_token": "t", **fields}).status_code == 401
    app.settings = app.settings.model_copy(update={"allow_self_registration": True})
    assert 'href="/register"' in browser.get("/login").text
    browser.cookies.clear()
    assert post(browser, "/register", **fields).status_code == 303
    assert app.session_actor(browser.cookies[SESSION], datetime.now(UTC)) == Actor("ada@acme.test", Role.VIEWER)


def test_pages_cannot_be_framed_by_other_sites(browser: TestClient, password: str) -> None:
    assert "frame-ancestors 'none'" in browser.get("/login").headers["content-security-policy"]
    log_in(browser, password)
    assert browser.get("/leads").headers["x-frame-options"] == "SAMEORIGIN"


def test_health_says_whether_the_ledger_answers(browser: TestClient, app: App) -> None:
    assert browser.get("/healthz").status_code == 200
    app.database.close()
    assert browser.get("/healthz").status_code == 503


def test_the_served_app_is_streamlit_behind_our_doors() -> None:
    sys.path.insert(0, str(DASHBOARDS))
    import gate
    import streamlit_app
    from streamlit.starlette import App as StreamlitApp

    assert isinstance(streamlit_app.app, StreamlitApp)
    assert [entry.cls for entry in streamlit_app.app._user_middleware] == [gate.SessionRequired]

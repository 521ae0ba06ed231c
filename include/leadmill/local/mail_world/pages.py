"""Pages to look at what arrived. A mail's HTML is shown in a sandbox that loads and runs nothing."""

from __future__ import annotations

import html
from collections import Counter
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from leadmill.local.mail_world.journal import Journal
from leadmill.local.mail_world.mails import Mail, body_of, links_of, parse
from leadmill.local.mail_world.population import Population

_PAGE_SIZE = 100
_SHOWN_HEADERS = (
    "From",
    "To",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'self'"
_FRAME_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1d2733}"
    "table{border-collapse:collapse;width:100%}"
    "td,th{padding:.35rem .6rem;border-bottom:1px solid #dde3ea;text-align:left}"
    "th{color:#5a6b7d;font-weight:600}a{color:#0b5cad}pre{white-space:pre-wrap;background:#f6f8fa;padding:1rem}"
    "iframe{width:100%;height:32rem;border:1px solid #dde3ea}.n{color:#5a6b7d}input{font:inherit;padding:.2rem .5rem}"
)


def make_pages(journal: Journal, population: Population | None) -> Starlette:
    """The browsing app: `/`, `/mails/{number}`, `/mails/{number}/html|raw`, and counts under `/api/`."""

    async def listing(request: Request) -> Response:
        wanted = request.query_params.get("q", "").strip().lower()
        page = _whole(request.query_params.get("page", "1"), at_least=1)
        mails = [mail for mail in reversed(journal.mails) if not wanted or wanted in _searched(mail)]
        shown = mails[(page - 1) * _PAGE_SIZE : page * _PAGE_SIZE]
        return _page("What the simulated recipients received", _listing(shown, mails, wanted, page, population))

    async def show(request: Request) -> Response:
        mail = _mail(journal, request)
        if mail is None:
            return PlainTextResponse("No such mail.", status_code=404)
        return _page(mail.subject or "(no subject)", _mail_page(mail, journal.content(mail)))

    async def show_html(request: Request) -> Response:
        mail = _mail(journal, request)
        if mail is None:
            return PlainTextResponse("No such mail.", status_code=404)
        body = body_of(parse(journal.content(mail)), "html")
        return HTMLResponse(body, headers={"Content-Security-Policy": _FRAME_POLICY, "Referrer-Policy": "no-referrer"})

    async def raw(request: Request) -> Response:
        mail = _mail(journal, request)
        if mail is None:
            return PlainTextResponse("No such mail.", status_code=404)
        return Response(journal.content(mail), media_type="text/plain", headers={"X-Content-Type-Options": "nosniff"})

    async def received(request: Request) -> Response:
        found = journal.received(
            recipient=request.query_params.get("recipient", ""), message_id=request.query_params.get("message_id", "")
        )
        return JSONResponse({"copies": len(found), "numbers": [mail.number for mail in found[:1000]]})

    async def counts(_: Request) -> Response:
        return JSONResponse(_counts(journal, population))

    return Starlette(
        routes=[
            Route("/", listing),
            Route("/mails/{number:int}", show),
            Route("/mails/{number:int}/html", show_html),
            Route("/mails/{number:int}/raw", raw),
            Route("/api/received", received),
            Route("/api/counts", counts),
        ]
    )


def _counts(journal: Journal, population: Population | None) -> dict[str, object]:
    copies = journal.copies()
    return {
        "received": len(journal.mails),
        "more_than_one_copy": sum(1 for number in copies.values() if number > 1),
        "by_relay": Counter(mail.relay.value for mail in journal.mails),
        "by_sender": Counter(mail.sender for mail in journal.mails),
        "refused": journal.refusals,
        "done": Counter(name.rpartition(":")[2] for name in journal.done),
        "pending": population.pending if population else 0,
        "edge_answers": population.answers if population else {},
    }


def _listing(shown: list[Mail], found: list[Mail], wanted: str, page: int, population: Population | None) -> str:
    rows = "".join(
        f"<tr><td class=n>{_clock(mail)}</td><td>{_text(mail.sender)}</td><td>{_text(mail.recipient)}</td>"
        f'<td><a href="/mails/{mail.number}">{_text(mail.subject or "(no subject)")}</a></td>'
        f"<td class=n>{mail.relay.value}</td></tr>"
        for mail in shown
    )
    more = f'<a href="/?q={_text(wanted)}&page={page + 1}">older</a>' if page * _PAGE_SIZE < len(found) else ""
    pending = f", {population.pending} reactions to come" if population else ""
    return (
        f'<form><input name=q value="{_text(wanted)}" placeholder="address, subject or Message-ID"> '
        f"<span class=n>{len(found)} mails{pending} · <a href=/api/counts>counts</a></span></form>"
        f"<table><tr><th>received (UTC)<th>from<th>to<th>subject<th>by</tr>{rows}</table><p>{more}</p>"
    )


def _mail_page(mail: Mail, content: bytes) -> str:
    message = parse(content)
    headers = "".join(
        f"<tr><th>{name}</th><td>{_text(str(message[name]))}</td></tr>" for name in _SHOWN_HEADERS if message[name]
    )
    links = links_of(message)
    listed = "".join(f"<li>{_text(path)}</li>" for path in (*links.pixels, *links.clicks, *links.unsubscribes))
    return (
        f'<p><a href="/">all mails</a> · <a href="/mails/{mail.number}/raw">source</a> '
        f"<span class=n>· {mail.byte_size} bytes, {_clock(mail)}, by {mail.relay.value}</span></p>"
        f'<table>{headers}</table><h2>HTML</h2><iframe sandbox src="/mails/{mail.number}/html"></iframe>'
        f"<h2>Text</h2><pre>{_text(body_of(message, 'plain'))}</pre><h2>Tracked links</h2><ul>{listed}</ul>"
    )


def _page(title: str, body: str) -> HTMLResponse:
    text = (
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{_text(title)}</title><style>{_STYLE}</style><h1>{_text(title)}</h1>{body}</html>"
    )
    return HTMLResponse(text, headers={"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer"})


def _mail(journal: Journal, request: Request) -> Mail | None:
    number = request.path_params["number"]
    return journal.mails[number - 1] if 1 <= number <= len(journal.mails) else None


def _searched(mail: Mail) -> str:
    return f"{mail.sender} {mail.recipient} {mail.subject} {mail.message_id}".lower()


def _whole(text: str, *, at_least: int) -> int:
    return max(int(text), at_least) if text.isascii() and text.isdigit() else at_least


def _clock(mail: Mail) -> str:
    return datetime.fromtimestamp(mail.received_at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _text(text: str) -> str:
    return html.escape(text, quote=True)

"""The few pages a recipient ever sees: small, without scripts, readable by every browser and screen reader."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from starlette.responses import HTMLResponse

from leadmill.domain.send_references import PROBE_HEADER

_STYLE = (
    "body{margin:0;font:1.125rem/1.6 system-ui,sans-serif;color:#1b2430;background:#f5f6f8}"
    "main{max-width:34rem;margin:12vh auto;padding:2rem;background:#fff;border-radius:12px;"
    "box-shadow:0 1px 4px rgba(20,30,50,.12)}"
    "h1{font-size:1.5rem;line-height:1.25;margin:0 0 .75rem}p{margin:0 0 1.25rem}"
    "button{font:inherit;font-weight:600;color:#fff;background:#1d4ed8;border:0;border-radius:8px;"
    "padding:.75rem 1.5rem;cursor:pointer}button:hover{background:#1e40af}"
    "button:focus-visible{outline:3px solid #f59e0b;outline-offset:2px}"
    "@media(prefers-color-scheme:dark){body{color:#e6e9ef;background:#11151c}main{background:#1b212c}}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_BUTTON = (
    '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">'
    '<button type="submit">Unsubscribe</button></form>'
)


def _page(title: str, text: str, *, status: int = 200, form: str = "") -> HTMLResponse:
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1><p>{escape(text)}</p>{form}</main></body></html>",
        status_code=status,
    )


def ask_to_unsubscribe(*, status: int = 200) -> HTMLResponse:
    """The page behind a GET: a button, and nothing happens until it is pressed."""
    return _page(
        "Stop these e-mails?",
        "Press the button and we will not write to this address again.",
        status=status,
        form=_BUTTON,
    )


def unsubscribed() -> HTMLResponse:
    """The page after the button."""
    return _page("You are unsubscribed", "We will not write to this address again. You can close this page.")


def probed(answer: str) -> HTMLResponse:
    """The answer to our own pre-flight."""
    response = _page("The unsubscribe link works", "This was a test of ours; nobody was unsubscribed.")
    response.headers[PROBE_HEADER] = answer
    return response


def preview_only() -> HTMLResponse:
    """The page after the button in a preview."""
    return _page("This was a preview", "The link of a preview belongs to nobody, so nobody was unsubscribed.")


def try_again_later() -> HTMLResponse:
    """The page where an unsubscription could not be stored."""
    response = _page("Please try again", "Something on our side failed. Please try again in a minute.", status=503)
    response.headers["Retry-After"] = "60"
    return response


def link_not_valid() -> HTMLResponse:
    """The page for a token that is not ours."""
    return _page(
        "This link is not valid",
        "It may have been cut off. Please open the link from the e-mail again, or answer the e-mail to unsubscribe.",
        status=404,
    )


def target_not_valid() -> HTMLResponse:
    """The page for a click link whose target was tampered with."""
    return _page(
        "This link is not valid", "We do not forward to addresses that we did not put into our e-mail.", status=400
    )

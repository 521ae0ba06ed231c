"""What a recipient's mail client or browser calls: unsubscribe, open pixel, click redirect."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from typing import Literal
from urllib.parse import parse_qs
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from leadmill.domain.send_references import (
    NO_SEND,
    LinkKind,
    clicked_url,
    nonce_of_probe,
    probe_answer,
    send_id_of_token,
)
from leadmill.edge import pages
from leadmill.edge.bodies import BodyTooLarge, read_body
from leadmill.edge.journal import EdgeEvent, Journal
from leadmill.errors import StoreUnavailable

_GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")  # one transparent pixel
_FORM_BYTES_MAX = 8_192
_TEXT_CHARACTERS_MAX = 1_000  # of a user agent or URL that we keep


@dataclass(frozen=True, slots=True)
class Links:
    """The endpoints of signed links; `key` signs, `journal` keeps what happened."""

    key: bytes
    journal: Journal

    async def open_pixel(self, request: Request) -> Response:
        """`GET /o/{token}.gif`: a transparent pixel; a genuine token counts as an open."""
        send_id = send_id_of_token(LinkKind.OPEN, request.path_params["token"], self.key)
        if send_id is None:
            return Response(_GIF, status_code=404, media_type="image/gif")
        self.journal.note(_event(request, "opened", send_id))
        return Response(_GIF, media_type="image/gif")

    async def follow_click(self, request: Request) -> Response:
        """`GET /c/{token}?u=`: on to the URL that the token vouches for, and nowhere else."""
        token = request.path_params["token"]
        url = clicked_url(request.query_params.get("u", ""), token, self.key)
        send_id = send_id_of_token(LinkKind.CLICK, token, self.key, url=url)
        if send_id is None or not url.lower().startswith(("http://", "https://")):
            return pages.target_not_valid()
        self.journal.note(_event(request, "clicked", send_id, url=url))
        return RedirectResponse(url, status_code=302)

    async def ask_to_unsubscribe(self, request: Request) -> Response:
        """`GET /u/{token}`: a page with a button. Scanners follow every link, so a GET never acts (RFC 8058)."""
        return pages.ask_to_unsubscribe() if self._subject(request) is not None else pages.link_not_valid()

    async def unsubscribe(self, request: Request) -> Response:
        """`POST /u/{token}`: the one-click of RFC 8058, and the page's button. Answered once it is stored."""
        subject = self._subject(request)
        if subject is None:
            return pages.link_not_valid()
        try:
            body = await read_body(request, _FORM_BYTES_MAX)
        except BodyTooLarge:
            return Response(status_code=413)
        if not _is_one_click(body, request.headers.get("content-type", "")):
            return pages.ask_to_unsubscribe(status=400)
        return await self._unsubscribe(request, subject)

    async def _unsubscribe(self, request: Request, subject: int | str) -> Response:
        """Keep it. Our own pre-flight is answered here, where a real one would be kept, and nowhere before."""
        if isinstance(subject, str):
            return pages.probed(probe_answer(subject, self.key))
        if subject == NO_SEND:
            return pages.preview_only()
        try:
            await self.journal.keep(_event(request, "unsubscribed", subject))
        except StoreUnavailable:
            return pages.try_again_later()
        return pages.unsubscribed()

    def _subject(self, request: Request) -> int | str | None:
        """The send that an unsubscribe link belongs to, or a probe's nonce; None for a token that is not ours."""
        token = request.path_params["token"]
        send_id = send_id_of_token(LinkKind.UNSUBSCRIBE, token, self.key)
        return nonce_of_probe(token, self.key) if send_id is None else send_id


def _is_one_click(body: bytes, content_type: str) -> bool:
    """Whether a form, urlencoded or multipart, says `List-Unsubscribe=One-Click` (RFC 8058, section 3.2)."""
    if content_type.lower().startswith("multipart/form-data"):
        header = f"Content-Type: {content_type}\r\n\r\n".encode("ascii", "replace")
        form = message_from_bytes(header + body, policy=policy.compat32)
        return any(
            part.get_param("name", header="content-disposition") == "List-Unsubscribe"
            and str(part.get_payload()).strip() == "One-Click"
            for part in form.walk()
        )
    return "One-Click" in parse_qs(body.decode("latin-1").strip()).get("List-Unsubscribe", [])


def _event(
    request: Request,
    kind: Literal["opened", "clicked", "unsubscribed"],
    send_id: int,
    *,
    url: str = "",
) -> EdgeEvent:
    now: datetime = request.app.state.clock()
    # Pressed twice it is one wish; but one that comes back after the first was lifted is another.
    event_id = f"edge-unsubscribed-{send_id}-{now:%Y%m%d%H%M}" if kind == "unsubscribed" else f"edge-{uuid4().hex}"
    return EdgeEvent(
        event_id=event_id,
        kind=kind,
        send_id=send_id,
        occurred_at=now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        user_agent=request.headers.get("user-agent", "")[:_TEXT_CHARACTERS_MAX],
        ip=request.client.host if request.client else "",
        url=url[:_TEXT_CHARACTERS_MAX],
        method=request.method,
    )

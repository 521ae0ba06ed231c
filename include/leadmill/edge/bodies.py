"""Reading a request's body without letting it fill the memory."""

from __future__ import annotations

from starlette.requests import Request

from leadmill.errors import PermanentError


class BodyTooLarge(PermanentError):
    """The client sends more than this endpoint takes."""


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """The body as received.

    Raises:
        BodyTooLarge: More than `limit_bytes`, by its header or by what came.
    """
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > limit_bytes:
        raise BodyTooLarge
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise BodyTooLarge
    return bytes(body)

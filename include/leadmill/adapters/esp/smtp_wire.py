"""One connection to a mail server: bytes out, whole replies in, and a clear end. What they mean is not known here."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

_LONGEST_LINE = 4_096
"""In octets; RFC 5321 §4.5.3.1.5 promises at most 512."""
_MOST_LINES = 128
_CODES = {b"%d" % code: code for code in range(200, 600)}
_MARKS = frozenset({b" ", b"-", b""})

ReplyHandler = Callable[[int, bytes], None]


class WireBroke(Exception):
    """The connection ended, or what came over it is no SMTP."""


class Wire(asyncio.Protocol):
    """Whoever speaks sets `on_reply` and `on_loss`; a reply that nobody asked for ends the connection.

    So an answer that a server (or somebody between us) sends before its question never counts for a mail.
    """

    def __init__(self) -> None:
        self.is_open = False
        self.is_paused = False
        self.tells_unsent = True
        self.more_follows = False  # behind the reply that is being read there is another, or a part of one
        self.carried = 0
        self.needs_reset = False
        self.extensions: dict[str, str] = {}
        self.on_reply: ReplyHandler | None = self._greet
        self.on_loss: Callable[[], None] | None = None
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._lines: list[bytes] = []
        self._greeting: tuple[int, bytes] | None = None

    # --- the event loop's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.use(cast("asyncio.Transport", transport))
        self.is_open = True

    def use(self, transport: asyncio.Transport) -> None:
        """Speak over this transport from now on.

        In the clear, "paused" means that not all was given to the system yet; TLS has buffers of its own that do not
        tell, so there it only means that much is waiting.
        """
        self.tells_unsent = transport.get_extra_info("sslcontext") is None
        if self.tells_unsent:
            transport.set_write_buffer_limits(high=0)
        found = transport.get_extra_info("socket")
        if found is not None and found.family in (socket.AF_INET, socket.AF_INET6):
            # The last write of a mail may be small: Nagle's algorithm would hold it back for the delayed ACK, 40 ms.
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._transport = transport

    def pause_writing(self) -> None:
        self.is_paused = True

    def resume_writing(self) -> None:
        self.is_paused = False

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        *lines, self._rest = data.split(b"\n")
        unread = len(lines)
        for line in lines:
            if not self.is_open:
                return
            unread -= 1
            self.more_follows = unread > 0 or self._rest != b""
            self._read(line.removesuffix(b"\r"))
        if len(self._rest) > _LONGEST_LINE:
            self.break_off()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._ended()

    # --- the speaker's side

    def write(self, octets: bytes) -> None:
        """Send; when it returns with `is_paused`, some of it waits in our own memory."""
        if self._transport is not None and self.is_open:
            self._transport.write(octets)

    @property
    def unsent(self) -> int:
        """Octets that wait in our own memory."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    @property
    def has_unread(self) -> bool:
        """Whether a part of a reply is here that nobody asked for yet."""
        return bool(self._rest or self._lines or self.more_follows)

    @property
    def transport(self) -> asyncio.Transport:
        """What bytes go over now."""
        if self._transport is None:
            raise WireBroke
        return self._transport

    async def ask(self, command: bytes, *, within_seconds: float) -> tuple[int, bytes]:
        """One command and its reply; no command (empty) asks for the greeting.

        Raises:
            WireBroke: The connection ended, or made no sense.
            TimeoutError: No reply in time.
        """
        if not command and self._greeting is not None:
            return self._greeting
        answer: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()

        def replied(code: int, text: bytes) -> None:
            self.on_reply = None
            if not answer.done():
                answer.set_result((code, text))

        self.on_reply = replied
        self.on_loss = lambda: None if answer.done() else answer.set_exception(WireBroke())
        if not self.is_open:
            raise WireBroke
        if command:
            self.write(command)
        try:
            async with asyncio.timeout(within_seconds):
                return await answer
        finally:
            self.on_reply = self.on_loss = None

    def break_off(self) -> None:
        """End the connection now; what waits to be written is not sent any more."""
        transport, was_open = self._transport, self.is_open
        self._ended()
        if transport is not None and was_open:
            transport.abort()

    def _greet(self, code: int, text: bytes) -> None:
        """The one reply that needs no command; it may come before anybody waits for it."""
        self._greeting = (code, text)
        self.on_reply = None

    def _ended(self) -> None:
        if not self.is_open:
            return
        self.is_open = False
        if self.on_loss is not None:
            self.on_loss()

    def _read(self, line: bytes) -> None:
        """A line of a reply: `250-more to come`, `250 the last`, `250` (RFC 5321 §4.2)."""
        code, mark, lines = _CODES.get(line[:3]), line[3:4], self._lines
        if code is None or mark not in _MARKS or len(line) > _LONGEST_LINE:
            self.break_off()
            return
        text = line[4:]
        if lines or mark == b"-":
            if lines and not lines[0].startswith(line[:3]):
                self.break_off()
                return
            lines.append(line)
            if mark == b"-":
                if len(lines) > _MOST_LINES:
                    self.break_off()
                return
            text = b"\n".join([each[4:] for each in lines])
            self._lines = []
        if self.on_reply is None:
            self.break_off()
        else:
            self.on_reply(code, text)

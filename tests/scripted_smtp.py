"""A mail server on loopback that misbehaves exactly where a test says so; it counts what it really took."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

OK = b"250 2.0.0 Ok\r\n"
DEFAULTS = {
    "EHLO": OK,
    "HELO": OK,
    "MAIL": OK,
    "RCPT": OK,
    "DATA": b"354 Go ahead\r\n",
    "RSET": OK,
    "QUIT": b"221 Bye\r\n",
}


class HangUp(Exception):
    """Close politely (FIN) without an answer."""


class Reset(Exception):
    """Close rudely (RST) without an answer."""


class Mute(Exception):
    """Never answer again, but keep the connection."""


@dataclass
class Said:
    """One command as the server heard it: the how many-th of its verb over all connections, from 1."""

    connection: int
    verb: str
    line: bytes
    nth: int
    recipient: str


@dataclass
class ScriptedSmtp:
    """`answer(said)` gives the reply's bytes, None for the usual one, or raises how the connection ends.

    The verb DOT stands for the end of a text; TEXT is asked after the first 4,096 octets of one.
    """

    answer: Callable[[Said], bytes | None] = lambda _: None
    pipelining: bool = True
    greeting: Callable[[int], bytes] = lambda _: b"220 here\r\n"
    extensions: tuple[bytes, ...] = ()
    heard: list[Said] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    copies: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    open_now: int = 0
    most_open: int = 0
    early: list[bytes] = field(default_factory=list)
    """What a client sent behind DATA before it was told to: must stay empty."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def verbs(self, connection: int | None = None) -> list[str]:
        return [said.verb for said in self.heard if connection in (None, said.connection)]

    def serve(self, line: socket.socket) -> None:
        with self.lock:
            self.connections += 1
            self.open_now += 1
            self.most_open = max(self.most_open, self.open_now)
            number = self.connections
        try:
            line.sendall(self.greeting(number))
            _Session(self, line, number).run()
        except HangUp:
            pass
        except Reset:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except Mute:
            with contextlib.suppress(OSError):
                line.settimeout(20)
                while line.recv(65536):
                    pass
        except OSError:
            pass
        finally:
            with self.lock:
                self.open_now -= 1
            line.close()

    def say(self, connection: int, verb: str, heard: bytes, recipient: str) -> bytes:
        with self.lock:
            self.counts[verb] += 1
            said = Said(connection, verb, heard, self.counts[verb], recipient)
            self.heard.append(said)
        answer = self.answer(said)
        if answer is not None:
            return answer
        if verb == "EHLO":
            offered = [*([b"PIPELINING"] if self.pipelining else []), *self.extensions]
            lines = [b"here", *offered]
            return b"".join(
                b"250%b%b\r\n" % (b" " if n == len(lines) else b"-", each) for n, each in enumerate(lines, 1)
            )
        return DEFAULTS.get(verb, OK)


@dataclass
class _Session:
    server: ScriptedSmtp
    line: socket.socket
    number: int
    buffer: bytes = b""
    recipient: str = ""

    def run(self) -> None:
        while True:
            while b"\r\n" not in self.buffer:
                self._more()
            heard, _, self.buffer = self.buffer.partition(b"\r\n")
            verb = heard[:4].decode("ascii", "replace").upper()
            if verb == "RCPT":
                self.recipient = heard.partition(b"<")[2].partition(b">")[0].decode()
            reply = self.server.say(self.number, verb, heard, self.recipient)
            if verb == "DATA" and reply.startswith(b"354"):
                time.sleep(0.001)
                with contextlib.suppress(BlockingIOError):
                    self.buffer += self.line.recv(65536, socket.MSG_DONTWAIT)
                if self.buffer:
                    self.server.early.append(self.buffer)
                self.line.sendall(reply)
                self._text()
            elif reply:
                self.line.sendall(reply)
            if verb == "QUIT":
                raise HangUp

    def _text(self) -> None:
        asked = False
        while b"\r\n.\r\n" not in b"\r\n" + self.buffer:
            self._more()
            if not asked and len(self.buffer) >= 4096:
                asked = True
                self._early_word()
        text, _, self.buffer = (b"\r\n" + self.buffer).partition(b"\r\n.\r\n")
        reply = self.server.say(self.number, "DOT", b".", self.recipient)
        if reply.startswith(b"250"):
            with self.server.lock:
                self.server.texts.append((text[2:] + b"\r\n").replace(b"\r\n..", b"\r\n."))
                self.server.copies[self.recipient] += 1
        self.line.sendall(reply)

    def _early_word(self) -> None:
        reply = self.server.say(self.number, "TEXT", b"", self.recipient)
        if reply != OK:
            self.line.sendall(reply)

    def _more(self) -> None:
        octets = self.line.recv(65536)
        if not octets:
            raise HangUp
        self.buffer += octets


@contextlib.contextmanager
def scripted(server: ScriptedSmtp) -> Iterator[int]:
    """Runs the server; gives its port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = listener.accept()
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=server.serve, args=(line,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()

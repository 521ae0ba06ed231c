"""A frame's body, encoded once: between its pieces only the values of a recipient are still to come.

Each slot stands on lines of its own, between soft line breaks, so that no value moves a neighbour's line breaks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from operator import itemgetter
from weakref import WeakKeyDictionary

from leadmill.adapters.content.attachment_parts import attachment_part
from leadmill.adapters.content.dkim import relaxed_body, single_spaced
from leadmill.adapters.content.quoted_printable import TornLineEnd, encode, encode_value
from leadmill.domain.messages import Frame, OutgoingMessage, Part

_ALTERNATIVE, _MIXED = "=_lm-alternative", "=_lm-mixed"
"""The same in every mail: "=_" stands neither in quoted-printable text nor in base64."""

_SOFT_BREAK = b"=\r\n"
_PART_HEAD = (
    f"--{_ALTERNATIVE}\r\nContent-Type: text/{{}}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
)


class EncodedFrame:
    """The bytes that all mails of a frame share; `content_type` is the whole mail's."""

    def __init__(self, frame: Frame) -> None:
        alternative = f'multipart/alternative; boundary="{_ALTERNATIVE}"'
        start, end = b"", f"--{_ALTERNATIVE}--\r\n".encode()
        self.content_type = alternative
        if frame.attachments:
            self.content_type = f'multipart/mixed; boundary="{_MIXED}"'
            start = f"--{_MIXED}\r\nContent-Type: {alternative}\r\n\r\n".encode()
            files = b"".join(f"--{_MIXED}\r\n".encode() + attachment_part(file) for file in frame.attachments)
            end += files + f"--{_MIXED}--\r\n".encode()
        self._ends = (start, end)
        self._text, self._html = _merged(frame.text), _merged(frame.html)
        self._is_torn = any(isinstance(p, str) and p.endswith("\r") for p in (*self._text[:-1], *self._html[:-1]))
        self._literals, order = _interleaved(self._text, self._html, start, end)
        self._used = tuple(dict.fromkeys(order))
        places = [self._used.index(number) for number in order]
        # A letter has a hundred slots of a few values: picked in C.
        self._in_order: Callable[[list[bytes]], Sequence[bytes]] = itemgetter(*places) if len(places) > 1 else list

    def body(self, message: OutgoingMessage) -> list[bytes]:
        """The body's pieces for one recipient: at even places what is shared, at odd ones values."""
        if self._is_torn:
            return [self._joined(message)]
        values = message.values
        try:
            encoded = [encode_value(values[number]) for number in self._used]
        except TornLineEnd:
            return [self._joined(message)]
        pieces = self._literals[:]
        pieces[1::2] = self._in_order(encoded)
        return pieces

    def relaxed(self, pieces: Sequence[bytes]) -> list[bytes]:
        """The body in DKIM's relaxed canonical form, for pieces that `body` gave."""
        if len(pieces) != len(self._literals):
            return [relaxed_body(piece) for piece in pieces]
        found = self._relaxed_literals[:]
        found[1::2] = [single_spaced(piece) for piece in pieces[1::2]]
        return found

    @cached_property
    def _relaxed_literals(self) -> list[bytes]:
        return [relaxed_body(piece) for piece in self._literals]

    def _joined(self, message: OutgoingMessage) -> bytes:
        """The body with its texts joined before they are encoded: where CR and LF meet between two pieces."""
        text, html = message.filled(self._text), message.filled(self._html)
        return b"".join(_interleaved((text,), (html,), *self._ends)[0])


def _merged(part: Part) -> Part:
    """The part with neighbouring literals joined, and no line ends behind the last one."""
    pieces: list[str | int] = []
    for piece in part:
        if isinstance(piece, str) and pieces and isinstance(pieces[-1], str):
            pieces[-1] += piece
        else:
            pieces.append(piece)
    if pieces and isinstance(pieces[-1], str):
        pieces[-1] = pieces[-1].rstrip("\r\n")
    return tuple(pieces)


def _interleaved(text: Part, html: Part, start: bytes, end: bytes) -> tuple[list[bytes], list[int]]:
    """The shared bytes with room for a value between each two, and the slots' numbers in order."""
    literals: list[bytes] = []
    order: list[int] = []
    current = start
    for kind, part in (("plain", text), ("html", html)):
        current += _PART_HEAD.format(kind).encode()
        for piece in part:
            if isinstance(piece, str):
                current += encode(piece)
                continue
            literals += [current if current.endswith(b"\n") else current + _SOFT_BREAK, b""]
            order.append(piece)
            current = _SOFT_BREAK
        current += b"\r\n\r\n"  # ends the last line, and then the part
    literals.append(current + end)
    return literals, order


_FRAMES: WeakKeyDictionary[Frame, EncodedFrame] = WeakKeyDictionary()


def encoded_frame(frame: Frame) -> EncodedFrame:
    """The frame's encoded form, made at its first mail and kept as long as the frame."""
    found = _FRAMES.get(frame)
    if found is None:
        found = _FRAMES[frame] = EncodedFrame(frame)
    return found

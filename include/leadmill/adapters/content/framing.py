"""A variant as a frame: what its mails share is made once, and per recipient only the values between it.

What comes out is what the whole templates render (`compiler.py` keeps them): where that can't be promised for a
recipient, `NotFramed` is raised and the whole templates do the work.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from jinja2 import Template
from jinja2.exceptions import TemplateError

from leadmill.adapters.content.header_values import single_line
from leadmill.adapters.content.pieces import Computed, Lookup, NotFramed, Piece, Slot, Tag, Target, Token, Tracked
from leadmill.adapters.content.sandbox import RENDERED_LIMIT, TemplateSandbox
from leadmill.adapters.content.slot_values import computed, looked_up, one_template
from leadmill.adapters.content.text_part import close_gaps, has_gaps
from leadmill.adapters.content.tracking import Edge, track_links, tracked_tag, tracked_target
from leadmill.domain.messages import Attachment, Frame, Part
from leadmill.domain.send_references import LinkKind, link_token

_SUBJECT, _CLOSED_TEXT, _FIRST = 0, 1, 2
_FAILURES = (KeyError, TypeError, ValueError, ArithmeticError, AttributeError, TemplateError)


@dataclass(frozen=True, slots=True)
class Sources:
    """The three parts, each taken apart, with what is the same for all put in; `html` with its links and pixel."""

    subject: Sequence[Piece]
    text: Sequence[Piece]
    html: Sequence[Piece]
    attachments: tuple[Attachment, ...] = ()


@dataclass(slots=True)
class _Numbers:
    """Gives each slot a number, equal ones the same; a value differs where one part escapes it and the other not."""

    of: dict[tuple[bool, Slot], int] = field(default_factory=dict)

    def number(self, slot: Slot, *, escapes: bool) -> int:
        key = (escapes and isinstance(slot, Lookup | Computed), slot)
        return self.of.setdefault(key, len(self.of) + _FIRST)

    def part(self, pieces: Sequence[Piece], *, escapes: bool) -> Part:
        return tuple(p if isinstance(p, str) else self.number(p, escapes=escapes) for p in pieces)


class FramedVariant:
    """Fills a variant's frame for one recipient after the other; safe to use from several threads."""

    def __init__(self, sources: Sources, *, plain: TemplateSandbox, escaping: TemplateSandbox, edge: Edge) -> None:
        numbers = _Numbers()
        self._edge = edge
        self._text = numbers.part(_closed(sources.text), escapes=False)
        html = numbers.part(sources.html, escapes=True)
        self._shown = len(numbers.of) + _FIRST
        self._subject = numbers.part(sources.subject, escapes=False)
        varies = any(isinstance(piece, int) for piece in self._subject)
        subject = (_SUBJECT,) if varies else (single_line("".join(map(str, self._subject))),)
        self._frame = Frame(subject, self._text, html, sources.attachments)
        self._frame_of_closed_text = Frame(subject, (_CLOSED_TEXT,), html, sources.attachments)
        self._number_links(numbers)
        self._number_values(numbers, plain, escaping)
        self._size = len(numbers.of) + _FIRST
        self.computes = bool(self._computed)
        pieces = (*self._text, *html)
        uses = max((pieces.count(number) for number in numbers.of.values()), default=1)
        self._room = (RENDERED_LIMIT - sum(len(p) for p in pieces if isinstance(p, str))) // max(1, uses)

    def _number_links(self, numbers: _Numbers) -> None:
        slots = [(number, slot) for (_, slot), number in numbers.of.items()]
        self._tokens = [(n, slot.kind, slot.url) for n, slot in slots if isinstance(slot, Token)]
        self._targets = [
            (n, numbers.part(slot.pieces, escapes=True), slot.quote) for n, slot in slots if isinstance(slot, Target)
        ]
        self._tags = [(n, numbers.part(slot.pieces, escapes=True)) for n, slot in slots if isinstance(slot, Tag)]
        self._blocks = [(n, numbers.number(slot.block, escapes=True)) for n, slot in slots if isinstance(slot, Tracked)]

    def _number_values(self, numbers: _Numbers, plain: TemplateSandbox, escaping: TemplateSandbox) -> None:
        slots = [(number, escapes, slot) for (escapes, slot), number in numbers.of.items()]
        self._lookups = [(n, slot, escapes) for n, escapes, slot in slots if isinstance(slot, Lookup)]
        self._computed: list[tuple[Template, list[int], bool]] = []
        for escapes, sandbox in ((False, plain), (True, escaping)):
            mine = [(n, slot) for n, e, slot in slots if isinstance(slot, Computed) and e is escapes]
            if mine:
                template = one_template([slot for _, slot in mine], sandbox)
                self._computed.append((template, [n for n, _ in mine], escapes))

    def fill(
        self, fields: dict[str, object], only_in_html: dict[str, object], *, send_id: int, unsubscribe_url: str
    ) -> tuple[Frame, tuple[str, ...], str]:
        """The frame to use, its values, and the subject.

        Args:
            fields: What the three parts read.
            only_in_html: What is something else in HTML than in text: never a lead's own field.
            send_id: Signed into the links.
            unsubscribe_url: The one link that is never tracked.

        Raises:
            NotFramed: The whole templates must say what this recipient gets.
        """
        values = [""] * self._size
        try:
            for number, lookup, escapes in self._lookups:
                values[number] = looked_up(lookup, fields, escapes=escapes)
            for template, numbers, escapes in self._computed:
                found = computed(template, fields | only_in_html if escapes else fields, len(numbers))
                for number, value in zip(numbers, found, strict=True):
                    values[number] = value
        except _FAILURES as error:
            raise NotFramed from error
        self._link(values, send_id, unsubscribe_url)
        if sum(map(len, values)) > self._room:
            raise NotFramed
        values[_SUBJECT] = subject = single_line(_joined(self._subject, values))
        text = _joined(self._text, values)
        frame = self._frame
        if has_gaps(text):
            frame, values[_CLOSED_TEXT] = self._frame_of_closed_text, close_gaps(text)
        return frame, tuple(values[: self._shown]), subject

    def _link(self, values: list[str], send_id: int, unsubscribe_url: str) -> None:
        edge = self._edge
        for number, kind, url in self._tokens:
            if kind is LinkKind.UNSUBSCRIBE:
                values[number] = unsubscribe_url.rpartition("/")[2]
            else:
                values[number] = link_token(kind, send_id, edge.key, url=url)
        for number, part, mark in self._targets:
            values[number] = tracked_target(_joined(part, values), mark, edge=edge, send_id=send_id)
        for number, part in self._tags:
            values[number] = tracked_tag(_joined(part, values), edge=edge, send_id=send_id)
        for number, block in self._blocks:
            values[number] = track_links(values[block], edge=edge, send_id=send_id)


def _closed(pieces: Sequence[Piece]) -> list[Piece]:
    """What `close_gaps` does, as far as the literals alone decide it."""
    closed: list[Piece] = [re.sub(r"\n{3,}", "\n\n", p) if isinstance(p, str) else p for p in pieces]
    if closed and isinstance(closed[0], str):
        closed[0] = closed[0].lstrip()
    if closed and isinstance(closed[-1], str):
        closed[-1] = closed[-1].rstrip()
    return [piece for piece in closed if piece != ""]


def _joined(part: Part, values: Sequence[str]) -> str:
    return "".join([piece if isinstance(piece, str) else values[piece] for piece in part])

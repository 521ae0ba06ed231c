"""Frames as a provider's text with variables, under names that neither the frame nor any value can hold."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from leadmill.adapters.esp.api_calls import literals_of, template_of
from leadmill.domain.messages import Frame


@dataclass(frozen=True, slots=True)
class MarkedFrame:
    """A frame's bodies with variables in the slots; `variables[k]` is slot k's, and holds `mark`."""

    mark: str
    variables: tuple[str, ...]
    text: str
    html: str
    subject_varies: bool
    literal_characters: int
    variable_characters: int


class MarkedFrames:
    """Makes each frame's once.

    Providers that replace variables wherever they stand would replace those that a lead's data spells, too. So their
    names carry a random mark: nobody can guess it, and a frame that happens to hold it gets another.
    """

    def __init__(self, written: Callable[[str], str]) -> None:
        """`written` says how a variable of a name stands in the text."""
        self._written = written
        self._made: WeakKeyDictionary[Frame, MarkedFrame] = WeakKeyDictionary()

    def of(self, frame: Frame) -> MarkedFrame:
        """The frame's bodies with variables."""
        if frame not in self._made:
            self._made[frame] = self._marked(frame)
        return self._made[frame]

    def _marked(self, frame: Frame) -> MarkedFrame:
        literals, mark = literals_of(frame), secrets.token_hex(4)
        while mark in literals:
            mark = secrets.token_hex(4)
        count = max(frame.slots(), default=-1) + 1
        variables = tuple(f"{mark}_{slot}" for slot in range(count))
        text, html = (
            template_of(part, lambda slot: self._written(variables[slot])) for part in (frame.text, frame.html)
        )
        return MarkedFrame(
            mark=mark,
            variables=variables,
            text=text,
            html=html,
            subject_varies=any(isinstance(piece, int) for piece in frame.subject),
            literal_characters=len(literals),
            variable_characters=sum(map(len, variables)),
        )

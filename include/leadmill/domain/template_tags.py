"""Where a template's tags stand (`{{ … }}`, `{% … %}`, `{# … #}`), found in one pass whatever the text holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_OPENS = re.compile(r"\{[{%#]")
_CLOSES = {"{{": "}}", "{%": "%}", "{#": "#}"}


def tag_spans(text: str) -> Iterator[tuple[int, int]]:
    """Begin and end of each tag. What is opened and never closed is text.

    A search for the end that found none is not made again: a hundred thousand `{#` would have it run for minutes.
    """
    unclosed: set[str] = set()
    at = 0
    while opened := _OPENS.search(text, at):
        closes = _CLOSES[opened[0]]
        end = -1 if closes in unclosed else text.find(closes, opened.end())
        if end < 0:
            unclosed.add(closes)
            at = opened.start() + 1
        else:
            at = end + len(closes)
            yield opened.start(), at


def replace_tags(text: str, written: Callable[[str], str]) -> str:
    """The text with each tag replaced by what `written` makes of it."""
    parts, done = [], 0
    for begin, end in tag_spans(text):
        parts += [text[done:begin], written(text[begin:end])]
        done = end
    return "".join([*parts, text[done:]])

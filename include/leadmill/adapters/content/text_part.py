"""A plain-text template out of an HTML template, once per variant: its Jinja tags are carried over as they are."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from leadmill.domain.template_tags import replace_tags

_TOKEN_BASE = 0xF0000  # private-use plane: an HTML parser passes these characters through
_TOKEN_LIMIT = 0xFFFD
_SKIPPED = frozenset({"style", "script", "title", "head"})
_BLOCKS = frozenset(
    {"p", "div", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "hr"}
    | {"blockquote", "section", "article", "header", "footer"}
)
_LINES = frozenset({"br", "tr"})


def text_template(html: str) -> str:
    """The text alternative of an HTML template; links stand as `label (target)`.

    Jinja tags inside dropped places (styles, attributes other than a link's target) are dropped with them.
    """
    tags: list[str] = []

    def token(tag: str) -> str:
        if tag.startswith("{#") or len(tags) >= _TOKEN_LIMIT:
            return ""
        tags.append(tag)
        return chr(_TOKEN_BASE + len(tags) - 1)

    reader = _TextReader()
    reader.feed(replace_tags(html, token))
    reader.close()
    text = "".join(reader.parts)
    text = re.sub(r"[ \t\r\f\v\xa0]+", " ", text)
    text = re.sub(r" ?\n ?", "\n", text)
    text = close_gaps(text)
    return "".join(tags[ord(c) - _TOKEN_BASE] if _TOKEN_BASE <= ord(c) < _TOKEN_BASE + len(tags) else c for c in text)


def close_gaps(text: str) -> str:
    """At most one empty line in a row, none at either end: a block whose condition is false leaves a hole."""
    return (re.sub(r"\n{3,}", "\n\n", text) if "\n\n\n" in text else text).strip()


def has_gaps(text: str) -> bool:
    """Whether `close_gaps` would change it."""
    return "\n\n\n" in text or text[:1].isspace() or text[-1:].isspace()


class _TextReader(HTMLParser):
    """Collects a page's words, with line breaks where blocks begin and end."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._skipping = 0
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SKIPPED:
            self._skipping += 1
        elif tag == "a":
            self._links.append((dict(attrs).get("href") or "", len(self.parts)))
        elif tag == "li":
            self.parts.append("\n- ")
        elif tag in _LINES:
            self.parts.append("\n")
        elif tag in _BLOCKS:
            self.parts.append("\n\n")
        elif tag == "img":
            self._write(dict(attrs).get("alt") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SKIPPED:
            self._skipping = max(0, self._skipping - 1)
        elif tag == "a" and self._links:
            target, start = self._links.pop()
            label = "".join(self.parts[start:]).strip()
            if target and not target.startswith("#") and target.removeprefix("mailto:") != label:
                self._write(f" ({target})" if label else target)
        elif tag in _BLOCKS:
            self.parts.append("\n\n")

    def handle_data(self, data: str) -> None:
        self._write(re.sub(r"\s+", " ", data))

    def _write(self, text: str) -> None:
        if not self._skipping:
            self.parts.append(text)

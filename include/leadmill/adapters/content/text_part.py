"""A plain-text template out of an HTML template, once per variant: its Jinja tags are carried over as they are."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

from leadmill.adapters.content.html_attributes import attribute_of
from leadmill.adapters.content.link_targets import written_target
from leadmill.domain.template_tags import replace_tags

_TOKEN_BASE = 0xF0000  # private-use plane: an HTML parser passes these characters through
_TOKEN_LIMIT = 0xFFFD
_SKIPPED = frozenset({"style", "script", "title"})
_OF_HEAD = frozenset({"html", "head", "base", "link", "meta", "noscript", "template", *_SKIPPED})
"""What a head may hold: any other element, or text, ends it (WHATWG HTML, 13.2.6.4.4, "in head")."""

_TAGS_ONLY = re.compile(rf"[\s{chr(_TOKEN_BASE)}-{chr(_TOKEN_BASE + _TOKEN_LIMIT)}]*")
_CLOSING = re.compile(r"[.,;:!?)\]]+(?=\s|$)")
_BLOCKS = frozenset(
    {"p", "div", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "hr"}
    | {"blockquote", "section", "article", "header", "footer", "main", "aside", "nav", "center", "address", "pre"}
    | {"dl", "figure", "figcaption", "form", "fieldset"}
)
_LINES = frozenset({"br", "tr", "dt", "dd"})
_CELLS = frozenset({"td", "th"})


def text_template(html: str) -> str:
    """The text alternative of an HTML template; links stand as `label <target>` (RFC 3986, appendix C).

    The unsubscribe link has a line of its own: programs that make links of text take along what stands beside one.
    Jinja tags inside dropped places (styles, attributes other than a link's target) are dropped with them.
    """
    numbers: dict[str, int] = {}  # by the tag

    def token(tag: str) -> str:
        if tag.startswith("{#") or (tag not in numbers and len(numbers) >= _TOKEN_LIMIT):
            return ""
        return chr(_TOKEN_BASE + numbers.setdefault(tag, len(numbers)))

    def with_tags(text: str) -> str:
        tags = {_TOKEN_BASE + number: tag for tag, number in numbers.items()}
        return text.translate(tags)

    reader = _TextReader(stands_alone=lambda target: "unsubscribe_url" in with_tags(target))
    reader.feed(replace_tags(html, token))
    reader.close()
    text = "".join(reader.parts)
    text = re.sub(r"[ \t\r\f\v\xa0]+", " ", text)
    text = re.sub(r" ?\n ?", "\n", text)
    return with_tags(close_gaps(text))


def close_gaps(text: str) -> str:
    """At most one empty line in a row, none at either end: a block whose condition is false leaves a hole."""
    return (re.sub(r"\n{3,}", "\n\n", text) if "\n\n\n" in text else text).strip()


def has_gaps(text: str) -> bool:
    """Whether `close_gaps` would change it."""
    return "\n\n\n" in text or text[:1].isspace() or text[-1:].isspace()


class _TextReader(HTMLParser):
    """Collects a page's words, with line breaks where blocks begin and end."""

    def __init__(self, *, stands_alone: Callable[[str], bool]) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._stands_alone = stands_alone
        self._skipping = 0
        self._in_head = False
        self._links: list[tuple[str, int]] = []
        self._alone_at: int | None = None  # of `parts`: a link that stands alone and has nothing behind it yet

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_head = tag == "head" or (self._in_head and tag in _OF_HEAD)
        if tag == "body":
            self._skipping = 0
        elif tag in _SKIPPED:
            self._skipping += 1
        elif tag == "a":
            self._links.append((attribute_of(self.get_starttag_text() or "", "href") or "", len(self.parts)))
        elif tag == "li":
            self._write("\n- ")
        elif tag in _LINES:
            self._write("\n")
        elif tag in _CELLS:
            self._write(" ")
        elif tag in _BLOCKS:
            self._write("\n\n")
        elif tag == "img":
            self._write(dict(attrs).get("alt") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SKIPPED:
            self._skipping = max(0, self._skipping - 1)
        elif tag == "head":
            self._in_head = False
        elif tag == "a" and self._links:
            self._end_link(*self._links.pop())
        elif tag in _BLOCKS:
            self._write("\n\n")

    def handle_data(self, data: str) -> None:
        words = re.sub(r"\s+", " ", data)
        if self._in_head and not self._skipping and not _TAGS_ONLY.fullmatch(words):
            self._in_head = False
        closing = _CLOSING.match(words) if self._alone_at is not None else None
        if closing:
            self.parts.insert(self._alone_at or 0, closing[0])
            words = words[closing.end() :]
        self._write(words)

    def _end_link(self, href: str, start: int) -> None:
        target, label = written_target(href), "".join(self.parts[start:]).strip()
        is_shown = target.removeprefix("mailto:") == label
        if target and self._stands_alone(target):
            if is_shown:
                del self.parts[start:]
            place = len(self.parts)
            self._write(f"\n{target}\n")
            self._alone_at = place
        elif target and not target.startswith("#") and not is_shown:
            self._write(f" <{target}>" if label else target)

    def _write(self, text: str) -> None:
        if self._skipping or self._in_head:
            return
        self.parts.append(text)
        if text.strip():
            self._alone_at = None

"""Lead data inside links: each `{{ value }}` in a URL is percent-encoded as its place in the URL asks.

Done on the source, before anything is compiled, by filters that stand behind the author's own expression; a value that
is a URL as a whole, or names its host, stays as it is, and so does what the author encoded with `urlencode`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain, zip_longest
from urllib.parse import quote

from leadmill.adapters.content.html_attributes import decoded, start_tags
from leadmill.domain.template_tags import replace_tags

_ATTRIBUTES = frozenset({"href", "src", "background", "action"})
_LINKS = frozenset({"a", "area"})
_PLANE = range(0xF0000, 0xFFFFE)  # private use: one character of it stands for every tag
_TEXT_URL = re.compile(r"https?://[^\s<>\"]*", re.IGNORECASE)
_OUTPUT = re.compile(r"\{\{([-+]?)(.*?)([-+]?)\}\}", re.DOTALL)
_STATEMENT = re.compile(r"\{%[-+]?\s*(\w+)")
_OPENING, _BRANCHING = frozenset({"if", "for"}), frozenset({"elif", "else"})
_IS_ENCODED = re.compile(r"\|\s*(?:urlencode|in_url_[a-z]+)\b")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?://)?|//")

_ENCODED = re.compile(r"(%[0-9A-Fa-f]{2})")


class Place(IntEnum):
    """Where in a URL something stands; of two, the greater one asks for more."""

    START = 0
    HOST = 1
    UNKNOWN = 2  # behind a value that the URL begins with
    FRAGMENT = 3
    PATH = 4
    QUERY = 5  # the whole of it, or a name in it
    VALUE = 6  # behind "=" in a query


def _in_value(value: object) -> str:
    """All of it: what is read back from the query is the value itself."""
    return quote(str(value), safe="", errors="replace")


def _around(safe: str) -> Callable[[object], str]:
    """What cannot stand in that place; a field may hold a path or a query that is encoded already."""

    def encode(value: object) -> str:
        parts = _ENCODED.split(str(value))  # at odd places what is encoded
        parts[::2] = [quote(part, safe=safe, errors="replace") for part in parts[::2]]
        return "".join(parts)

    return encode


URL_FILTERS: Mapping[str, Callable[[object], str]] = {
    "in_url_fragment": _around("/:@!$&'()*+,;=~?"),
    "in_url_path": _around("/:@!$&'()*+,;=~"),
    "in_url_query": _around("/:@!$&'()*,;=~?"),
    "in_url_value": _in_value,
}
"""By their names in a template; what each leaves as it is comes from RFC 3986, 3.3 to 3.5.

In a query "+" is encoded, since forms read it as a space.
"""

_FILTER_AT = {
    Place.FRAGMENT: "in_url_fragment",
    Place.PATH: "in_url_path",
    Place.QUERY: "in_url_query",
    Place.VALUE: "in_url_value",
}


@dataclass(frozen=True, slots=True)
class _Url:
    """Where a URL stands in a template's text; `quote` is what has to be put around it."""

    begin: int
    end: int
    quote: str = ""


def encode_in_html(source: str) -> str:
    """An HTML template with filters behind the values in its links, and quotes around links' targets without."""
    return _encoded(source, _urls_of_tags)


def encode_in_text(source: str) -> str:
    """A text template with filters behind the values in the URLs that stand in it."""
    return _encoded(source, lambda text: (_Url(*found.span()) for found in _TEXT_URL.finditer(text)))


def _encoded(source: str, urls: Callable[[str], Iterable[_Url]]) -> str:
    tags: list[str] = []
    mark = next((chr(code) for code in _PLANE if chr(code) not in source), "")

    def marked(tag: str) -> str:
        tags.append(tag)
        return mark

    text = replace_tags(source, marked)
    filters: dict[int, str] = {}  # by the tag's number
    parts, done, passed = [], 0, 0
    for url in urls(text):
        target = text[url.begin : url.end]
        passed += text.count(mark, done, url.begin)
        filters |= _filters(target, mark, tags, passed)
        passed += target.count(mark)
        parts += [text[done : url.begin], url.quote, target, url.quote]
        done = url.end
    pieces = "".join([*parts, text[done:]]).split(mark)
    for number in _verbatim(tags):
        filters.pop(number, None)
    written = (_filtered(tag, filters.get(number, "")) for number, tag in enumerate(tags))
    return "".join(chain.from_iterable(zip_longest(pieces, written, fillvalue="")))


def _urls_of_tags(text: str) -> Iterator[_Url]:
    for name, attributes in start_tags(text):
        for attribute in attributes:
            value = text[attribute.begin : attribute.end]
            if not value or attribute.name.lower() not in _ATTRIBUTES or "<" in value:  # its quote was never closed
                continue
            if value[0] in "\"'":
                yield _Url(attribute.begin + 1, attribute.end - 1)
            elif name.lower() in _LINKS and attribute.name.lower() == "href":
                mark = next((mark for mark in "\"'" if mark not in value), "")
                yield _Url(attribute.begin, attribute.end, mark)


def _filters(url: str, mark: str, tags: Sequence[str], first: int) -> dict[int, str]:
    """The filter for each value in a URL by its tag's number; `first` is the number of the URL's first tag.

    Each branch of a condition begins where the condition began; behind it, the place counts that asks for most.
    """
    found: dict[int, str] = {}
    place, conditions = Place.START, list[tuple[Place, list[Place]]]()
    for number, literal in enumerate(url.split(mark), start=first - 1):
        if number >= first:
            word = _STATEMENT.match(tags[number])
            if word is None:
                if place in _FILTER_AT:
                    found[number] = _FILTER_AT[place]
                place = Place.UNKNOWN if place is Place.START and tags[number].startswith("{{") else place
            elif word[1] in _OPENING:
                conditions.append((place, []))
            elif word[1] in _BRANCHING and conditions:
                conditions[-1][1].append(place)
                place = conditions[-1][0]
            elif word[1].startswith("end") and conditions:
                begun, ended = conditions.pop()
                place = max(begun, place, *ended)
        place = _place_after(place, literal)
    return found


def _place_after(place: Place, literal: str) -> Place:
    """Where in the URL the text behind a literal piece stands."""
    if place is Place.START and (begins := _SCHEME.match(literal.lstrip())):
        literal = literal.lstrip()[begins.end() :]
        place = Place.HOST
    for character in decoded(literal):
        if character == "#":
            place = Place.FRAGMENT
        elif place is Place.FRAGMENT:
            continue
        elif character == "?" and place < Place.QUERY:
            place = Place.QUERY
        elif character == "/" and place < Place.PATH:
            place = Place.PATH
        elif character == "=" and place is Place.QUERY:
            place = Place.VALUE
        elif character == "&" and place in {Place.VALUE, Place.UNKNOWN}:
            place = Place.QUERY
    return place


def _verbatim(tags: Sequence[str]) -> Iterator[int]:
    """The numbers of tags that are text, between `raw` and `endraw`."""
    is_raw = False
    for number, tag in enumerate(tags):
        word = _STATEMENT.match(tag)
        is_raw = (is_raw or word[1] == "raw") and word[1] != "endraw" if word else is_raw
        if is_raw:
            yield number


def _filtered(tag: str, name: str) -> str:
    output = _OUTPUT.fullmatch(tag)
    if not name or output is None or not output[2].strip() or _IS_ENCODED.search(output[2]):
        return tag
    return f"{{{{{output[1]} ({output[2].strip()}) | {name} {output[3]}}}}}"

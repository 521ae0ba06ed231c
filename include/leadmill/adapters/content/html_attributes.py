"""A start tag's attributes and what their values mean, by HTML's own rules (WHATWG HTML, 13.2.5, "Tokenization").

`html.unescape` and Python's HTML parser read a value as they read text: of "?id=1&section=2" they make "?id=1§ion=2".
In an attribute a reference without its ";" is text where "=", a letter or a digit follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.entities import html5

SPACE = r"\t\n\f\r "
"""HTML's white space, for a character class: Python's holds some twenty characters that HTML takes for letters."""

_START = re.compile(rf"<[A-Za-z][^{SPACE}/><]*+")
_ATTRIBUTE = re.compile(
    rf"""[{SPACE}/]*+(?P<name>[^{SPACE}/><][^{SPACE}/><=]*+)"""
    rf"""(?:[{SPACE}]*+=[{SPACE}]*+(?P<value>"[^"]*+"|'[^']*+'|(?=>)|[^{SPACE}><"'][^{SPACE}><]*+))?+"""
)
_REFERENCE = re.compile(r"&(?:#([0-9]++)|#[xX]([0-9a-fA-F]++)|([A-Za-z][A-Za-z0-9]*+))(;?)(=?)")
_LONGEST_LEGACY = max(len(name) for name in html5 if not name.endswith(";"))
_NUMBER_DIGITS = 7  # of the last code point, 1114111; more are beyond it
_LAST_CODE_POINT = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)
_WINDOWS = range(0x80, 0xA0)  # read as windows-1252 where that has a character
_REPLACEMENT = "\ufffd"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute in a text: its name as written, and where its value stands with its quotes; begin == end: none."""

    name: str
    begin: int
    end: int


def start_tags(text: str) -> Iterator[tuple[str, list[Attribute]]]:
    """The name of each start tag and its attributes in order.

    Tags in comments are found too: Outlook reads those that stand in conditional ones. A tag that holds `<` outside
    quotes, or a quote that is never closed, ends there.
    """
    at = 0
    while start := _START.search(text, at):
        at = start.end()
        found = []
        while attribute := _ATTRIBUTE.match(text, at):
            at = attribute.end()
            begin, end = attribute.span("value")
            found.append(Attribute(attribute["name"], begin if begin >= 0 else at, end if end >= 0 else at))
        yield start[0][1:], found


def attribute_of(tag: str, name: str) -> str | None:
    """The value of a start tag's attribute, the first of that name as browsers take it; None where it has none."""
    for _, attributes in start_tags(tag):
        for found in attributes:
            if found.name.lower() == name:
                return decoded(bare(tag[found.begin : found.end]))
        break
    return None


def bare(value: str) -> str:
    """A value without its quotes."""
    return value[1:-1] if value[:1] in {'"', "'"} else value


def decoded(value: str) -> str:
    """An attribute's value with its character references replaced as browsers replace them."""
    count = value.count("&")
    if count == value.count("&amp;"):  # nearly every link
        return value.replace("&amp;", "&") if count else value
    return _REFERENCE.sub(_character, value)


def _character(found: re.Match[str]) -> str:
    decimal, hexadecimal, name, semicolon, equals = found.groups()
    if name is None:
        digits, base = (decimal, 10) if decimal is not None else (hexadecimal, 16)
        digits = digits.lstrip("0")
        number = int(digits or "0", base) if len(digits) <= _NUMBER_DIGITS else _LAST_CODE_POINT + 1
        return _numbered(number) + equals
    if semicolon and f"{name};" in html5:
        return html5[f"{name};"] + equals
    for length in range(min(len(name), _LONGEST_LEGACY), 1, -1):
        if name[:length] in html5:
            follows = name[length : length + 1] or semicolon or equals
            is_text = follows == "=" or follows.isalnum()
            return found[0] if is_text else html5[name[:length]] + name[length:] + semicolon + equals
    return found[0]


def _numbered(number: int) -> str:
    if number == 0 or number > _LAST_CODE_POINT or number in _SURROGATES:
        return _REPLACEMENT
    if number in _WINDOWS:
        return bytes([number]).decode("cp1252", "ignore") or chr(number)
    return chr(number)

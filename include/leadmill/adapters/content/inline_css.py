"""Styles of a template's `<style>` put onto its elements, once per compile: many mail programs drop `<style>`.

css-inline works out which rule holds for which element, on a copy of the tags alone. What it says is then written into
the *source*, as style attributes and nothing else: the template is never written anew from a parsed tree, which would
move Jinja tags out of tables and close elements that stand open between two branches.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from html import escape, unescape
from html.parser import HTMLParser

import css_inline

from leadmill.domain.template_tags import replace_tags, tag_spans
from leadmill.errors import TemplateInvalid

_TOKEN_BASE = 0xF0000  # private-use plane: neither an HTML nor a CSS parser gives these characters a meaning
_TOKEN_LIMIT = 0xFFFD
_TOKEN = re.compile(f"[{chr(_TOKEN_BASE)}-{chr(_TOKEN_BASE + _TOKEN_LIMIT)}]")
_PIECE = re.compile(
    r"<!--.*?-->"
    r"|<style\b(?P<style_attributes>[^>]*)>(?P<css>.*?)</style\s*>"
    r"|<(?P<raw>script|title|textarea|noscript)\b[^>]*>.*?</(?P=raw)\s*>"
    # Opened and never closed: the rest of the text belongs to it, and stays as it is.
    r"|<(?:!--|(?:style|script|title|textarea|noscript)\b).*"
    r"|</(?P<end>[a-zA-Z][^\s/>]*)[^>]*>"
    r"""|<(?P<name>[a-zA-Z][^\s/>]*)(?P<attributes>(?:[^<>"']|"[^"]*"|'[^']*')*+)>"""
    r"""|<[a-zA-Z](?:[^<>"']|"[^"]*"|'[^']*')*+(?:["'].*)?\Z""",
    re.DOTALL | re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"""([^\s"'>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
_QUOTED = re.compile(r""""[^"]*"|'[^']*'""")
_MARK = "data-leadmill-place"
_MATCHED_BY = frozenset({"class", "id"})
_CLOSED_BY_THE_NEXT = frozenset(
    {
        "a",
        "p",
        "li",
        "dt",
        "dd",
        "tr",
        "td",
        "th",
        "thead",
        "tbody",
        "tfoot",
        "option",
        "optgroup",
        "colgroup",
        "rp",
        "rt",
    }
    | {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
"""Elements that need no end tag: many of them in a row do not stand inside each other."""

_OPENED_ANEW = frozenset({"b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"})
"""Where one of them is not closed, a parser opens it again in every paragraph that follows."""

DEPTH_LIMIT = 100
"""Layouts of nested tables come to thirty. An HTML parser goes down a level of its own stack for each: some thousand of
them end the whole process."""

_NEVER_STYLED = frozenset({"html", "head", "meta", "title", "link", "base", "script"})


def inline_css(source: str, *, where: str) -> str:
    """The template with its style rules on the elements.

    Rules that no attribute can hold (`@media`, `:hover`) stay in `<style>`, as does every rule that a Jinja tag could
    choose: an element whose class a condition decides gets nothing, and then no rule is taken out.

    Raises:
        TemplateInvalid: A style sheet cannot be read.
    """
    if "<style" not in source.lower():
        return source
    tags = [source[begin:end] for begin, end in tag_spans(source)]
    if len(tags) > _TOKEN_LIMIT or _TOKEN.search(source):
        return source
    numbers = iter(range(len(tags)))
    page = _Page(replace_tags(source, lambda _: chr(_TOKEN_BASE + next(numbers))), tags)
    if page.depth() > DEPTH_LIMIT:
        raise TemplateInvalid(
            f"{where}: more than {DEPTH_LIMIT} elements stand inside each other; close or remove some."
        )
    try:
        inlined = _INLINER.inline(page.skeleton())
    except css_inline.InlineError as error:
        raise TemplateInvalid(f"{where}: a style sheet cannot be read; correct the CSS in <style>.") from error
    reader = _StyleReader()
    reader.feed(inlined)
    reader.close()
    return _TOKEN.sub(lambda token: tags[ord(token[0]) - _TOKEN_BASE], page.styled(reader))


# Nothing is ever loaded: a template comes from a person, and this process can reach what that person cannot.
_INLINER = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True, remove_inlined_selectors=True)


@dataclass
class _StyleReader(HTMLParser):
    """Reads what css-inline has made of the skeleton: style by place, and what remains of each sheet."""

    styles: dict[int, str] = field(default_factory=dict)
    sheets: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self._in_style = tag == "style"
        if self._in_style:
            self.sheets.append("")
        elif known.get(_MARK) and known.get("style"):
            self.styles.setdefault(int(known[_MARK] or 0), (known["style"] or "").strip().rstrip(";"))

    def handle_endtag(self, tag: str) -> None:
        self._in_style = self._in_style and tag != "style"

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.sheets[-1] += data


class _Page:
    """A template whose Jinja tags are single characters, cut into pieces."""

    def __init__(self, text: str, tags: list[str]) -> None:
        self._text = text
        self._tags = tags
        self._pieces = list(_PIECE.finditer(text))
        self._is_dynamic = False

    def depth(self) -> int:
        """At most how many elements stand inside each other; end tags of elements that are not open do not count."""
        found, now, most = Counter[str](), 0, 0
        for piece in self._pieces:
            name = (piece["name"] or piece["end"] or "").lower()
            if not name or name in _CLOSED_BY_THE_NEXT:
                continue
            step = 1 if piece["name"] else -min(1, found[name])
            found[name] += step
            now += 4 * step if name in _OPENED_ANEW else step
            most = max(most, now)
        return most

    def skeleton(self) -> str:
        """The tags without text, each start tag with its place and what selectors look at."""
        parts = []
        for place, piece in enumerate(self._pieces):
            if piece["name"]:
                parts.append(self._start_tag(place, piece["name"], piece["attributes"]))
            elif piece["end"]:
                parts.append(f"</{piece['end']}>")
            elif self._is_inlined(piece):
                parts.append(f"<style>{piece['css']}</style>")
        return f"<!doctype html>{''.join(parts)}"

    def styled(self, found: _StyleReader) -> str:
        """The text with the styles on its elements and the sheets cut down to what remains."""
        parts, end = [], 0
        self._is_dynamic |= len(found.sheets) != sum(map(self._is_inlined, self._pieces))  # which is whose?
        sheets = iter(found.sheets)
        for place, piece in enumerate(self._pieces):
            parts.append(self._text[end : piece.start()])
            end = piece.end()
            if piece["name"] and place in found.styles:
                parts.append(_with_style(piece, found.styles[place]))
            elif self._is_inlined(piece):
                parts.append(self._sheet(piece, next(sheets, "")))
            else:
                parts.append(piece[0])
        return "".join([*parts, self._text[end:]])

    def _start_tag(self, place: int, name: str, attributes: str) -> str:
        if _TOKEN.search(_QUOTED.sub("", attributes)):
            self._is_dynamic = True  # a Jinja tag may write whole attributes here
            return f"<{name}>"
        kept = ""
        for attribute in _ATTRIBUTE.finditer(attributes):
            value = _value(attribute)
            tokens = _TOKEN.findall(value)
            self._is_dynamic |= attribute[1].lower() in _MATCHED_BY and bool(tokens)
            if attribute[1].lower() != "style" and not any(self._is_statement(token) for token in tokens):
                kept += f' {attribute[1]}="{escape(unescape(_TOKEN.sub("", value)))}"'
        mark = "" if name.lower() in _NEVER_STYLED else f' {_MARK}="{place}"'
        return f"<{name}{mark}{kept}>"

    def _is_statement(self, token: str) -> bool:
        return not self._tags[ord(token) - _TOKEN_BASE].startswith("{{")

    def _is_inlined(self, piece: re.Match[str]) -> bool:
        """Whether a piece is a style sheet that css-inline is asked about: one without conditions, for every screen."""
        css = piece["css"]
        if css is None or "media" in piece["style_attributes"].lower():
            return False
        return not any(self._is_statement(token) for token in _TOKEN.findall(css))

    def _sheet(self, piece: re.Match[str], remains: str) -> str:
        if self._is_dynamic:
            return piece[0]
        return f"<style{piece['style_attributes']}>{remains.strip()}</style>" if remains.strip() else ""


def _value(attribute: re.Match[str]) -> str:
    return next((value for value in attribute.groups()[1:] if value is not None), "")


def _with_style(piece: re.Match[str], style: str) -> str:
    """The start tag with more style: what stood there comes last, and so stays the stronger one."""
    tag, begin = piece[0], piece.start("attributes") - piece.start()
    for attribute in _ATTRIBUTE.finditer(tag, begin):
        if attribute[1].lower() == "style":
            old = _value(attribute)
            quote = '"' if '"' not in old else "'"
            return (
                f"{tag[: attribute.start()]}style={quote}{_quoted(style, quote)}; {old}{quote}{tag[attribute.end() :]}"
            )
    is_closed = tag.endswith("/>")
    head = tag[: -2 if is_closed else -1].rstrip()
    return f'{head} style="{_quoted(style, chr(34))}"{" /" if is_closed else ""}>'


def _quoted(style: str, quote: str) -> str:
    return escape(style, quote=False).replace(quote, "&quot;" if quote == '"' else "&#39;")

"""Tracked links and the open pixel: put into rendered HTML, or once for all into a template that was taken apart.

The second way gives the same HTML as the first, or says that it can't. It holds because a value in HTML has no `<`,
`>`, `"` or `'`, so that a link that begins and ends in literal text begins and ends there for every recipient.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from leadmill.adapters.content.html_attributes import SPACE, decoded
from leadmill.adapters.content.link_targets import is_blank, web_address
from leadmill.adapters.content.pieces import (
    Computed,
    Lookup,
    NotFramed,
    Piece,
    Slot,
    Tag,
    Target,
    Token,
    Tracked,
    branches,
)
from leadmill.domain.send_references import LinkKind, click_url, is_unsubscribe_url, open_url


@dataclass(frozen=True, slots=True)
class Edge:
    """Where links lead: the edge's URL without a slash at its end, and the key that signs them."""

    base_url: str
    key: bytes


# Letters in both cases instead of IGNORECASE: so the search for "<" runs many times faster.
# A tag ends at the next "<" outside quotes: going on over all that is never closed would take minutes.
_HREF = rf"[hH][rR][eE][fF](?=[{SPACE}/>=])"
_LINK = re.compile(
    rf"""(<[aA](?:[rR][eE][aA])?(?=[{SPACE}/])"""
    rf"""(?:[{SPACE}/]++|(?!{_HREF}|=[{SPACE}]*["'])[^{SPACE}/<>][^{SPACE}/<>=]*+"""
    rf"""(?:[{SPACE}]*+=[{SPACE}]*+(?:"[^">]*+"|'[^'>]*+'|[^{SPACE}<>"'][^{SPACE}<>]*+))?+)*+"""
    rf"""{_HREF}[{SPACE}]*+=[{SPACE}]*+)(?:"([^"]*)"|'([^']*)')"""
)
_BODY_END = re.compile(r"</[bB][oO][dD][yY]\s*>")
_PIXEL = '<img src="{}" width="1" height="1" alt="" style="display:block;border:0">'

_VALUE, _BLOCK = "\U0010fffd", "\U0010fffc"  # stand for slots in literal text: private use, refused in templates
_LINK_BEGINS = re.compile(
    rf"<(?:(?:a|area)(?=[{SPACE}/])|(?:a(?:r(?:ea?)?)?)?(?=[{_VALUE}{_BLOCK}]|\Z))", re.IGNORECASE
)
_HREF_BEGINS = re.compile(rf"""[{SPACE}/"']href[{SPACE}]*=[{SPACE}]*["']""", re.IGNORECASE)
_BODY_MAY_END = re.compile(rf"<(?:/(?:b(?:o(?:d(?:y\s*)?)?)?)?)?(?=[{_VALUE}{_BLOCK}]|\Z)", re.IGNORECASE)


def track_links(html: str, *, edge: Edge, send_id: int) -> str:
    """Send http and https links through the edge's signed redirect; mailto:, anchors and the unsubscribe link stay."""

    def tracked(found: re.Match[str]) -> str:
        target, mark = found[2] if found[2] is not None else found[3], found[0][-1]
        return found[1] + tracked_target(target, mark, edge=edge, send_id=send_id)

    return _LINK.sub(tracked, html)


def tracked_target(target: str, mark: str, *, edge: Edge, send_id: int) -> str:
    """One link's new target, with quotes; `mark` is the quote that it had and keeps: no tag gets another end."""
    url = web_address(decoded(target))
    if not url or is_unsubscribe_url(edge.base_url, url):
        return f"{mark}{target}{mark}"
    return f"{mark}{escape(click_url(edge.base_url, send_id, edge.key, url=url))}{mark}"


def tracked_tag(tag: str, *, edge: Edge, send_id: int) -> str:
    """`track_links` on one tag, up to the end of its link's target.

    Raises:
        NotFramed: With these values the tag has no end in itself.
    """
    for _ in _links(tag):
        pass
    return track_links(tag, edge=edge, send_id=send_id)


def add_pixel(html: str, *, edge: Edge, send_id: int) -> str:
    """Put the open pixel before the end of the body, or at the end where there is no body tag."""
    pixel = _PIXEL.format(escape(open_url(edge.base_url, send_id, edge.key)))
    ends = list(_BODY_END.finditer(html))
    at = ends[-1].start() if ends else len(html)
    return html[:at] + pixel + html[at:]


def link_pieces(pieces: Sequence[Piece], *, edge: Edge) -> list[Piece]:
    """`track_links` on a template taken apart.

    Raises:
        NotFramed: Whether a tag ends hangs on a value, or a link reaches into an `if` or out of one.
    """
    text, slots = _skeleton(pieces)
    found: list[Piece] = []
    done = 0
    for link in _links(text):
        found += _filled(text[done : link.start()], slots)
        if _VALUE in link[1]:
            found.append(Tag(tuple(_part(piece) for piece in _filled(link[0], slots))))
        else:
            found += [link[1], *_linked(link, slots, edge)]
        done = link.end()
    found += _filled(text[done:], slots)
    return [_tracked(piece) if isinstance(piece, Computed) else piece for piece in found]


def pixel_pieces(pieces: Sequence[Piece], *, edge: Edge) -> list[Piece]:
    """`add_pixel` on a template taken apart.

    Raises:
        NotFramed: Where the body ends hangs on a value or on an `if`.
    """
    text, slots = _skeleton(pieces)
    for piece in pieces:
        if isinstance(piece, Computed | Tracked):
            _refuse_body_end(piece.block if isinstance(piece, Tracked) else piece)
        elif isinstance(piece, Target | Tag):
            _refuse_tags_inside(piece)
    if _BODY_MAY_END.search(text):
        raise NotFramed
    before, after = _PIXEL.split("{}")
    ends = list(_BODY_END.finditer(text))
    at = ends[-1].start() if ends else len(text)
    return [
        *_filled(text[:at], slots),
        f"{before}{escape(edge.base_url)}/o/",
        Token(LinkKind.OPEN),
        f".gif{after}",
        *_filled(text[at:], slots),
    ]


def _skeleton(pieces: Sequence[Piece]) -> tuple[str, Iterator[Slot]]:
    """The literal text with one character for each slot, and the slots in order."""
    slots = [piece for piece in pieces if not isinstance(piece, str)]
    literals = "".join(piece for piece in pieces if isinstance(piece, str))
    if _VALUE in literals or _BLOCK in literals:
        raise NotFramed
    text = "".join(piece if isinstance(piece, str) else _mark(piece) for piece in pieces)
    return text, iter(slots)


def _mark(slot: Slot) -> str:
    is_block = isinstance(slot, Tracked) or (isinstance(slot, Computed) and not slot.is_inert)
    return _BLOCK if is_block else _VALUE


def _filled(text: str, slots: Iterator[Slot]) -> Iterator[Piece]:
    """A stretch of a skeleton with its slots back in place."""
    for piece in re.split(f"([{_VALUE}{_BLOCK}])", text):
        if piece in {_VALUE, _BLOCK}:
            yield next(slots)
        elif piece:
            yield piece


def _links(text: str) -> Iterator[re.Match[str]]:
    """The links of a skeleton, where they are the same for every recipient."""
    at = 0
    while begins := _LINK_BEGINS.search(text, at):
        link = _LINK.match(text, begins.start())
        if link:
            if _BLOCK in link[0]:
                raise NotFramed
            yield link
            at = link.end()
            continue
        after = text.find("<", begins.start() + 1)  # `_LINK` goes over no other tag
        end = text.find(">", begins.start(), after if after >= 0 else len(text))
        tag = text[begins.start() : end if end >= 0 else after if after >= 0 else len(text)]
        is_cut = (end < 0 and after < 0) or tag.count('"') % 2 or tag.count("'") % 2
        if is_cut or _VALUE in tag or _BLOCK in tag or _HREF_BEGINS.search(tag):
            raise NotFramed
        at = begins.start() + 1


def _linked(link: re.Match[str], slots: Iterator[Slot], edge: Edge) -> list[Piece]:
    target = link[2] if link[2] is not None else link[3]
    pieces = list(_filled(target, slots))
    mark = link[0][-1]
    if any(not isinstance(piece, str) for piece in pieces):
        visible = [piece for piece in pieces if not isinstance(piece, str) or not is_blank(piece)]
        if visible[0] == Lookup("unsubscribe_url") and all(isinstance(piece, str) for piece in visible[1:]):
            return [mark, *pieces, mark]
        return [Target(tuple(_part(piece) for piece in pieces), mark)]
    url = web_address(decoded(target))
    if not url or is_unsubscribe_url(edge.base_url, url):
        return [mark + target + mark]
    return [
        f"{mark}{escape(edge.base_url)}/c/",
        Token(LinkKind.CLICK, url),
        escape(f"?u={quote(url, safe='')}") + mark,
    ]


def _part(piece: Piece) -> str | Lookup | Computed | Token:
    if isinstance(piece, Target | Tag | Tracked):  # none stands inside a link
        raise NotFramed
    return piece


def _tracked(block: Computed) -> Computed | Tracked:
    """A block as it is, or marked where links stand in it; each of its branches must be whole in itself."""
    if block.is_inert:
        return block
    has_links = False
    for branch in branches(block):
        text, slots = _skeleton(branch)
        links = list(_links(text))
        if any(_VALUE in link[1] for link in links):
            raise NotFramed
        inner = [_tracked(slot) for slot in slots if isinstance(slot, Computed)]
        has_links |= bool(links) or any(isinstance(slot, Tracked) for slot in inner)
    return Tracked(block) if has_links else block


def _refuse_tags_inside(link: Target | Tag) -> None:
    """A body's end that stands in a link's target: nobody's mail, but the last one is where the pixel goes."""
    literals = "".join(piece for piece in link.pieces if isinstance(piece, str))
    if "<" in (literals[1:] if isinstance(link, Tag) else literals):
        raise NotFramed


def _refuse_body_end(block: Computed) -> None:
    for branch in branches(block):
        text, slots = _skeleton(branch)
        if _BODY_END.search(text) or _BODY_MAY_END.search(text):
            raise NotFramed
        for slot in slots:
            if isinstance(slot, Computed):
                _refuse_body_end(slot)

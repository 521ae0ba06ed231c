"""What is the same in all mails of a variant: put into its templates once, when they are taken apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape as escape_html
from typing import Self

from jinja2 import nodes
from markupsafe import Markup, escape

from leadmill.adapters.content.framing import Sources
from leadmill.adapters.content.pieces import Lookup, NotFramed, Piece, Token, take_apart
from leadmill.adapters.content.tracking import Edge, link_pieces, pixel_pieces
from leadmill.domain.messages import Attachment
from leadmill.domain.send_references import LinkKind
from leadmill.ports.content import Organisation, VariantContent

_UNSUBSCRIBE = Token(LinkKind.UNSUBSCRIBE)


@dataclass(frozen=True, slots=True)
class KnownValues:
    """The organisation's name and postal address, as text and as HTML."""

    organisation: str
    address_lines: tuple[str, ...]
    address_html_lines: tuple[str, ...]
    in_text: dict[str, object]
    in_html: dict[str, object]

    @classmethod
    def of(cls, organisation: Organisation) -> Self:
        lines = tuple(line.strip() for line in organisation.postal_address.splitlines() if line.strip())
        return cls(
            organisation=organisation.name,
            address_lines=lines,
            address_html_lines=tuple(escape_html(line, quote=False) for line in lines),
            in_text={"organisation": organisation.name, "postal_address": "\n".join(lines)},
            in_html={"postal_address": Markup("<br>").join(lines)},
        )

    def literals(self, *, is_html: bool) -> dict[str, str]:
        """Each variable's literal text, as the template engine would print it."""
        values = {**self.in_text, **self.in_html} if is_html else self.in_text
        return {name: str(escape(value)) if is_html else str(value) for name, value in values.items()}


def taken_apart(
    trees: tuple[nodes.Template, nodes.Template, nodes.Template],
    known: KnownValues,
    variant: VariantContent,
    attachments: tuple[Attachment, ...],
    *,
    edge: Edge,
) -> Sources:
    """A variant's subject, text and HTML as pieces, with everything put in that is the same for all.

    Raises:
        NotFramed: A part can't be taken apart, or only the rendered mail shows whether its footer is whole.
    """
    in_text, in_html = known.literals(is_html=False), known.literals(is_html=True)
    subject, text, html = (
        take_apart(tree, is_html=is_html) for tree, is_html in zip(trees, (False, False, True), strict=True)
    )
    for part in (text, html):
        if Lookup("postal_address") not in part or Lookup("unsubscribe_url") not in part:
            raise NotFramed
    html = _with_known(html, {name: [literal] for name, literal in in_html.items()})
    if variant.track_clicks:
        html = link_pieces(html, edge=edge)
    if variant.track_opens:
        html = pixel_pieces(html, edge=edge)
    start = f"{edge.base_url}/u/"
    if str(escape(start)) != start:
        raise NotFramed
    unsubscribe: list[Piece] = [start, _UNSUBSCRIBE]
    literals = {name: [literal] for name, literal in in_text.items()} | {"unsubscribe_url": unsubscribe}
    return Sources(
        subject=_with_known(subject, literals),
        text=_with_known(text, literals),
        html=_with_known(html, {"unsubscribe_url": unsubscribe}),
        attachments=attachments,
    )


def _with_known(pieces: Sequence[Piece], known: Mapping[str, Sequence[Piece]]) -> list[Piece]:
    """The pieces with the plain `{{ name }}` of known names replaced; neighbouring literals become one."""
    found: list[Piece] = []
    for piece in pieces:
        is_known = isinstance(piece, Lookup) and piece == Lookup(piece.name) and piece.name in known
        for new in known[piece.name] if is_known and isinstance(piece, Lookup) else (piece,):
            if isinstance(new, str) and found and isinstance(found[-1], str):
                found[-1] += new
            elif new != "":
                found.append(new)
    return found

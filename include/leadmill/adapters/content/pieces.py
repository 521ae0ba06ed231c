"""A template taken apart at its top level: literal text, and the slots between it.

What can't be taken apart without changing what it means is left whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jinja2 import nodes
from jinja2.filters import FILTERS

from leadmill.adapters.content.url_places import URL_FILTERS
from leadmill.domain.send_references import LinkKind

_MARKUP = "postal_address"  # the one variable whose HTML holds tags of ours
SIMPLE_FILTERS: Mapping[str, Callable[..., Any]] = {
    **{name: FILTERS[name] for name in ("capitalize", "lower", "title", "trim", "upper")},
    **URL_FILTERS,
}
"""Filters of one value, without arguments, that need nothing of the template engine."""

_DEFAULTS = frozenset({"d", "default"})
_DEFAULT_ARGUMENTS = 2


class NotFramed(Exception):
    """This template, or this recipient's values, need the template as a whole: a detour, never an error."""


@dataclass(frozen=True, slots=True)
class Fallback:
    """The filter `default("…")` with a constant; `for_empty` is its second argument."""

    value: str
    for_empty: bool


@dataclass(frozen=True, slots=True)
class Lookup:
    """`{{ name }}`, perhaps with a default and simple filters: no need to run the template engine for it."""

    name: str
    fallback: Fallback | None = None
    filters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Computed:
    """Any other expression, or an `if` or `for`; equal ones are one slot.

    `is_inert`: whatever it comes to, it has no `<`, `>`, `"` or `'` in HTML, so that it can't open or end a tag.
    `sets`: the `set` statements before it that it reads; the sandbox lets none of them read another.
    """

    text: str
    is_inert: bool = field(compare=False)
    node: nodes.Node = field(compare=False)
    sets: tuple[nodes.Assign, ...] = field(compare=False, default=())


@dataclass(frozen=True, slots=True)
class Token:
    """The signed token of a link whose target is known at compile time (a click's), or that has none."""

    kind: LinkKind
    url: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A link's target that values are part of, with its quotes: tracked or not once the values are known."""

    pieces: tuple[str | Lookup | Computed | Token, ...]
    quote: str


@dataclass(frozen=True, slots=True)
class Tag:
    """A link with values in its tag before its target, up to the target's end: looked through once they are known."""

    pieces: tuple[str | Lookup | Computed | Token, ...]


@dataclass(frozen=True, slots=True)
class Tracked:
    """An `if` or `for` with links inside."""

    block: Computed


Slot = Lookup | Computed | Token | Target | Tag | Tracked
Piece = str | Slot


def take_apart(tree: nodes.Template, *, is_html: bool) -> list[Piece]:
    """The pieces of a whole template; joined, their texts are what the template renders.

    Raises:
        NotFramed: It sets variables elsewhere than at its top level, or none that is read; or it computes with our own
            markup.
    """
    sets: list[nodes.Assign] = []
    read: list[nodes.Assign] = []
    pieces: list[Piece] = []
    for node in tree.body:
        if isinstance(node, nodes.Assign):
            sets.append(node)
            continue
        for piece in _pieces([node], is_html=is_html, sets=sets):
            pieces.append(piece)
            read += piece.sets if isinstance(piece, Computed) else ()
    # What is set and never read is still computed by the whole template, and may fail there.
    if len(list(tree.find_all(nodes.Assign))) > len(sets) or any(each not in read for each in sets):
        raise NotFramed
    if is_html and any(_mentions_markup(each) for each in sets):
        raise NotFramed
    return pieces


def branches(block: Computed) -> Iterator[list[Piece]]:
    """The bodies of an `if` or `for`, each taken apart, for HTML; none of an expression."""
    node = block.node
    if isinstance(node, nodes.If):
        yield list(_pieces(node.body, is_html=True))
        yield list(_pieces(node.else_, is_html=True))
        for other in node.elif_:
            yield list(_pieces(other.body, is_html=True))
    elif isinstance(node, nodes.For):
        yield list(_pieces(node.body, is_html=True))
        yield list(_pieces(node.else_, is_html=True))


def _pieces(body: Sequence[nodes.Node], *, is_html: bool, sets: Sequence[nodes.Assign] = ()) -> Iterator[Piece]:
    for node in body:
        if isinstance(node, nodes.Output):
            for child in node.nodes:
                yield child.data if isinstance(child, nodes.TemplateData) else _slot(child, is_html=is_html, sets=sets)
        elif isinstance(node, nodes.If | nodes.For):
            yield _computed(node, is_html=is_html, sets=sets)
        else:
            raise NotFramed


def _slot(node: nodes.Expr, *, is_html: bool, sets: Sequence[nodes.Assign]) -> Slot:
    lookup = _lookup(node)
    return lookup if lookup and not _of(node, sets) else _computed(node, is_html=is_html, sets=sets)


def _of(node: nodes.Node, sets: Sequence[nodes.Assign]) -> tuple[nodes.Assign, ...]:
    """Those that set a variable which the node reads."""
    names = _names(node)
    return tuple(each for each in sets if names & _names(each.target))


def _names(node: nodes.Node) -> set[str]:
    own = {node.name} if isinstance(node, nodes.Name) else set()
    return own | {name.name for name in node.find_all(nodes.Name)}


def _lookup(expression: nodes.Expr) -> Lookup | None:
    filters: list[str] = []
    node: nodes.Expr | None = expression
    while isinstance(node, nodes.Filter) and node.name in SIMPLE_FILTERS and _has_no_arguments(node):
        filters.append(node.name)
        node = node.node
    fallback = _fallback(node)
    name = node.node if fallback and isinstance(node, nodes.Filter) else node
    if not isinstance(name, nodes.Name) or (name.name == _MARKUP and (filters or fallback)):
        return None
    return Lookup(name.name, fallback, tuple(reversed(filters)))


def _fallback(node: nodes.Expr | None) -> Fallback | None:
    if not isinstance(node, nodes.Filter) or node.name not in _DEFAULTS:
        return None
    if node.kwargs or node.dyn_args or node.dyn_kwargs or not 1 <= len(node.args) <= _DEFAULT_ARGUMENTS:
        return None
    values = [argument.value for argument in node.args if isinstance(argument, nodes.Const)]
    if len(values) < len(node.args):
        return None
    return Fallback(str(values[0]), for_empty=bool(values[1:] and values[1]))


def _has_no_arguments(node: nodes.Filter) -> bool:
    return not (node.args or node.kwargs or node.dyn_args or node.dyn_kwargs)


def _computed(node: nodes.Node, *, is_html: bool, sets: Sequence[nodes.Assign] = ()) -> Computed:
    has_tags = any(set("<>\"'") & set(text.data) for text in node.find_all(nodes.TemplateData))
    if is_html and _mentions_markup(node):
        if not isinstance(node, nodes.If | nodes.For) or not _prints_markup_only(node):
            raise NotFramed
        has_tags = True
    needed = _of(node, sets)
    return Computed(repr((*needed, node)), is_inert=not has_tags, node=node, sets=needed)


def _mentions_markup(node: nodes.Node) -> bool:
    return _MARKUP in _names(node)


def _prints_markup_only(block: nodes.Node) -> bool:
    """Whether each mention of our markup is a plain `{{ … }}` of it, so that nothing is computed with it."""
    printed = [child for output in block.find_all(nodes.Output) for child in output.nodes]
    plain = sum(isinstance(child, nodes.Name) and child.name == _MARKUP for child in printed)
    return plain == sum(name.name == _MARKUP for name in block.find_all(nodes.Name))

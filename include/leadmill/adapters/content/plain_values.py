"""What a template may read of a value, and what may be printed: the values themselves, never their inner parts.

A lead's field is text or a number. `{{ first_name.title }}` would print "<built-in method title …>" to a customer, so
it is refused before approval with what to write instead; what only a lead's values bring to light is never printed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from jinja2 import Undefined, nodes
from jinja2.exceptions import SecurityError

from leadmill.domain.template_fields import variable_name

_LOOP_PARTS = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem"})
"""What a `for` tells of its own course without a call."""

_FILTER_FOR = {"strip": "trim", "lstrip": "trim", "rstrip": "trim", "casefold": "lower", "count": "length"}
"""Python's word for what a filter of another name does."""

_NO_FIELDS = frozenset({"self", "super", "caller", "varargs", "kwargs"})
"""Names that the template engine gives a meaning of its own."""


def printable(value: object) -> object:
    """The value, if it is one that people read: text, a number, yes or no; a missing one is left to the sandbox.

    Raises:
        SecurityError: It is a list, a method, nothing, or another of the engine's own things.
    """
    if isinstance(value, str | int | float | Undefined):
        return value
    if isinstance(value, list | tuple | set | dict):
        raise SecurityError("a list cannot be printed as it is; write {{ … | join(', ') }}")
    raise SecurityError("an expression comes to nothing that can be printed")


def refusals(tree: nodes.Template, filters: Collection[str]) -> Iterator[tuple[int, str]]:
    """Every place that reads inner parts of a value, or prints none: its line, and what to write instead."""
    called = {id(call.node) for call in tree.find_all(nodes.Call)}
    for part in tree.find_all((nodes.Getattr, nodes.Getitem)):
        reason = _refusal(part, filters, is_called=id(part) in called)
        if reason:
            yield part.lineno, reason
    yield from _printed_constants(tree)
    yield from _own_words(tree)


def _refusal(part: nodes.Expr, filters: Collection[str], *, is_called: bool) -> str:
    if isinstance(part, nodes.Getattr):
        return "" if _is_loop_part(part) else _instead(part.node, part.attr, filters, is_called=is_called)
    index = part.arg if isinstance(part, nodes.Getitem) else None
    if isinstance(part, nodes.Getitem) and isinstance(index, nodes.Const) and isinstance(index.value, str):
        return _instead(part.node, index.value, filters, is_called=is_called)
    if isinstance(index, nodes.Const | nodes.Neg | nodes.Slice):
        return ""
    return "In brackets behind a variable stands a number, such as {{ first_name[0] }}."


def _printed_constants(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    """The engine turns constants into text before `printable` sees them."""
    for output in tree.find_all(nodes.Output):
        for child in output.nodes:
            if isinstance(child, nodes.List | nodes.Tuple | nodes.Dict) or _is_nothing(child):
                yield child.lineno, "Text and fields can be printed, a list or nothing cannot."


def _own_words(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    allowed = {id(part.node) for part in tree.find_all(nodes.Getattr) if _is_loop_part(part)}
    in_loops = {id(name) for loop in tree.find_all(nodes.For) for name in loop.find_all(nodes.Name)}
    for name in tree.find_all(nodes.Name):
        is_course = name.name == "loop" and id(name) in in_loops and id(name) not in allowed
        if is_course or name.name in _NO_FIELDS:
            yield name.lineno, f"`{name.name}` is the template engine's own word and no field of a lead."


def _is_nothing(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Const) and node.value is None


def _is_loop_part(part: nodes.Getattr) -> bool:
    return isinstance(part.node, nodes.Name) and part.node.name == "loop" and part.attr in _LOOP_PARTS


def _instead(owner: nodes.Node, part: str, filters: Collection[str], *, is_called: bool) -> str:
    name = owner.name if isinstance(owner, nodes.Name) else "…"
    wanted = _FILTER_FOR.get(part, part)
    if wanted in filters:
        return f"A field has no parts; write {{{{ {name} | {wanted} }}}}."
    if not is_called and hasattr(str, part):
        return f"`{part}` is not available in a template; write {{{{ {name} }}}} alone, or use a filter."
    column = variable_name(part)
    if column and not is_called:
        return f"A field has no parts; write {{{{ {column} }}}}, or {{{{ {name} }}}} alone."
    return "Functions cannot be called in a template; use a filter, such as {{ first_name | upper }}."

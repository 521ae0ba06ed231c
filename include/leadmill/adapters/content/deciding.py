"""By whose values does a template decide what else it reads?

`{% if company %}` looks whether there is a company, `{% if country == "DE" %}` at which country it is. Leads that have
the same fields, and the same values of those that decide, need the same fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from jinja2 import nodes

_Sources = Mapping[str, list[nodes.Node]]
_NUMBERS = frozenset({"employee_count"})  # 0 is a value, and counts as none in a condition
_PRESENCE_TESTS = frozenset({"defined", "undefined", "none"})
_PRESENCE_FILTERS = frozenset({"d", "default"})


def deciding_names(tree: nodes.Template) -> frozenset[str]:
    """Names of the variables by whose values, beyond there being one, conditions decide."""
    sources = _sources(tree)
    return frozenset(name for condition in _conditions(tree) for name in _by_value(condition, sources))


def _conditions(tree: nodes.Template) -> Iterator[nodes.Node]:
    for place in tree.find_all((nodes.If, nodes.CondExpr, nodes.For, nodes.And, nodes.Or)):
        if isinstance(place, nodes.For):
            yield place.iter
            if place.test is not None:
                yield place.test
        elif isinstance(place, nodes.And | nodes.Or):
            yield place.left  # decides whether the right side is read
        elif isinstance(place, nodes.If | nodes.CondExpr):
            yield place.test


def _sources(tree: nodes.Template) -> _Sources:
    """What stands behind the template's own variables."""
    found: dict[str, list[nodes.Node]] = {}
    pairs: list[tuple[nodes.Node, nodes.Node]] = [(place.target, place.node) for place in tree.find_all(nodes.Assign)]
    pairs += [(place.target, place.iter) for place in tree.find_all(nodes.For)]
    for target, behind in pairs:
        for name in _names(target):
            found.setdefault(name, []).append(behind)
    return found


def _by_value(condition: nodes.Node, sources: _Sources) -> Iterator[str]:
    if isinstance(condition, nodes.Not):
        yield from _by_value(condition.node, sources)
    elif isinstance(condition, nodes.And | nodes.Or):
        yield from _by_value(condition.left, sources)
        yield from _by_value(condition.right, sources)
    elif isinstance(condition, nodes.Name):
        if condition.name in _NUMBERS:
            yield condition.name
        for behind in sources.get(condition.name, []):
            yield from _by_value(behind, sources) if isinstance(behind, nodes.Name) else _read(behind, sources)
    elif isinstance(condition, nodes.Test) and condition.name in _PRESENCE_TESTS:
        yield from _by_value(condition.node, sources)
    elif isinstance(condition, nodes.Filter) and condition.name in _PRESENCE_FILTERS and condition.node is not None:
        yield from _by_value(condition.node, sources)
        for argument in condition.args:
            yield from _by_value(argument, sources)
    else:
        yield from _read(condition, sources)


def _read(expression: nodes.Node, sources: _Sources) -> Iterator[str]:
    """The lead's fields that an expression reads, through the template's own variables."""
    for name in _names(expression):
        yield name
        for behind in sources.get(name, []):
            yield from _names(behind)  # the sandbox lets no `set` build on another


def _names(expression: nodes.Node) -> Iterator[str]:
    if isinstance(expression, nodes.Name):
        yield expression.name
    yield from (name.name for name in expression.find_all(nodes.Name))

"""By whose values does a template decide what else it reads?

`{% if company %}` looks whether there is a company, `{% if country == "DE" %}` at which country it is. Leads that have
the same fields, and the same values of those that decide, need the same fields.
"""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes

_NUMBERS = frozenset({"employee_count"})  # 0 is a value, and counts as none in a condition
_PRESENCE_TESTS = frozenset({"defined", "undefined", "none"})
_PRESENCE_FILTERS = frozenset({"d", "default"})


def deciding_names(tree: nodes.Template) -> frozenset[str]:
    """Names of the variables by whose values, beyond there being one, conditions decide."""
    asked, read = set[str](), set[str]()
    for condition in _conditions(tree):
        _look(condition, asked, read)
    behind = _behind(tree)
    todo, done = [(name, False) for name in asked] + [(name, True) for name in read], set[tuple[str, bool]]()
    while todo:  # through the template's own variables, each once: a template may set one thousands of times
        name, is_read = place = todo.pop()
        if place in done:
            continue
        done.add(place)
        more_asked, more_read = behind.get(name, (frozenset(), frozenset()))
        read |= more_asked | more_read if is_read else more_read
        todo += [(other, is_read) for other in more_asked] + [(other, True) for other in more_read]
        read |= {name} & _NUMBERS
    return frozenset(read)


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


def _behind(tree: nodes.Template) -> dict[str, tuple[set[str], set[str]]]:
    """What the template's own variables are made of: names whose presence, and names whose values they show."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    pairs: list[tuple[nodes.Node, nodes.Node]] = [(place.target, place.node) for place in tree.find_all(nodes.Assign)]
    pairs += [(place.target, place.iter) for place in tree.find_all(nodes.For)]
    for target, expression in pairs:
        for name in _names(target):
            _look(expression, *found.setdefault(name, (set(), set())))
    return found


def _look(condition: nodes.Node, asked: set[str], read: set[str]) -> None:
    """Add the names that a condition asks about, and those whose values it reads."""
    if isinstance(condition, nodes.Name):
        asked.add(condition.name)
    elif isinstance(condition, nodes.Not):
        _look(condition.node, asked, read)
    elif isinstance(condition, nodes.And | nodes.Or):
        _look(condition.left, asked, read)
        _look(condition.right, asked, read)
    elif isinstance(condition, nodes.Test) and condition.name in _PRESENCE_TESTS:
        _look(condition.node, asked, read)
    elif isinstance(condition, nodes.Filter) and condition.name in _PRESENCE_FILTERS and condition.node is not None:
        for part in (condition.node, *condition.args):
            _look(part, asked, read)
    else:
        read.update(_names(condition))


def _names(expression: nodes.Node) -> Iterator[str]:
    if isinstance(expression, nodes.Name):
        yield expression.name
    yield from (name.name for name in expression.find_all(nodes.Name))

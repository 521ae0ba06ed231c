"""A campaign's fallbacks, put behind every variable that is printed without a default of its own."""

from __future__ import annotations

from collections.abc import Mapping

from jinja2 import nodes

_DEFAULT = frozenset({"default", "d"})


def apply_fallbacks(tree: nodes.Template, fallbacks: Mapping[str, str]) -> None:
    """Change `{{ first_name | upper }}` to `{{ first_name | default("there") | upper }}` all over a template.

    A default of the template's own stays the nearer one, and conditions still see that a field is missing.
    """
    if not fallbacks:
        return
    # Where `set` or `for` gives a name another meaning, it is not the lead's field.
    own = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    wanted = {name: text for name, text in fallbacks.items() if name not in own}
    for output in tree.find_all(nodes.Output):
        output.nodes = [_with_fallback(node, wanted) if isinstance(node, nodes.Expr) else node for node in output.nodes]
    for assignment in tree.find_all(nodes.Assign):
        if isinstance(assignment.node, nodes.Expr):
            assignment.node = _with_fallback(assignment.node, wanted)


def _with_fallback(node: nodes.Expr, fallbacks: Mapping[str, str]) -> nodes.Expr:
    """The expression with fallbacks behind its variables."""
    if isinstance(node, nodes.Name):
        if node.name not in fallbacks:
            return node
        text = nodes.Const(fallbacks[node.name], lineno=node.lineno)
        return nodes.Filter(node, "default", [text], [], None, None, lineno=node.lineno)
    if isinstance(node, nodes.Filter) and node.name in _DEFAULT and isinstance(node.node, nodes.Name):
        node.args = [_with_fallback(argument, fallbacks) for argument in node.args]
        return node
    if isinstance(node, nodes.CondExpr):
        node.expr1 = _with_fallback(node.expr1, fallbacks)
        node.expr2 = _with_fallback(node.expr2, fallbacks) if node.expr2 else None
        return node
    if isinstance(node, nodes.Test | nodes.Compare | nodes.Not):
        return node
    for field, value in node.iter_fields():
        if isinstance(value, nodes.Expr):
            setattr(node, field, _with_fallback(value, fallbacks))
        elif isinstance(value, list):
            items = [_with_fallback(item, fallbacks) if isinstance(item, nodes.Expr) else item for item in value]
            setattr(node, field, items)
    return node

"""What a slot comes to for one recipient: looked up where that is enough, computed by the sandbox where not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from jinja2 import Template, nodes
from markupsafe import escape

from leadmill.adapters.content.pieces import SIMPLE_FILTERS, Computed, Lookup, NotFramed
from leadmill.adapters.content.plain_values import printable
from leadmill.adapters.content.sandbox import RENDERED_LIMIT, TemplateSandbox

_END = "\x00\x1e\x00"
"""Ends each slot of the common template; a lead's value that holds it makes one too many, and is no frame's."""

_MISSING = object()
_ESCAPED = re.compile("[&<>'\"]")
"""What HTML escaping changes: most names hold none of it, and looking takes a quarter of the time."""


def looked_up(lookup: Lookup, fields: Mapping[str, object], *, escapes: bool) -> str:
    """A plain variable's text.

    Raises:
        KeyError: The lead has no such field, and the template no default for it.
    """
    value = fields.get(lookup.name, _MISSING)
    fallback = lookup.fallback
    if value is _MISSING or (fallback is not None and fallback.for_empty and not value):
        if fallback is None:
            raise KeyError(lookup.name)
        value = fallback.value
    for name in lookup.filters:
        value = SIMPLE_FILTERS[name](value)
    text = value if type(value) is str else _text_of(value)
    return str(escape(text)) if escapes and _ESCAPED.search(text) else text


def _text_of(value: object) -> str:
    """A number's text; what cannot be printed raises, as it does in the whole template."""
    return str(printable(value))


def one_template(slots: Sequence[Computed], sandbox: TemplateSandbox) -> Template:
    """All computed slots of a part as one template: the engine's start-up is paid once a mail, not once a slot."""
    body: list[nodes.Node] = []
    for slot in slots:
        printed = nodes.Output([slot.node]) if isinstance(slot.node, nodes.Expr) else slot.node
        body.append(nodes.Scope([*slot.sets, printed]) if slot.sets else printed)
        body.append(nodes.Output([nodes.TemplateData(_END)]))
    tree = nodes.Template(body)
    tree.set_lineno(1)
    tree.set_environment(sandbox)
    return sandbox.from_string(tree)


def computed(template: Template, fields: dict[str, object], count: int) -> list[str]:
    """The texts of the slots of `one_template`.

    Raises:
        NotFramed: They are too long, or hold what ends a slot.
        Exception: What the sandbox raises when an expression does not work on these values.
    """
    parts: list[str] = []
    size = 0
    for part in template.root_render_func(template.new_context(fields, shared=True)):
        size += len(part)
        if size > RENDERED_LIMIT:
            raise NotFramed
        parts.append(part)
    found = "".join(parts).split(_END)
    if len(found) != count + 1:
        raise NotFramed
    found.pop()
    return found

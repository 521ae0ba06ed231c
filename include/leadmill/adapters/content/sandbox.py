"""The sandbox that analysts' templates run in: values and conditions, nothing that calls, loads or grows without end.

A template is text from a person, filled with text from strangers (lead files), in the process that sends. So it gets
lead fields, `if`, one level of `for`, `set` and a list of filters; every rendered part has a size limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import StrictUndefined, Template, Undefined, meta, nodes
from jinja2.exceptions import SecurityError, TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.filters import FILTERS
from jinja2.sandbox import ImmutableSandboxedEnvironment

from leadmill.adapters.content.deciding import deciding_names
from leadmill.adapters.content.fallbacks import apply_fallbacks
from leadmill.adapters.content.plain_values import printable, refusals
from leadmill.adapters.content.syntax_words import in_words, why_it_fails
from leadmill.adapters.content.time_budget import check, counted, timed
from leadmill.adapters.content.url_places import URL_FILTERS
from leadmill.domain.content_blocks import NO_VERSION
from leadmill.errors import TemplateInvalid

SOURCE_LIMIT = 200_000
"""Characters of one template; Gmail clips a mail's HTML at about 102 kB, so twice that is past any use."""

RENDERED_LIMIT = 500_000
"""Characters of one rendered part."""

NAMES_LIMIT = 40
"""Variables in one expression: `a ~ a ~ …`, ten thousand times, is a gigabyte before any limit on parts sees it."""

_MOST_DIGITS = 10
"""`round` works on 10 to the power of its precision: three million digits would take minutes."""

_ALLOWED_FILTERS = (
    *("abs", "capitalize", "d", "default", "e", "escape", "first", "float", "int", "join", "last", "length"),
    *("lower", "replace", "round", "striptags", "title", "trim", "truncate", "upper", "urlencode", "wordcount"),
)

_REFUSED: dict[type[nodes.Node], str] = {
    nodes.Call: "Functions cannot be called in a template; use a filter, such as {{ first_name | upper }}.",
    nodes.CallBlock: "`call` blocks are not available.",
    nodes.Macro: "Macros are not available; write the text out.",
    nodes.Include: "A template cannot load another one.",
    nodes.Import: "A template cannot load another one.",
    nodes.FromImport: "A template cannot load another one.",
    nodes.Extends: "A template cannot load another one.",
    nodes.Block: "`block` is not available; write the text out.",
    nodes.With: "`with` is not available; use `set`.",
    nodes.AssignBlock: "`set` takes a value, not a block; write {% set x = … %}.",
    nodes.FilterBlock: "`filter` blocks are not available; put the filter behind the variable.",
    nodes.ScopedEvalContextModifier: "Escaping of lead data cannot be switched off.",
    nodes.NSRef: "`namespace` is not available.",
    nodes.Pow: "Powers are not available.",
}
_COUNTED = "in time"
"""The filter around what a `for` runs over; no template can name it."""

_FAILURES = (
    *(TypeError, ValueError, ArithmeticError, LookupError, AttributeError, AssertionError, RecursionError),
    TemplateError,
)
"""What an expression can raise; a filter given nonsense checks it with `assert`."""

_MISSING = re.compile(r"^'([^']{1,100})' is undefined$")


class MissingField(StrictUndefined):
    """A lead field that is absent: may be asked about (`if`, `==`, `default`), may not be printed or computed with."""

    __slots__ = ()
    __eq__ = Undefined.__eq__  # type: ignore[assignment]
    __ne__ = Undefined.__ne__  # type: ignore[assignment]
    __bool__ = Undefined.__bool__  # type: ignore[assignment]
    __hash__ = Undefined.__hash__  # type: ignore[assignment]


class TemplateSandbox(ImmutableSandboxedEnvironment):
    """Jinja without globals, with few filters, and with `*` and `%` for numbers only."""

    intercepted_binops = frozenset(["*", "%"])

    def __init__(self, *, escapes_html: bool) -> None:
        super().__init__(
            undefined=MissingField,
            autoescape=escapes_html,
            finalize=printable,
            cache_size=0,
            keep_trailing_newline=False,
        )
        self.globals = {}
        allowed = {name: FILTERS[name] for name in _ALLOWED_FILTERS}
        allowed |= {"replace": _replace, "join": _join, "round": _round, **URL_FILTERS}
        self.filters = {name: timed(function) for name, function in allowed.items()} | {_COUNTED: counted}

    def _generate(self, source: nodes.Template, *args: Any, **kwargs: Any) -> str:
        """Python of a template, its loops on a budget of time; a part of it may come here a second time."""
        for loop in source.find_all(nodes.For):
            if not (isinstance(loop.iter, nodes.Filter) and loop.iter.name == _COUNTED):
                loop.iter = nodes.Filter(loop.iter, _COUNTED, [], [], None, None, lineno=loop.lineno)
                loop.iter.set_environment(self)
        return super()._generate(source, *args, **kwargs)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Multiply or take the remainder of numbers; `"a" * 10**9` and `"%999999999d" % 1` stay out."""
        if not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise SecurityError(f"`{operator}` works on numbers only.")
        return super().call_binop(context, operator, left, right)


@dataclass(frozen=True, slots=True)
class ParsedTemplate:
    """A template ready to render, its syntax tree, and the names of the variables that it reads and decides by."""

    template: Template
    tree: nodes.Template
    variables: frozenset[str]
    deciding: frozenset[str]


def _round(value: float, precision: int = 0, method: str = "common") -> float:
    found: float = FILTERS["round"](value, max(-_MOST_DIGITS, min(_MOST_DIGITS, precision)), method)
    return found


def _replace(value: object, old: str, new: str) -> str:
    text = str(value)
    if len(text) + text.count(old) * len(new) > RENDERED_LIMIT:
        raise SecurityError("`replace` would make a text that is too long.")
    return text.replace(old, new)


def _join(values: Iterable[object], separator: str = "") -> str:
    texts = [str(value) for value in values]
    if sum(map(len, texts)) + len(separator) * len(texts) > RENDERED_LIMIT:
        raise SecurityError("`join` would make a text that is too long.")
    return separator.join(texts)


def parse(
    source: str, *, sandbox: TemplateSandbox, where: str, fallbacks: Mapping[str, str] | None = None
) -> ParsedTemplate:
    """Compile one template.

    Args:
        source: The template's text.
        sandbox: With or without HTML escaping.
        where: As it begins a sentence, such as "Campaign 7, step 1: the subject".
        fallbacks: What is printed for a variable that a lead lacks and that has no default of its own.

    Raises:
        TemplateInvalid: Too long, a syntax error, or something that the sandbox refuses.
    """
    if len(source) > SOURCE_LIMIT:
        raise TemplateInvalid(f"{where} is longer than {SOURCE_LIMIT:,} characters; shorten it.")
    try:
        tree = sandbox.parse(source)
        _refuse_inner_parts(tree, where)
        _refuse_what_grows(tree, where)
        apply_fallbacks(tree, fallbacks or {})
        variables = frozenset(meta.find_undeclared_variables(tree))
        return ParsedTemplate(sandbox.from_string(tree), tree, variables, deciding_names(tree) & variables)
    except TemplateError as error:
        line = f" (line {error.lineno})" if isinstance(error, TemplateSyntaxError) else ""
        raise TemplateInvalid(f"{where} is no valid template{line}: {in_words(error.message or '')}") from error
    except (*_FAILURES, SyntaxError) as error:
        raise TemplateInvalid(
            f"{where} is no valid template: it is nested too deeply, or has a number that is none."
        ) from error


def _refuse_inner_parts(tree: nodes.Template, where: str) -> None:
    for line, reason in refusals(tree, _ALLOWED_FILTERS):
        raise TemplateInvalid(f"{where}, line {line}: {reason}")


def _refuse_what_grows(tree: nodes.Template, where: str) -> None:
    for node in tree.find_all(tuple(_REFUSED)):
        reason = next(text for kind, text in _REFUSED.items() if isinstance(node, kind))
        raise TemplateInvalid(f"{where}, line {node.lineno}: {reason}")
    for loop in tree.find_all(nodes.For):
        if loop.recursive or any(child.find(nodes.For) or isinstance(child, nodes.For) for child in loop.body):
            raise TemplateInvalid(f"{where}, line {loop.lineno}: a `for` cannot stand inside another `for`.")
    for place in tree.find_all((nodes.Output, nodes.Assign, nodes.For, nodes.If)):
        _refuse_many_names(place, where)
    assignments = list(tree.find_all(nodes.Assign))
    targets = {name.name for a in assignments for name in a.find_all(nodes.Name) if name.ctx == "store"}
    for assignment in assignments:
        for name in assignment.node.find_all(nodes.Name):
            _refuse_chain(name, targets, where)
        if isinstance(assignment.node, nodes.Name):
            _refuse_chain(assignment.node, targets, where)


def _refuse_many_names(place: nodes.Node, where: str) -> None:
    for expression in place.iter_child_nodes(exclude=("body", "elif_", "else_")):
        if sum(1 for _ in expression.find_all(nodes.Name)) > NAMES_LIMIT:
            raise TemplateInvalid(
                f"{where}, line {place.lineno}: an expression names more than {NAMES_LIMIT} variables."
            )


def _refuse_chain(name: nodes.Name, targets: set[str], where: str) -> None:
    """`{% set a = a ~ a %}`, forty times over, is a text of 2⁴⁰ characters."""
    if name.name in targets:
        raise TemplateInvalid(f"{where}, line {name.lineno}: a `set` cannot use another `set` variable ({name.name}).")


def fill(template: Template, variables: Mapping[str, object], where: str) -> str:
    """Render, up to the size limit.

    Raises:
        TemplateInvalid: A variable is missing, or an expression does not work on this lead's values; the message
            names the variable, never a value.
    """
    parts: list[str] = []
    size = 0
    try:
        for part in template.root_render_func(template.new_context(dict(variables), shared=True)):
            check()
            size += len(part)
            if size > RENDERED_LIMIT:
                raise TemplateInvalid(f"{where} grew beyond {RENDERED_LIMIT:,} characters.")
            parts.append(part)
    except UndefinedError as error:
        found = _MISSING.match(error.message or "")
        name = found[1] if found else "a value"
        hint = f'; write {{{{ {name} | default("…") }}}}' if found else "; give it a default"
        if name.startswith(NO_VERSION):
            block = name.removeprefix(NO_VERSION)
            raise TemplateInvalid(
                f"{where} needs a version of block {block} for this lead's category, or a default version.",
                missing=name,
            ) from error
        raise TemplateInvalid(
            f"{where} needs {name}, which is missing{hint}.", missing=found[1] if found else ""
        ) from error
    except SecurityError as error:
        raise TemplateInvalid(f"{where}: {error.message}") from error
    except _FAILURES as error:
        raise TemplateInvalid(f"{where} cannot be filled in: {why_it_fails(error)}") from None
    return "".join(parts)

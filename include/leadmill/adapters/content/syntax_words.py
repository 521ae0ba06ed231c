"""What is wrong with a template, in words of who writes templates instead of the parser's."""

from __future__ import annotations

import re

from jinja2 import TemplateError

_SENTENCES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), sentence)
    for pattern, sentence in (
        (r"needs to be closed is 'set'", r"`set` takes a value; write `{{% set x = … %}}`."),
        (
            r"unexpected end of template\b.*needs to be closed is '(\w+)'",
            r"`{{% {0} %}}` is never closed; write `{{% end{0} %}}` behind what belongs to it.",
        ),
        (
            r"unknown tag '(\w+)'.*looking for.*: (.*?)\. The innermost block that needs to be closed is '(\w+)'",
            r"`{{% {0} %}}` cannot stand here; `{{% {2} %}}` wants {1} first.",
        ),
        (r"unknown tag '(end|else|elif)(\w*)'", r"`{{% {0}{1} %}}` stands here without a beginning before it."),
        (r"unknown tag '(\w+)'", r"there is no `{{% {0} %}}`; `if`, `for` and `set` are known."),
        (
            r"unexpected end of template",
            r"something opened is never closed; a `}}}}` or `%}}` is missing.",
        ),
        (r"missing end of (comment|raw)", r"a {0} block is never closed."),
        (r"no filter named '(.{1,40})'", r"there is no filter `{0}`."),
        (r"no test named '(.{1,40})'", r"after `is`, `{0}` means nothing; write `==` to compare."),
        (
            r"unexpected char (.{3,4}) at",
            r"the character {0} cannot stand inside `{{{{ … }}}}` or `{{% … %}}`; text stands in quotes.",
        ),
        (
            r"expected token 'end of print statement', got '?(.*?)'?$",
            r"`}}}}` is expected before {0}: one field stands between them, as in `{{{{ first_name }}}}`.",
        ),
        (
            r"expected token 'end of statement block', got '='",
            r"to compare, write `==`.",
        ),
        (r"expected token 'end of statement block', got '?(.*?)'?$", r"`%}}` is expected before {0}."),
        (
            r"expected an expression|expected token 'name'|tag name expected|unexpected 'end of",
            r"a name is missing where one is needed.",
        ),
        (r"unexpected '(.)'|got '(\})'", r"a bracket does not fit: `{{{{` ends with `}}}}`, and `{{%` with `%}}`."),
        (r"expected token '(.{1,20})', got '(.{1,20})'", r"{0} is expected before {1}."),
    )
)


def in_words(message: str) -> str:
    """The parser's message as a sentence for people; the message itself where it is none of those known."""
    for pattern, sentence in _SENTENCES:
        if found := pattern.search(message):
            return sentence.format(*(group or "" for group in found.groups()))
    return message


def why_it_fails(error: Exception) -> str:
    """Why an expression that reads well does not work on a lead's values; never a value."""
    if isinstance(error, TemplateError):
        return in_words(error.message or "")
    if isinstance(error, ArithmeticError):
        return "a number is divided by zero, or grows too large."
    if isinstance(error, TypeError):
        return "a text and a number do not go together; lead fields are texts."
    return "an expression does not work on this lead's values."

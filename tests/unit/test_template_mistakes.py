"""A mistake in a template is told in words of who writes templates, not in its parser's."""

from __future__ import annotations

import pytest

from leadmill.adapters.content.sandbox import TemplateSandbox, fill, parse
from leadmill.errors import TemplateInvalid

HTML = TemplateSandbox(escapes_html=True)


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{{ first_name", "something opened is never closed; a `}}` or `%}` is missing."),
        ("{{ first name }}", "`}}` is expected before name: one field stands between them, as in `{{ first_name }}`."),
        ("{% if company %}x", "`{% if %}` is never closed; write `{% endif %}` behind what belongs to it."),
        ("{% endif %}", "`{% endif %}` stands here without a beginning before it."),
        ("{% else %}", "`{% else %}` stands here without a beginning before it."),
        ("{% include_once %}", "there is no `{% include_once %}`; `if`, `for` and `set` are known."),
        ("{% for a in b %}{% endif %}", "`{% endif %}` cannot stand here; `{% for %}` wants 'endfor' or 'else' first."),
        ("{{ first_name | shout }}", "there is no filter `shout`."),
        ("{% if company = 'x' %}{% endif %}", "to compare, write `==`."),
        ("{{ company is big }}", "after `is`, `big` means nothing; write `==` to compare."),
        ("{# note", "a comment block is never closed."),
        ("{{ first_name ! }}", "the character '!' cannot stand inside `{{ … }}` or `{% … %}`; text stands in quotes."),
        ("{% set a %}", "`set` takes a value; write `{% set x = … %}`."),
        ("{{ a + }}", "a name is missing where one is needed."),
    ],
)
def test_a_mistake_is_a_sentence(template: str, says: str) -> None:
    with pytest.raises(TemplateInvalid) as refused:
        parse(template, sandbox=HTML, where="The subject")
    assert str(refused.value) == f"The subject is no valid template (line 1): {says}"


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{{ company | truncate(2) }}", "an expression does not work on this lead's values."),
        ("{% if company is big %}x{% endif %}", "after `is`, `big` means nothing; write `==` to compare."),
        ("{{ company + 1 }}", "a text and a number do not go together; lead fields are texts."),
        ("{{ company | int / 0 }}", "a number is divided by zero, or grows too large."),
    ],
)
def test_what_fails_only_when_a_mail_is_filled_in_is_a_sentence_too(template: str, says: str) -> None:
    parsed = parse(template, sandbox=HTML, where="The subject")
    with pytest.raises(TemplateInvalid) as refused:
        fill(parsed.template, {"company": "Acme and Sons"}, "The subject")
    assert str(refused.value) == f"The subject cannot be filled in: {says}"

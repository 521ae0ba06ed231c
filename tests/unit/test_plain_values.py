"""Templates print values, never a value's inner parts."""

from __future__ import annotations

import pytest

from leadmill.adapters.content.sandbox import TemplateSandbox, fill, parse
from leadmill.errors import TemplateInvalid

SANDBOX = TemplateSandbox(escapes_html=True)
FIELDS: dict[str, object] = {"first_name": "ann", "employee_count": 3, "tags": ["a"], "nested": {"a": 1}}


def rendered(source: str) -> str:
    return fill(parse(source, sandbox=SANDBOX, where="The body").template, FIELDS, "The body")


@pytest.mark.parametrize(
    ("source", "instead"),
    [
        ("{{ first_name.title }}", "write {{ first_name | title }}"),
        ("{{ first_name.title() }}", "write {{ first_name | title }}"),
        ("{{ first_name['title'] }}", "write {{ first_name | title }}"),
        ("{{ first_name.strip() }}", "write {{ first_name | trim }}"),
        ("{% set x = first_name.upper %}{{ x }}", "write {{ first_name | upper }}"),
        ("{% if first_name.upper %}x{% endif %}", "write {{ first_name | upper }}"),
        ("{{ first_name.format }}", "write {{ first_name }} alone"),
        ("{{ first_name.zfill(100) }}", "Functions cannot be called"),
        ("{{ lead.first_name }}", "write {{ first_name }}"),
        ("{{ contact['Favourite Colour'] }}", "write {{ favourite_colour }}"),
        ("{{ first_name[employee_count] }}", "a number, such as"),
    ],
)
def test_a_value_s_parts_are_refused_with_what_to_write(source: str, instead: str) -> None:
    with pytest.raises(TemplateInvalid) as refused:
        parse(source, sandbox=SANDBOX, where="The body")
    assert instead in str(refused.value)


@pytest.mark.parametrize(
    "source",
    [
        *("{{ self }}", "{{ self.body }}", "{{ caller }}", "{% for c in first_name %}{{ loop }}{% endfor %}"),
        *("{{ [1, 2] }}", "{{ none }}", "{{ {'a': 1} }}", "{{ tags }}", "{{ nested }}", "{{ nick | default(none) }}"),
        *("{{ first_name or none }}{{ none if first_name else 1 }}", "{{ (1, 2) }}", "{{ range }}", "{{ lipsum }}"),
        *("{% for c in first_name %}{{ loop.cycle }}{% endfor %}", "{{ namespace }}", "{{ dict }}", "{{ cycler }}"),
    ],
)
def test_nothing_internal_is_printed(source: str) -> None:
    with pytest.raises(TemplateInvalid):
        rendered(source)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ first_name | title }} {{ employee_count }}", "Ann 3"),
        ("{{ first_name[0] | upper }}{{ first_name[:2] }}{{ first_name[-1] }}", "Aann"),
        ("{% for c in first_name %}{{ loop.index }}{{ c }}{% if not loop.last %},{% endif %}{% endfor %}", "1a,2n,3n"),
        ("{{ tags | join(', ') }}", "a"),
        ("{{ nick | default('there') }}", "there"),
    ],
)
def test_values_filters_and_a_loop_s_course_are_printed(source: str, text: str) -> None:
    assert rendered(source) == text

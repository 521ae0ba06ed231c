"""Styles go onto elements; Jinja tags and everything else of a template stay exactly as they were."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from leadmill.adapters.content.inline_css import inline_css
from leadmill.errors import TemplateInvalid

STYLE_ATTRIBUTE = re.compile(r"""\s*style\s*=\s*("[^"]*"|'[^']*')""")
SHEET = re.compile(r"<style[^>]*>.*?</style>", re.DOTALL)


def inlined(source: str) -> str:
    return inline_css(source, where="Step 1: the HTML body")


def bare(html: str) -> str:
    """A page without any style."""
    return STYLE_ATTRIBUTE.sub("", SHEET.sub("", html))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('<style>p{color:red}</style><p class="a">x</p>', '<p class="a" style="color: red">x</p>'),
        ("<style>.a{margin:0}</style><br class=a /><p>x", '<br class=a style="margin: 0" /><p>x'),
        (
            "<style>td{margin:0}</style><table>{% for x in y %}<tr><td>{{ x }}</td></tr>{% endfor %}</table>",
            '<table>{% for x in y %}<tr><td style="margin: 0">{{ x }}</td></tr>{% endfor %}</table>',
        ),
        (
            "<style>.a p{margin:0}</style>{% if x > 1 %}<div class='a'>{% else %}<div>{% endif %}<p>{{ x }}</p></div>",
            "{% if x > 1 %}<div class='a'>{% else %}<div>{% endif %}<p style=\"margin: 0\">{{ x }}</p></div>",
        ),
        (
            '<style>p{color:{{ c | default("#fff") }}}</style><p>x</p>',
            '<p style="color: {{ c | default("#fff") }}">x</p>',
        ),
        (
            '<style>p{color:red}</style><p style="color:{{ c | default("blue") }}">x</p>',
            '<p style="color: red; color:{{ c | default("blue") }}">x</p>',
        ),
    ],
)
def test_a_rule_goes_onto_the_elements_it_holds_for(source: str, expected: str) -> None:
    assert inlined(source) == expected


def test_what_no_attribute_can_hold_stays_in_the_sheet() -> None:
    sheet = "p{color:red} @media (max-width:600px){p{margin:0}} a:hover{color:blue}"
    found = inlined(f"<html><head><style>{sheet}</style></head><body><p>x</p><a href='#'>y</a></body></html>")
    assert "@media (max-width:600px)" in found
    assert "a:hover" in found
    assert '<p style="color: red">' in found
    assert "p { color: red" not in found


@pytest.mark.parametrize(
    "element",
    ['<p {% if x %}class="a"{% endif %}>', '<p class="{{ kind }}">', "<p {{ more }}>", "<p class={{ kind }}>"],
)
def test_where_a_tag_chooses_the_class_every_rule_stays_in_the_sheet(element: str) -> None:
    source = f"<style>.a{{color:red}} b{{margin:0}}</style>{element}<b>x</b></p>"
    found = inlined(source)
    assert found.startswith("<style>.a{color:red} b{margin:0}</style>" + element)
    assert '<b style="margin: 0">' in found


def test_a_sheet_with_conditions_is_left_alone() -> None:
    source = "<style>{% if dark %}p{color:white}{% endif %}</style><p>x</p>"
    assert inlined(source) == source


def test_comments_for_outlook_and_print_sheets_are_left_alone() -> None:
    kept = '<!--[if mso]><p class="a">x</p><![endif]--><style media="print">.a{color:black}</style>'
    found = inlined(f'<style>.a{{color:red}}</style>{kept}<p class="a">y</p>')
    assert found == f'{kept}<p class="a" style="color: red">y</p>'


def test_nothing_is_loaded_from_elsewhere() -> None:
    source = (
        '<link rel="stylesheet" href="file:///etc/hostname"><link rel="stylesheet" href="http://127.0.0.1:9/x.css">'
        "<style>@import url(http://127.0.0.1:9/y.css);p{margin:0}</style><p>x</p>"
    )
    assert '<p style="margin: 0">x</p>' in inlined(source)


def test_a_template_without_a_sheet_comes_back_as_it_is() -> None:
    source = "<p style='color:{{ c }}'>{% if x %}{{ x }}{% endif %}"
    assert inlined(source) is source


PIECES = st.sampled_from(
    [
        *("<p>", "</p>", '<p class="a">', "<div class='b'>", "</div>", "<br/>", '<td style="width:3px">', "<table>"),
        *(
            "<tr>",
            "</tr>",
            "</table>",
            "text &amp; more",
            "é 北京 ",
            "<!-- {{ c }} -->",
            "<a href='x?a=1&amp;b={{ d }}'>",
        ),
        *("{{ name }}", '{{ name | default("a > b") }}', "{% if x > 1 %}", "{% else %}", "{% endif %}", "{# </p> #}"),
        *("{% for y in z %}", "{% endfor %}", '<p {% if x %}class="a"{% endif %}>', '<p id="{{ n }}" class="a">'),
        *(
            "<style>.a{color:red} p{margin:0}</style>",
            "<style>@media print{p{margin:0}} div > p{top:{{ t }}px}</style>",
        ),
        *("<", ">", "<p title='a>b'>", '<img alt="{{ q }}" class=a>', "<style>p{color", "<title>{{ t }}</title>"),
    ]
)


@given(st.lists(PIECES, max_size=25).map("".join))
@settings(max_examples=300, deadline=None)
def test_nothing_but_styles_ever_changes(source: str) -> None:
    found = inlined(source)
    assert bare(found) == bare(source)


@given(st.lists(PIECES.filter(lambda p: not p.startswith("{%")), max_size=15).map("".join))
@settings(max_examples=100, deadline=None)
def test_a_page_renders_as_before_but_for_its_styles(source: str) -> None:
    environment = Environment(autoescape=True)
    values = {"name": "<Eva>", "c": "red", "t": "3", "d": "1", "q": '"', "n": "7", "x": True}
    before = environment.from_string(source).render(values)
    after = environment.from_string(inlined(source)).render(values)
    assert bare(after) == bare(before)


@pytest.mark.parametrize(
    "nested",
    [
        "<div>" * 25_000,
        "<table><tr><td>" * 10_000,
        "<div></p></b>" * 10_000,
        "<p>" + "<b>" * 90 + "</p>" + "<p><br>" * 10_000,
    ],
    ids=["elements", "tables", "end tags of others", "formatting opened anew"],
)
def test_elements_nested_without_end_are_refused_before_they_end_the_process(nested: str) -> None:
    with pytest.raises(TemplateInvalid, match="inside each other"):
        inlined(f"<style>a{{color:red}}</style>{nested}")


def test_many_elements_side_by_side_are_not_nested() -> None:
    rows = "<tr><td><p>x<br><a href=/>y</a>" * 500
    page = f"<style>td{{margin:0}}</style><table>{rows}</table>" + "<div><b>z</b></div>" * 500
    assert inlined(page).count('style="margin: 0"') == 500


@pytest.mark.parametrize("opened", ["<style>", "<!--", "<title>", "<textarea>", '<i "', "<i '", "{% raw %}{#"])
def test_what_is_opened_and_never_closed_takes_no_time_and_stays_as_it_is(opened: str) -> None:
    began = time.process_time()
    rest = opened * (180_000 // len(opened))
    assert inlined(f"<style>a{{color:red}}</style><a>x</a>{rest}") == f'<a style="color: red">x</a>{rest}'
    assert time.process_time() - began < 2

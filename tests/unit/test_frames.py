"""Frames: what all mails of a variant share is made once, and each mail is still what its templates say."""

from __future__ import annotations

import time
from html import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from leadmill.adapters.content.compiler import JinjaContent, JinjaContentCompiler
from leadmill.adapters.content.header_values import single_line
from leadmill.adapters.content.sandbox import TemplateSandbox, fill, parse
from leadmill.adapters.content.text_part import close_gaps
from leadmill.adapters.content.tracking import Edge, add_pixel, track_links
from leadmill.adapters.content.url_places import encode_in_html, encode_in_text
from leadmill.domain.messages import Frame, OutgoingMessage
from leadmill.domain.send_references import unsubscribe_url
from leadmill.domain.template_fields import template_fields
from leadmill.errors import TemplateInvalid
from leadmill.ports.content import Organisation, Recipient, Sender, VariantContent

EDGE = Edge("https://edge.acme.test", b"k" * 32)
ORGANISATION = Organisation("Acme & Sons", "Main Street 1\n10115 Berlin")
SENDER = Sender("ann@mail.acme.test", "Ann of Acme", "mail.acme.test")
COMPILER = JinjaContentCompiler(edge_base_url=EDGE.base_url, key=EDGE.key)
HTML_FOOTER = '<p>{{ postal_address }}<br><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>'
TEXT_FOOTER = "\n\n{{ postal_address }}\n{{ unsubscribe_url }}"


def compiled(html: str, text: str = "Hello", subject: str = "Hi", **changes: bool) -> JinjaContent:
    html, text = f"<html><body>{html}{HTML_FOOTER}", f"{text}{TEXT_FOOTER}"
    return COMPILER.compile(VariantContent(7, 1, 3, subject, html, text, **changes), ORGANISATION)


def render(content: JinjaContent, send_id: int = 42, **fields: object) -> OutgoingMessage:
    return content.render(
        send_id=send_id, recipient=Recipient(9, "eva@people.test", template_fields(fields)), sender=SENDER
    )


def whole(html: str, text: str, subject: str, fields: dict[str, object], **tracks: bool) -> tuple[str, str, str]:
    """Subject, text and HTML by the template engine alone, each template rendered as a whole."""
    unsubscribe = unsubscribe_url(EDGE.base_url, 42, EDGE.key)
    lines = ORGANISATION.postal_address.splitlines()
    values = {name: value for name, value in fields.items() if value not in (None, "")} | {
        "email": "eva@people.test",
        "organisation": ORGANISATION.name,
        "postal_address": "\n".join(lines),
        "sender_name": SENDER.display_name,
        "unsubscribe_url": unsubscribe,
    }

    def rendered(source: str, values: dict[str, object], *, escapes_html: bool) -> str:
        sandbox = TemplateSandbox(escapes_html=escapes_html)
        return fill(parse(source, sandbox=sandbox, where="it").template, values, "it")

    body = encode_in_html(f"<html><body>{html}{HTML_FOOTER}")
    body = rendered(body, values | {"postal_address": Markup("<br>").join(lines)}, escapes_html=True)
    if tracks.get("track_clicks", True):
        body = track_links(body, edge=EDGE, send_id=42)
    if tracks.get("track_opens", True):
        body = add_pixel(body, edge=EDGE, send_id=42)
    title = single_line(rendered(subject, values, escapes_html=False))
    assert title
    return title, close_gaps(rendered(encode_in_text(text + TEXT_FOOTER), values, escapes_html=False)), body


FRAGMENTS = st.sampled_from(
    [
        *("{{ company }}", "{{ company }}", "{{ city | default('there') }}", "{{ city | d('', true) | upper }}"),
        *(
            "{{ company | title }}",
            "{{ company | truncate(3) }}",
            "{{ company ~ '<' ~ city }}",
            "{{ '<b>' }}",
            "{{ 1 }}",
        ),
        *("{{ postal_address }}", "{{ unsubscribe_url }}", "{{ organisation }}", "{{ email }}", "{{ sender_name }}"),
        *("{{ postal_address | upper }}", "{{ company | urlencode }}", "{{ company | e }}", "{{ company | length }}"),
        *("{% if city %}<p>{{ city }}</p>{% elif company %}\n\n{% else %}<a href='http://n.test'>n</a>{% endif %}",),
        *("{% if city %}", "{% else %}", "{% endif %}", "{% for c in company %}{{ loop.index }}", "{% endfor %}"),
        *("{%- if city -%}", " {#- note -#} ", "{% raw %}{{ x }}{% endraw %}", "{% set who = company %}", "{{ who }}"),
        *(
            '<a href="https://one.test/?a=1&amp;b=2">',
            '<a class="b" href="http://two.test">',
            "</a>",
            "<area href='x'>",
        ),
        *(
            '<a href="https://{{ company }}.test">',
            "<a href='http://t.test/{{ city | default('x') }}'>",
            "<a {{ company }}",
        ),
        *(
            '<a title="{{ company }}" href="https://three.test">',
            '<a href="{{ unsubscribe_url }}">',
            "<a",
            "href=",
            '"',
        ),
        *(
            '<a href="mailto:{{ email }}">',
            '<a href="{% if city %}https://c.test{% else %}#{% endif %}">',
            "<",
            ">",
            "'",
        ),
        *(
            '<a href="{% if city %}https://c.test"{% else %}#"{% endif %}>',
            "<A HREF = 'https://four.test' >",
            ' href="',
        ),
        *(
            "<p>",
            "</p>",
            "</body>",
            "</body ",
            "</b",
            "ody>",
            "a",
            "\n",
            "\n\n",
            "\n\n\n\n",
            " ",
            "\t",
            ".",
            "=",
            "Grüße 北京 🎉",
        ),
    ]
)
TEMPLATES = st.lists(FRAGMENTS, max_size=12).map("".join)
WORDS = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=12),
    st.text(st.sampled_from("<>\"'&=.ab \r\n\t\x00\x1e\u2028\U0010fffd"), max_size=12),
    st.sampled_from(["", " href=", "https://", "a href=", "\x00\x1e\x00", "\n\n\n", "</body>", "x" * 100]),
)
FIELDS = st.fixed_dictionaries(
    {}, optional={"company": st.one_of(WORDS, st.integers(), st.booleans(), st.none()), "city": WORDS}
)


@given(html=TEMPLATES, text=TEMPLATES, subject=TEMPLATES, fields=FIELDS, opens=st.booleans(), clicks=st.booleans())
@settings(max_examples=400, deadline=None)
def test_a_mail_is_what_its_templates_say_whatever_they_and_the_lead_hold(
    html: str, text: str, subject: str, fields: dict[str, object], opens: bool, clicks: bool
) -> None:
    tracks = {"track_opens": opens, "track_clicks": clicks}
    try:
        expected = whole(html, text, "Hi " + subject, fields, **tracks)
    except TemplateInvalid:
        with pytest.raises(TemplateInvalid):
            render(compiled(html, text, "Hi " + subject, **tracks), **fields)
        return
    mail = render(compiled(html, text, "Hi " + subject, **tracks), **fields)
    assert (mail.subject, mail.text, mail.html) == expected


@given(
    part=st.lists(
        st.sampled_from(
            [
                *("{{ company }}", "{{ city | default('there') }}", "{% if city %}\n\n<p>{{ city }}</p>{% endif %}"),
                *('<a href="https://one.test">', "<a href='https://{{ company }}.test/?x={{ city | d(1) }}'>", "</a>"),
                *("{% if city %}<a href='https://one.test/{{ city }}'>x</a>{% endif %}", "\n\n", "<p>", "Grüße ", "."),
                *("{% for c in company %}<b>{{ c }}</b>{% else %}none{% endfor %}", "{{ company | upper }}"),
            ]
        ),
        max_size=10,
    ).map("".join),
    fields=FIELDS,
)
@settings(max_examples=150, deadline=None)
def test_whole_links_and_blocks_are_framed_and_are_what_the_templates_say(part: str, fields: dict[str, object]) -> None:
    content = compiled(part, part)
    try:
        expected = whole(part, part, "Hi", fields)
    except TemplateInvalid:
        with pytest.raises(TemplateInvalid):
            render(content, **fields)
        return
    mail = render(content, **fields)
    assert (mail.subject, mail.text, mail.html) == expected


def test_two_recipients_share_the_frame_and_only_their_values_differ() -> None:
    content = compiled("<p>Hello {{ first_name }}</p>", "Hello {{ first_name }}", "For {{ first_name }}")
    ann, ben = render(content, 1, first_name="Ann"), render(content, 2, first_name="<Ben>")
    assert ann.frame is ben.frame
    assert "Ann" in ann.values
    assert {"<Ben>", "&lt;Ben&gt;"} <= set(ben.values)
    assert (ann.subject, ben.subject) == ("For Ann", "For <Ben>")


def test_equal_expressions_are_one_slot() -> None:
    once, twice = compiled("{{ company }}{{ city | upper }}"), compiled("{{ company }}{{ city | upper }}" * 5)
    fields = {"company": "Acme", "city": "Pune"}
    assert len(render(once, **fields).values) == len(render(twice, **fields).values)


def test_the_values_of_a_frame_without_computed_slots_are_its_slots_alone() -> None:
    mail = render(compiled("<p>{{ company }}</p>"), company="Acme")
    assert set(mail.frame.slots()) <= set(range(len(mail.values)))
    literal = "".join(piece for piece in mail.frame.html if isinstance(piece, str))
    assert "Main Street 1<br>10115 Berlin" in literal
    assert literal.count("https://edge.acme.test/") == 2  # the starts of unsubscribe link and pixel


@pytest.mark.parametrize(
    "html",
    [
        "{% set who = company | upper %}<p>{{ who }}</p>{% if who %}<b>{{ who }}</b>{% endif %}",
        "{{ company }}{% set company = city %}{{ company }}{% set company = city | upper %}{{ company }}",
        "<a href='https://one.test/{{ city }}'>{% set city = company %}x</a><a href='https://one.test/{{ city }}'>",
        "{% set a, b = company %}{{ a }}{{ b }}{{ a }}",
        "{% set organisation = city %}{{ organisation }}",
    ],
)
def test_what_is_set_at_the_top_holds_from_there_on(html: str) -> None:
    fields = {"company": "<B", "city": "Pune"}
    content = compiled(html, html, "Hi " + html)
    mail = render(content, **fields)
    assert (mail.subject, mail.text, mail.html) == whole(html, html, "Hi " + html, fields)
    assert mail.frame is render(content, **fields | {"city": "Delhi"}).frame
    assert any(isinstance(piece, str) for piece in mail.frame.html)


def test_a_tracked_link_s_target_is_in_the_frame_and_its_token_in_the_values() -> None:
    mail = render(compiled('<a href="https://one.test/?a=1&amp;b=2">x</a>'))
    literal = "".join(piece for piece in mail.frame.html if isinstance(piece, str))
    assert escape("?u=https%3A%2F%2Fone.test%2F%3Fa%3D1%26b%3D2") in literal
    assert not any("one.test" in value for value in mail.values)


@pytest.mark.parametrize(
    "html",
    [
        "{% if company %}{% set who = company %}{% endif %}<p>{{ who }}</p>",
        "{% set who = company | float %}<p>{{ company }}</p>",
        '{% if company %}<a title="{{ company }}" href="https://one.test">x</a>{% endif %}',
        '<a href="https://one.test/{% if company %}a"{% endif %}>x</a>',
        "<{{ company }} href='https://one.test'>",
        "{% if company %}</body>{% endif %}",
        "{{ postal_address | upper }}",
    ],
)
def test_what_can_t_be_taken_apart_safely_is_rendered_as_a_whole(html: str) -> None:
    mail = render(compiled(html), company="Acme")
    assert (mail.frame.text, mail.frame.html) == ((1,), (2,))
    assert mail.html == whole(html, "Hello", "Hi", {"company": "Acme"})[2]


@pytest.mark.parametrize(
    ("html", "company"),
    [
        ('<a {{ company }}"https://one.test">x</a>', "x href="),
        ('<a title="{{ company }}" href="https://one.test">x</a>', "x href="),
        ('<a title="{{ company }}" href="https://one.test/{{ company }}">x</a>', "Acme & Co"),
        ('<a title="{{ company }}" href="{{ unsubscribe_url }}">x</a>', "Acme"),
        ('<a title={{ company }} href="https://one.test/"> <a href="https://two.test">x</a>', " href="),
        ('<a {{ company }} title="b" href="https://one.test">x</a> <a href="https://two.test">', " href="),
        ('<a hr{{ company }}="b" href="https://one.test">x</a>', "ef"),
        ('<{{ company }} href="https://one.test">x</a>', "a"),
        ('<a{{ company }} href="https://one.test">x</a>', "rea"),
        ('<ar{{ company }} href="https://one.test">x</a>', "ea"),
        ("</body{{ company }}></p>", " "),
        ("</bo{{ company }}></p>", "dy"),
        ('<a href="{% if company %}#"{% endif %} title="https://one.test">', "x"),
        ('{% if company %}<a {% endif %}href="https://one.test">', "x"),
        ('<a href="https://one.test{% if company %}">x{% endif %}<b class="', "x"),
        ('<a {{ company }} href="</body>', "x"),
        ("<a href='</body>{{ company }}'>x</a>", "x"),
        ('<a href="{{ company }}">x</a>', "https://one.test/a&b"),
        ("<a href=' {{ company }} '>x</a>", "https://one.test/a'b"),
        ("<a href='{{ company }}'>x</a>", "ftp://one.test"),
        ('<a href="{{ company }}">x</a>', unsubscribe_url(EDGE.base_url, 42, EDGE.key)),
        ('{% if company %}<a href="https://one.test/{{ company }}">x</a>{% endif %}', "<&'"),
        ('{% for c in company %}<a href="https://one.test/{{ c }}">x</a>{% endfor %}', "abc"),
    ],
)
def test_links_and_ends_that_hang_on_a_value_are_what_the_templates_say(html: str, company: str) -> None:
    mail = render(compiled(html), company=company)
    assert mail.html == whole(html, "Hello", "Hi", {"company": company})[2]


def test_a_value_inside_a_link_s_tag_is_in_the_frame_too() -> None:
    html = '<a title="{{ company }}" href="https://one.test/{{ city }}">x</a>'
    content = compiled(html)
    mails = [render(content, company=company, city="Pune") for company in ("Acme", "<b>", 'x" href=', " href=")]
    assert len({mail.frame for mail in mails}) == 1
    for mail, company in zip(mails, ("Acme", "<b>", 'x" href=', " href="), strict=True):
        assert mail.html == whole(html, "Hello", "Hi", {"company": company, "city": "Pune"})[2]


def test_an_odd_value_takes_the_detour_alone() -> None:
    content = compiled("<p>{{ company }}</p>{{ city | default('') | truncate(3) }}")
    plain, odd = render(content, company="Acme"), render(content, company="Acme", city="\x00\x1e\x00")
    assert plain.frame is render(content, company="Bee").frame
    assert odd.frame is not plain.frame
    assert (
        odd.html
        == whole(
            "<p>{{ company }}</p>{{ city | default('') | truncate(3) }}",
            "Hello",
            "Hi",
            {"company": "Acme", "city": "\x00\x1e\x00"},
        )[2]
    )


def test_a_hole_in_the_text_is_closed_and_the_html_still_shared() -> None:
    content = compiled("<p>x</p>", "Hello\n\n{% if city %}Near {{ city }}{% endif %}\n\nBye")
    near, far = render(content, city="Pune"), render(content)
    assert near.text.startswith("Hello\n\nNear Pune\n\nBye")
    assert far.text.startswith("Hello\n\nBye")
    assert far.frame.html is near.frame.html


def test_a_mail_beyond_the_size_limit_is_refused_and_one_below_is_not() -> None:
    content = compiled("{{ company }}" * 4)
    assert len(render(content, company="a" * 100_000).html) > 400_000
    with pytest.raises(TemplateInvalid, match="grew beyond"):
        render(content, company="a" * 150_000)


def test_a_frame_is_equal_to_itself_alone() -> None:
    assert Frame.of("a", "b", "c") != Frame.of("a", "b", "c")
    assert len({Frame.of("a", "b", "c"), Frame.of("a", "b", "c")}) == 2


@pytest.mark.parametrize("opened", ["<a href=", "<a ", "<a x='", '<a x="', "<area <"])
def test_links_that_are_never_closed_take_no_time_and_stay_as_they_are(opened: str) -> None:
    began = time.process_time()
    rest = opened * (120_000 // len(opened))
    mail = render(compiled(f'<p><a href="https://one.test">x</a></p>{rest}', "Hello"))
    assert time.process_time() - began < 2
    assert rest in mail.html
    assert 'href="https://edge' in mail.html

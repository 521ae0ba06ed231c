"""Blocks by category and fallbacks: what each lead's mail says, and that neither can break a template."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadmill.adapters.content.attached import StoredAttachments
from leadmill.adapters.content.compiler import JinjaContent, JinjaContentCompiler
from leadmill.domain.attachments import AttachedFile
from leadmill.domain.content_blocks import NO_VERSION, ContentBlock, blocks_problems, used_blocks
from leadmill.domain.messages import OutgoingMessage
from leadmill.domain.template_fields import fallback_problems, template_fields
from leadmill.errors import TemplateInvalid
from leadmill.ports.content import Organisation, Recipient, Sender, VariantContent

ORGANISATION = Organisation("Acme", "Main Street 1")
SENDER = Sender("ann@mail.acme.test", "Ann", "mail.acme.test")
FOOTER = '<p>{{ postal_address }} <a href="{{ unsubscribe_url }}">Unsubscribe</a></p>'
COMPILER = JinjaContentCompiler(edge_base_url="https://edge.acme.test", key=b"k" * 32)
INTRO = ContentBlock(
    "intro",
    "<p>Dear {{ first_name }}</p>",
    (
        ("hotel", "<p>For <b>hotels</b> &amp; guests, {{ first_name }}</p>"),
        ("café", "{% if city %}<p>{{ city }}</p>{% endif %}"),
    ),
)


def compiled(html: str, subject: str = "Hi", text: str = "", **changes: object) -> JinjaContent:
    return COMPILER.compile(VariantContent(7, 1, 3, subject, html + FOOTER, text, **changes), ORGANISATION)


def render(content: JinjaContent, **fields: object) -> OutgoingMessage:
    return content.render(send_id=42, recipient=Recipient(9, "eva@people.test", template_fields(fields)), sender=SENDER)


def test_each_lead_gets_the_version_of_its_category() -> None:
    content = compiled('<h1>News</h1>{{ block("intro") }}', blocks=(INTRO,))
    assert "For <b>hotels</b> &amp; guests, Eva" in render(content, first_name="Eva", category="hotel").html
    assert "<p>Rome</p>" in render(content, category="café", city="Rome").html
    assert "Dear Eva" in render(content, first_name="Eva", category="bar").html
    assert "Dear Eva" in render(content, first_name="Eva").html


def test_in_subject_and_text_a_block_is_its_text() -> None:
    text = "{{ block('intro') }}\n{{ postal_address }} {{ unsubscribe_url }}"
    mail = render(
        compiled("<p>x</p>", '{{ block("intro") }}!', text, blocks=(INTRO,)), first_name="Eva", category="hotel"
    )
    assert mail.subject == "For hotels & guests, Eva!"
    assert mail.text.startswith("For hotels & guests, Eva\n")
    derived = render(compiled('{{ block("intro") }}', blocks=(INTRO,)), first_name="Eva", category="hotel").text
    assert derived.startswith("For hotels & guests, Eva\n")


def test_without_a_version_and_a_default_the_lead_gets_no_mail_and_the_reason_is_told() -> None:
    block = ContentBlock("intro", None, (("hotel", "<p>x</p>"),))
    content = compiled('{{ block("intro") }}', blocks=(block,))
    assert "<p>x</p>" in render(content, category="hotel").html
    for category in ({"category": "bar"}, {}):
        with pytest.raises(TemplateInvalid, match="version of block intro") as refused:
            render(content, **category)
        assert refused.value.missing == f"{NO_VERSION}intro"


@pytest.mark.parametrize(
    ("html", "block", "words"),
    [
        ('{{ block("other") }}', INTRO, "no such block"),
        ('{{ block("intro") }}', ContentBlock("intro", "{% endif %}{% if x %}"), "block intro, the default version"),
        ('{{ block("intro") }}', ContentBlock("intro", "", (("a", "{% if x %}"),)), "block intro, a"),
        ('{{ block("intro") }}', ContentBlock("intro", '{{ block("intro") }}'), "inside another block"),
        ('{{ block("intro") | upper }}', INTRO, "Functions cannot be called"),
        (
            '{{ block("intro") }}',
            ContentBlock("intro", "{{ first_name.upper() }}"),
            r"write \{\{ first_name \| upper \}\}",
        ),
    ],
)
def test_a_block_that_is_no_template_is_refused_with_its_name(html: str, block: ContentBlock, words: str) -> None:
    with pytest.raises(TemplateInvalid, match=words):
        compiled(html, blocks=(block,))


@given(st.text(min_size=1, max_size=40).filter(lambda t: t.strip()), st.text(max_size=40))
@settings(max_examples=150, deadline=None)
def test_whatever_a_category_is_called_it_is_only_compared(category: str, other: str) -> None:
    block = ContentBlock("intro", "<i>other</i>", ((category, "<b>own</b>"),))
    content = compiled('<p>{{ block("intro") }}</p>', blocks=(block,))
    assert "<p><b>own</b></p>" in render(content, category=category).html
    assert ("<b>own</b>" in render(content, category=other).html) == (other == category)


def test_a_fallback_stands_in_wherever_the_template_has_no_default_of_its_own() -> None:
    html = '<p>{{ first_name }} {{ first_name | upper }} {{ first_name | default("near") }} {{ "x " ~ first_name }}</p>'
    content = compiled(html, "For {{ first_name }}", fallbacks=(("first_name", "a <friend>"),))
    mail = render(content)
    assert "<p>a &lt;friend&gt; A &lt;FRIEND&gt; near x a &lt;friend&gt;</p>" in mail.html
    assert mail.subject == "For a <friend>"
    assert "<p>Eva EVA Eva x Eva</p>" in render(content, first_name="Eva").html


def test_conditions_still_see_that_a_field_is_missing() -> None:
    html = (
        "{% if company %}<p>at {{ company }}</p>{% else %}<p>{{ company }}</p>{% endif %}{{ 'y' if company else 'n' }}"
    )
    content = compiled(html, fallbacks=(("company", "your firm"),))
    assert "<p>your firm</p>n" in render(content).html
    assert "<p>at Brown</p>y" in render(content, company="Brown").html


def test_a_name_that_the_template_sets_itself_is_no_lead_s_field() -> None:
    content = compiled("{% set city = 'Rome' %}<p>{{ city }}</p>", fallbacks=(("city", "your town"),))
    assert "<p>Rome</p>" in render(content).html


def test_a_missing_field_without_a_fallback_is_named_in_the_error() -> None:
    with pytest.raises(TemplateInvalid) as refused:
        render(compiled("<p>{{ company }} {{ city }}</p>", fallbacks=(("company", "x"),)))
    assert refused.value.missing == "city"


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ((ContentBlock("Intro"),), "small letters"),
        ((ContentBlock("a"), ContentBlock("a")), "same name"),
        ((ContentBlock("a", "", (("x", ""), ("x", ""))),), "category of its own"),
        ((ContentBlock("a", "", ((" ", ""),)),), "category of its own"),
        ((ContentBlock("a", "x" * 50_001),), "at most 50,000"),
        (tuple(ContentBlock(f"b{n}") for n in range(21)), "At most 20"),
    ],
)
def test_blocks_without_sense_say_why(blocks: tuple[ContentBlock, ...], words: str) -> None:
    (problem,) = blocks_problems(blocks)
    assert words in problem


@pytest.mark.parametrize(
    ("fallbacks", "words"),
    [
        ((("First Name", "x"),), "no variable's name"),
        ((("unsubscribe_url", "x"),), "needs no fallback"),
        ((("city", " "),), "1 to 300"),
        ((("city", "x"), ("city", "y")), "one fallback"),
    ],
)
def test_fallbacks_without_sense_say_why(fallbacks: tuple[tuple[str, str], ...], words: str) -> None:
    (problem,) = fallback_problems(fallbacks)
    assert words in problem


def test_a_block_survives_the_ledger_s_json() -> None:
    assert ContentBlock.from_json(INTRO.to_json()) == INTRO
    assert used_blocks("{{ block(\"a\") }} {{- block( 'b' ) -}} {{ block(c) }}") == {"a", "b"}


class _Objects:
    """A store of one object that counts its readers."""

    def __init__(self, content: bytes) -> None:
        self.content, self.reads = content, 0

    def read(self, _key: str) -> bytes:
        self.reads += 1
        return self.content


def test_attachments_are_read_once_and_stand_in_the_frame_of_every_mail() -> None:
    import hashlib

    objects = _Objects(b"%PDF-1.7")
    file = AttachedFile(
        "offer.pdf", "application/pdf", 8, hashlib.sha256(b"%PDF-1.7").hexdigest(), "attachments/7/x/offer.pdf"
    )
    compiler = JinjaContentCompiler(
        edge_base_url="https://edge.acme.test", key=b"k" * 32, attachments=StoredAttachments(objects)
    )
    for step in (1, 2):
        content = compiler.compile(VariantContent(7, step, 3, "Hi", FOOTER, attachments=(file,)), ORGANISATION)
        mails = [render(content, first_name=name) for name in ("Eva", "Ann")]
        assert [(a.name, a.content) for mail in mails for a in mail.frame.attachments] == [
            ("offer.pdf", b"%PDF-1.7")
        ] * 2
    assert objects.reads == 1


def test_a_file_that_was_changed_in_the_store_is_never_sent() -> None:
    file = AttachedFile("offer.pdf", "application/pdf", 8, "0" * 64, "attachments/7/x/offer.pdf")
    with pytest.raises(TemplateInvalid, match="not the file that was uploaded"):
        StoredAttachments(_Objects(b"other")).load((file,))

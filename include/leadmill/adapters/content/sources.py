"""The three templates of a variant as they are compiled: blocks put in, URLs safe, styles inlined, text part made."""

from __future__ import annotations

from dataclasses import dataclass

from leadmill.adapters.content.blocks import with_blocks
from leadmill.adapters.content.inline_css import inline_css
from leadmill.adapters.content.sandbox import TemplateSandbox, parse
from leadmill.adapters.content.text_part import text_template
from leadmill.adapters.content.url_places import encode_in_html, encode_in_text
from leadmill.domain.threads import CONVERSATION, reply_subject
from leadmill.ports.content import VariantContent

_WRAPPED = ('<!doctype html><html><head><meta charset="utf-8"></head><body>', "</body></html>")


@dataclass(frozen=True, slots=True)
class Sources:
    """Jinja templates of the subject and both bodies."""

    subject: str
    html: str
    text: str


def sources_of(
    variant: VariantContent, *, html_sandbox: TemplateSandbox, text_sandbox: TemplateSandbox, where: str
) -> Sources:
    """What is left to compile of a variant; done once per variant.

    Raises:
        TemplateInvalid: A block is missing or no template, or a style sheet cannot be read.
    """
    blocks = variant.blocks
    html = variant.body_html
    if not any(tag in html.lower() for tag in ("<html", "<body")):
        html = html.join(_WRAPPED)
    html = with_blocks(html, blocks, sandbox=html_sandbox, as_text=False, where=f"{where}: the HTML body")
    html = encode_in_html(html)
    if variant.body_text.strip():
        place = f"{where}: the text body"
        text = with_blocks(variant.body_text, blocks, sandbox=text_sandbox, as_text=True, where=place)
    else:
        text = text_template(html)
    return Sources(
        subject=_subject(variant, text_sandbox, f"{where}: the subject"),
        html=inline_css(html, where=f"{where}: the HTML body"),
        text=encode_in_text(text),
    )


def _subject(variant: VariantContent, sandbox: TemplateSandbox, where: str) -> str:
    """The subject's template; an empty one carries on the subject that the lead's mail before had, with "Re:".

    The subjects of the steps before become branches, as a block's versions do: each is compiled by itself first.
    """

    def whole(subject: str) -> str:
        return with_blocks(subject, variant.blocks, sandbox=sandbox, as_text=True, where=where)

    if variant.subject.strip() or not variant.conversation:
        return whole(variant.subject)
    replies = [(variant_id, whole(reply_subject(subject))) for variant_id, subject in variant.conversation]
    if len(replies) == 1:
        return replies[0][1]
    for _, reply in replies:
        parse(reply, sandbox=sandbox, where=where)
    chosen = "".join(
        f"{{% {'elif' if number else 'if'} {CONVERSATION} == {variant_id} %}}{reply}"
        for number, (variant_id, reply) in enumerate(replies)
    )
    return f"{chosen}{{% else %}}{replies[0][1]}{{% endif %}}"

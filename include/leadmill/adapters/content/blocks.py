"""Content blocks put into a template: `{{ block("intro") }}` becomes conditions on the lead's category.

Done on the source, before anything is compiled, so a block costs what the same conditions written by hand would; each
version is compiled by itself first, so that none can close a condition that another one opened.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from leadmill.adapters.content.sandbox import TemplateSandbox, parse
from leadmill.adapters.content.text_part import text_template
from leadmill.domain.content_blocks import NO_VERSION, ContentBlock, block_uses, used_name
from leadmill.errors import TemplateInvalid

_PLAIN = re.compile(r"[A-Za-z0-9 _-]")


def with_blocks(
    source: str, blocks: Sequence[ContentBlock], *, sandbox: TemplateSandbox, as_text: bool, where: str
) -> str:
    """The template with every used block in it.

    Args:
        source: A template.
        blocks: The campaign's.
        sandbox: The one that the template will be compiled in.
        as_text: Whether the template is a subject or a text body: then the versions' text is taken.
        where: As it begins a sentence, such as "Campaign 7, step 1: the subject".

    Raises:
        TemplateInvalid: There is no such block, or one of its versions is no template.
    """
    found = list(block_uses(source))
    if not found:
        return source
    known = {block.name: block for block in blocks}
    parts, end = [], 0
    for use in found:
        name = used_name(use)
        if name not in known:
            raise TemplateInvalid(f'{where} uses {{{{ block("{name}") }}}}, and the campaign has no such block.')
        parts += [source[end : use.start()], _conditions(known[name], sandbox, where, as_text=as_text)]
        end = use.end()
    return "".join([*parts, source[end:]])


def _conditions(block: ContentBlock, sandbox: TemplateSandbox, where: str, *, as_text: bool) -> str:
    def version(text: str, category: str) -> str:
        place = f"{where}: block {block.name}, {category}"
        if next(block_uses(text), None):
            raise TemplateInvalid(f"{place}: a block cannot stand inside another block.")
        parse(text, sandbox=sandbox, where=place)
        return text_template(text) if as_text else text

    chosen = [
        f"{{% {'elif' if number else 'if'} category == {_literal(category)} %}}{version(text, category)}"
        for number, (category, text) in enumerate(block.versions)
    ]
    if block.default is None:
        rest = f"{{{{ {NO_VERSION}{block.name} }}}}"  # prints a variable that nobody has: such a lead gets no mail
    else:
        rest = version(block.default, "the default version")
    return "".join(chosen) + f"{{% else %}}{rest}{{% endif %}}" if chosen else rest


def _literal(category: str) -> str:
    """A Jinja string: what is not a plain letter goes as its number, so that no quote, brace or `%}` ends it."""
    escaped = "".join(c if _PLAIN.fullmatch(c) else f"\\U{ord(c):08x}" for c in category)
    return f'"{escaped}"'

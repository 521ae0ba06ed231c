"""Spintax, `{Hi|Hello|Hey}`: recognised in order to refuse it.

Random wordings hide a mail's likeness from filters, which look for exactly that, and nobody can say later which
wording worked. Variants do: each lead has one, and each has its own figures.
"""

from __future__ import annotations

import re

from leadmill.domain.template_tags import replace_tags

_RAW = re.compile(
    r"<(style|script)\b.*?</\1\s*>|<!--.*?-->"
    r"|<(?:(?:style|script)\b|!--).*",  # without an end, all the rest belongs to it, as in browsers
    re.DOTALL | re.IGNORECASE,
)
_SPIN = re.compile(r"\{[^{}|]{0,300}(?:\|[^{}|]{0,300}){1,50}\}")
_SHOWN = 60


def spintax_in(text: str) -> list[str]:
    """The `{a|b}` groups in a template, shortened to show them; template tags and styles do not count."""
    plain = _RAW.sub(" ", replace_tags(text, lambda _: " "))
    return [" ".join(found[0].split())[:_SHOWN] for found in _SPIN.finditer(plain)]

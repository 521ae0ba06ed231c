r"""What a browser opens for a link's target (WHATWG URL, 4.4, "URL parsing").

White space and control characters around it go, tabs and line ends in it too, and before a query "\" is "/".
"""

from __future__ import annotations

import re

_STRIPPED = "".join(map(chr, range(0x21)))
_DROPPED = str.maketrans("", "", "\t\n\r")
_WEB = re.compile(r"(https?:)[/\\]{2,}([^/\\?#][^?#]*)", re.IGNORECASE)
_ACTS = re.compile(r"(?:javascript|vbscript|data):", re.IGNORECASE)
_WRITTEN = str.maketrans({" ": "%20", "<": "%3C", ">": "%3E", '"': "%22"})


def is_blank(text: str) -> bool:
    """Whether a piece of a target, at either end of it, counts for nothing."""
    return not text.strip(_STRIPPED)


def _cleaned(target: str) -> str:
    url = target.strip(_STRIPPED)
    return url if url.isprintable() else url.translate(_DROPPED)


def web_address(target: str) -> str:
    """The http or https address that a target leads to; "" for any other.

    Args:
        target: An attribute's value, its character references replaced.
    """
    url = _cleaned(target)
    web = _WEB.match(url)
    if not web or "\\" not in web[0]:
        return url if web else ""
    path = web[2].replace("\\", "/")
    return f"{web[1]}//{path}{url[web.end() :]}"


def written_target(target: str) -> str:
    """A target as it may stand in text, in one piece; "" where it acts instead of leading somewhere."""
    url = _cleaned(target)
    return "" if _ACTS.match(url) else url.translate(_WRITTEN)

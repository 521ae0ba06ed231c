"""Tracked links and the open pixel, put into rendered HTML."""

from __future__ import annotations

import re
from html import escape, unescape

from leadmill.domain.send_references import click_url, open_url

_LINK = re.compile(r"""(<(?:a|area)\b[^>]*?\shref\s*=\s*)(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_WEB = re.compile(r"https?://[^\s/?#]", re.IGNORECASE)
_BODY_END = re.compile(r"</body\s*>", re.IGNORECASE)


def track_links(html: str, *, edge_base_url: str, send_id: int, key: bytes, unsubscribe_url: str) -> str:
    """Send http and https links through the edge's signed redirect; mailto:, anchors and the unsubscribe link stay."""

    def tracked(found: re.Match[str]) -> str:
        target = unescape(found[2] if found[2] is not None else found[3]).strip()
        if not _WEB.match(target) or target == unsubscribe_url:
            return found[0]
        return f'{found[1]}"{escape(click_url(edge_base_url, send_id, key, url=target))}"'

    return _LINK.sub(tracked, html)


def add_pixel(html: str, *, edge_base_url: str, send_id: int, key: bytes) -> str:
    """Put the open pixel before the end of the body, or at the end where there is no body tag."""
    source = escape(open_url(edge_base_url, send_id, key))
    pixel = f'<img src="{source}" width="1" height="1" alt="" style="display:block;border:0">'
    ends = list(_BODY_END.finditer(html))
    at = ends[-1].start() if ends else len(html)
    return html[:at] + pixel + html[at:]

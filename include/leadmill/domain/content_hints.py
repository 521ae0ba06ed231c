"""What in a mail's wording makes filters or readers suspicious; hints, never a refusal."""

from __future__ import annotations

import re

GMAIL_CLIP_BYTES = 102_000
"""Gmail hides what comes after about 102 kB of HTML, the unsubscribe link with it."""
LONG_SUBJECT = 78
"""Characters; most inboxes show fewer (Gmail on a desktop about 70)."""
_SHOUTED_SHARE = 0.6
_SHORTENERS = re.compile(
    r"https?://(?:www\.)?(?:bit\.ly|tinyurl\.com|goo\.gl|t\.co|ow\.ly|is\.gd|cutt\.ly)/", re.IGNORECASE
)
_REPLY_LIKE = re.compile(r"^\s*(?:re|aw|fwd?|wg)\s*:", re.IGNORECASE)

_UNFILLED = re.compile(
    r"\[(?:name|say) [^\]<>{}]{3,120}\]|https?://(?:www\.)?example\.(?:com|net|org)\b",
    re.IGNORECASE,
)
"""What our sample mails ask for, such as "[name the news]", and where their links lead (RFC 2606, section 3)."""

_FOREIGN_TAGS = re.compile(
    r"\*\|[A-Z_][A-Z0-9_:]{1,40}\|\*"  # Mailchimp
    r"|%%?[A-Za-z_][A-Za-z_]{2,40}%%?(?![0-9A-Fa-f])"  # ActiveCampaign, Marketing Cloud
    r"|\[\[[A-Za-z_][\w .-]{1,40}\]\]"  # Mailjet, CleverReach
    r"|\$\{[A-Za-z_][\w.]{1,40}\}"
    r"|\[(?:your?|insert|enter|add|replace|write)\s[^\]<>{}]{2,60}\]"
    r"|\[(?:FIRST|LAST|FULL)[ _]?NAME\]|\[(?:COMPANY|NAME)\]"
    r"|(?<![{\w])\{(?:first|last|full)[ _]?name\}(?!\})|(?<![{\w])\{company\}(?!\})"  # Smartlead, Instantly
    r"|\blorem ipsum\b",
    re.IGNORECASE,
)
_EXAMPLES = 5


def unfilled_places(text: str) -> list[str]:
    """What of a sample mail is still to be replaced, as it stands, each once; at most five."""
    return _each_once(_UNFILLED, text)


def foreign_tags(text: str) -> list[str]:
    """Other tools' merge tags and filler text: we send them as they stand; each once, at most five."""
    return _each_once(_FOREIGN_TAGS, text)


def _each_once(pattern: re.Pattern[str], text: str) -> list[str]:
    return list(dict.fromkeys(found[0] for found in pattern.finditer(text)))[:_EXAMPLES]


def content_hints(subject: str, html: str, *, is_first_step: bool) -> list[str]:
    """Hints on one wording, one sentence each.

    Source: CAN-SPAM, 15 U.S.C. 7704(a)(2), on deceptive subjects; the rest is filters' common practice.
    """
    hints = []
    words = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", subject)
    letters = [c for c in words if c.isalpha()]
    if len(letters) > 5 and sum(c.isupper() for c in letters) / len(letters) > _SHOUTED_SHARE:  # noqa: PLR2004 - a word
        hints.append("the subject shouts: mostly capitals")
    if re.search(r"[!?]{2,}", words):
        hints.append("the subject has repeated ! or ?")
    if len(words) > LONG_SUBJECT:
        hints.append(f"the subject is longer than {LONG_SUBJECT} characters")
    if is_first_step and _REPLY_LIKE.match(subject):
        hints.append("the subject looks like a reply to something that was never sent")
    if _SHORTENERS.search(html):
        hints.append("a shortened link hides its target; spam filters distrust it")
    if re.search(r"<(?:script|form|iframe|object)\b", html, re.IGNORECASE):
        hints.append("scripts, forms and frames are removed or blocked by mail programs")
    if len(html.encode("utf-8", "replace")) > GMAIL_CLIP_BYTES:
        hints.append("the HTML is above 102 kB: Gmail cuts it off, unsubscribe link included")
    return hints

"""A follow-up's place in its conversation: by which headers and subject mail programs put it under the mail before."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from leadmill.domain.campaigns import CampaignDraft
from leadmill.domain.template_fields import in_plain_words

CONVERSATION = "_conversation"
"""The variable that says whose subject a conversation has: no lead's column can have the name."""

REFERENCES_LIMIT = 900
"""Characters of References; RFC 5322 allows lines of 998. Beyond it the first and the latest ids are kept (RFC 5537,
3.4.4)."""

SES_REGION = "us-east-1"
"""Where SES sends from when no region is named."""

_SES_HOST = re.compile(r"email-smtp(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com", re.IGNORECASE)
_IS_REPLY = re.compile(r"\s*(?:re|aw|sv|vs|antw|odp|ref)\s*(?:\[\d+\])?\s*:", re.IGNORECASE)


class EarlierMail(NamedTuple):
    """A mail that a lead got before in the same campaign, from a mailbox of `domain`.

    `given_id`: the Message-ID that its provider put in place of ours; None where ours stayed, "" where nobody knows it.
    """

    send_id: int
    variant_id: int
    domain: str
    given_id: str | None = None


def given_message_id(provider: str, config: Mapping[str, object], provider_id: str) -> str | None:
    """The Message-ID that a mail has instead of ours, as `EarlierMail.given_id`.

    Args:
        provider: The account's.
        config: Its settings; `region`, `host` and `preset` count.
        provider_id: What the provider called the mail.

    Source: Amazon SES writes its own, `<id@region.amazonses.com>`, in us-east-1 `<id@email.amazonses.com>` (its
    developer guide, "Message-ID"); by its SMTP server, too.
    """
    region = _ses_region(provider, config)
    if not region:
        return None
    return f"<{provider_id}@{'email' if region == SES_REGION else region}.amazonses.com>" if provider_id else ""


def _ses_region(provider: str, config: Mapping[str, object]) -> str:
    region = str(config.get("region") or "")
    if provider == "ses":
        return region or SES_REGION
    if provider != "smtp":
        return ""
    host = _SES_HOST.fullmatch(str(config.get("host") or ""))
    if host:
        return host[1].lower()
    return region if config.get("preset") == "ses" else ""


def thread_headers(message_ids: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """In-Reply-To and References (RFC 5322, 3.6.4) of a mail that follows these, first to last; none after none."""
    if not message_ids:
        return ()
    first, *later = message_ids
    while later and len(" ".join([first, *later])) > REFERENCES_LIMIT:
        del later[0]
    return (("In-Reply-To", message_ids[-1]), ("References", " ".join([first, *later])))


def reply_subject(subject: str) -> str:
    """A subject, or its template, as a reply has it: one "Re:" in front, no second one."""
    return subject if _IS_REPLY.match(subject) else f"Re: {subject.strip()}"


def shown_subject(subject: str) -> str:
    """A subject's template for people; of an empty one, what it comes to."""
    return in_plain_words(subject) or "Re: the subject of the mail before"


def earlier_subject(draft: CampaignDraft, step: int, label: str) -> str:
    """The subject that a draft's step carries on: of the nearest step before that has one, its own variant's if it may.

    "" where none has.
    """
    for before in reversed(draft.steps[: step - 1]):
        written = {variant.label: variant.subject for variant in before.variants if variant.subject.strip()}
        if written:
            return written.get(label) or next(iter(written.values()))
    return ""

"""How a send id travels in a provider's tags and custom arguments, and comes back in its events.

A tag is `send id-signature`, in the characters that every provider takes (SES: A-Z, a-z, 0-9, _ and -). The signature
is the Message-ID's: whoever holds a mail has its tag, and nobody without the key can make another's. So no other system
on the same provider account, another installation of ours above all, can name a send of ours by chance or by counting.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from leadmill.domain.messages import OutgoingMessage
from leadmill.domain.send_references import send_id_of_message_id

SEND_ID = "send_id"
"""The name of the tag, variable, or argument."""

_TAG = re.compile(r"(\d{1,19})-([A-Za-z0-9_-]{16})")
_PLAIN = re.compile(r"\d{1,19}", re.ASCII)
_MOST = 2**63 - 1


def send_tag(message: OutgoingMessage) -> str:
    """The mail's send id with its signature: of `<lm.5.signature@brand.test>`, `5-signature`."""
    return message.message_id.partition("@")[0].removeprefix("<lm.").replace(".", "-", 1)


def tags_of(message: OutgoingMessage) -> dict[str, str]:
    """What travels with a mail and comes back in its events; nothing of the message takes the send id's place."""
    return {**message.tags, SEND_ID: send_tag(message)}


def send_id_of_tag(tag: str, key: bytes) -> int | None:
    """The send id that a tag of ours names; None for any other, forged, or unsigned one."""
    found = _TAG.fullmatch(tag)
    return send_id_of_message_id(f"lm.{found[1]}.{found[2]}@tag", key) if found else None


def plain_send_ids(tags: Iterable[str]) -> list[int]:
    """The numbers among the tags: what mails carried before tags were signed."""
    return sorted({number for tag in tags if _PLAIN.fullmatch(tag) and 0 < (number := int(tag)) <= _MOST})

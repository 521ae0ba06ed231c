"""Bodies of `SendBulkEmail`: a frame as an inline template, its values as each entry's data.

Inline templates know simple substitution only, and SES does not escape the values it puts in (its developer guide,
"Using templates to send personalized email"): `{{s0}}` is replaced by slot 0's text as it stands in the part. What
could be read otherwise, braces of our own above all, is not sent this way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias, cast
from weakref import WeakKeyDictionary

from leadmill.adapters.content.header_values import single_line
from leadmill.adapters.esp.api_calls import Call, by_frame, is_bare, one_by_one, template_of
from leadmill.adapters.esp.fast_json import to_json
from leadmill.domain.messages import Frame, OutgoingMessage
from leadmill.domain.send_tags import SEND_ID, send_tag

if TYPE_CHECKING:
    from mypy_boto3_sesv2.type_defs import BulkEmailEntryTypeDef, EmailTemplateContentTypeDef, MessageTagTypeDef

ENTRIES_A_CALL = 50
TEMPLATE_BYTES = 500_000
CALL_BYTES = 900_000
"""SES takes templates of 500 KB and a megabyte of JSON; some room is left for what surrounds them."""

_DATA_CHARACTERS = 262_144
_HEADERS = 15
_HEADER_NAME = re.compile(r"[!-9;-@A-~]{1,126}")
_HEADER_VALUE = re.compile(r"[ -~]{1,995}")
_NOT_A_TAG = re.compile(r"[^A-Za-z0-9_-]")
_TAG_CHARACTERS = 256
_TEMPLATE_SYNTAX = re.compile(r"\{\{|[{\\]\0|\0\}")
"""In literal text with NUL for each slot: braces that open a variable, or stand where they would change one."""


Template: TypeAlias = "tuple[EmailTemplateContentTypeDef, int]"
"""An inline template and its size in bytes."""


def template_name(slot: int) -> str:
    """A slot's variable."""
    return f"s{slot}"


class InlineTemplates:
    """The frames' templates, made once each; None for a frame that cannot be one."""

    def __init__(self) -> None:
        self._made: WeakKeyDictionary[Frame, Template | None] = WeakKeyDictionary()

    def of(self, frame: Frame) -> Template | None:
        """`TemplateContent` and its size in bytes."""
        if frame not in self._made:
            self._made[frame] = _inline_template(frame)
        return self._made[frame]


def _inline_template(frame: Frame) -> Template | None:
    parts = {"Subject": frame.subject, "Text": frame.text, "Html": frame.html}
    if frame.attachments or any(_TEMPLATE_SYNTAX.search(template_of(part, lambda _: "\0")) for part in parts.values()):
        return None
    texts = {name: template_of(part, lambda slot: "{{" + template_name(slot) + "}}") for name, part in parts.items()}
    content = cast("EmailTemplateContentTypeDef", {name: text for name, text in texts.items() if text})
    size = sum(map(json_bytes, texts.values()))
    return (content, size) if texts["Subject"] and size <= TEMPLATE_BYTES else None


def json_bytes(text: str) -> int:
    """At most so many bytes the text takes in JSON in ASCII, line breaks and quotes counted roughly."""
    return len(text) * 9 // 8 if text.isascii() else 6 * len(text)


def calls_of(messages: Sequence[OutgoingMessage], templates: InlineTemplates) -> Iterator[Call]:
    """The messages as bulk calls where their content allows, else one by one."""
    for group in by_frame(messages):
        template = templates.of(group[0].frame)
        if template is None:
            yield from one_by_one(group)
            continue
        fitting: list[OutgoingMessage] = []
        size = template[1]
        for message in group:
            if not fits(message):
                yield Call([message])
                continue
            more = sum(map(json_bytes, message.values)) + 1_000
            if fitting and (len(fitting) == ENTRIES_A_CALL or size + more > CALL_BYTES):
                yield _call_of(fitting)
                fitting, size = [], template[1]
            fitting.append(message)
            size += more
        if fitting:
            yield _call_of(fitting)


def _call_of(messages: Sequence[OutgoingMessage]) -> Call:
    return Call(messages, is_shared=len(messages) > 1)


def fits(message: OutgoingMessage) -> bool:
    """Whether SES would make the same mail of it as we do."""
    recipient, subject = message.recipient, message.subject
    joined = "\0".join(message.values)
    return (
        "{" not in joined  # even where a value ends and the next begins, nothing must read as a variable
        and "}" not in joined
        and len(joined) < _DATA_CHARACTERS // 2
        and subject == single_line(subject)
        and recipient.isascii()
        and is_bare(recipient)
        and len(message.headers) <= _HEADERS
        and all(_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value) for name, value in message.headers)
    )


def common_headers(messages: Sequence[OutgoingMessage]) -> list[tuple[str, str]]:
    """The headers that all of them carry alike; SES adds a template's headers that an entry does not replace.

    Source: botocore's model of sesv2, `ReplacementHeaders`.
    """
    shared = set(messages[0].headers)
    for message in messages:
        shared.intersection_update(message.headers)
    return [header for header in messages[0].headers if header in shared]


def entry_of(message: OutgoingMessage, common: Sequence[tuple[str, str]]) -> BulkEmailEntryTypeDef:
    """One recipient of a bulk call; `common` are the headers that stand in the template."""
    data = dict(zip(_names(len(message.values)), message.values, strict=True))
    return {
        "Destination": {"ToAddresses": [message.recipient]},
        "ReplacementTags": tags_of(message),
        "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": to_json(data).decode()}},
        "ReplacementHeaders": [
            {"Name": header[0], "Value": header[1]} for header in message.headers if header not in common
        ],
    }


@lru_cache(maxsize=256)
def _names(count: int) -> tuple[str, ...]:
    return tuple(template_name(slot) for slot in range(count))


def tags_of(message: OutgoingMessage) -> list[MessageTagTypeDef]:
    """The message's tags in the characters that SES takes (1-256 of A-Z, a-z, 0-9, _ and -)."""
    found: list[MessageTagTypeDef] = [
        {"Name": name, "Value": value}
        for name, value in _cleaned(sorted(message.tags.items()))
        if name and value and name != SEND_ID
    ]
    found.append({"Name": SEND_ID, "Value": _NOT_A_TAG.sub("-", send_tag(message))})
    return found


def _cleaned(tags: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for name, value in tags:
        yield _clean(name), value if value.isalnum() and value.isascii() else _clean(value)


@lru_cache(maxsize=4096)
def _clean(text: str) -> str:
    return _NOT_A_TAG.sub("-", text)[:_TAG_CHARACTERS]

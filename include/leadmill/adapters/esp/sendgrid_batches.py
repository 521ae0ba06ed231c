"""What goes into one SendGrid call: limits, substitution tags, personalizations.

Source of the limits: SendGrid's API reference, "Mail Send" and its "Errors" (personalizations).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from leadmill.adapters.esp.api_calls import Call, by_frame, one_by_one, subject_of
from leadmill.adapters.esp.marked_frames import MarkedFrame, MarkedFrames
from leadmill.domain.messages import OutgoingMessage
from leadmill.domain.send_tags import tags_of

PERSONALIZATIONS_A_CALL = 1000
SUBSTITUTIONS_A_PERSONALIZATION = 150
SUBSTITUTIONS_A_CALL = 10_000
SUBSTITUTION_BYTES = 10_000
"""A personalization's; the reference says 10,000 in one place and 50,000 in another."""

CALL_BYTES = 20_000_000
"""SendGrid takes 30 MB a call; the rest is room for JSON's escapes."""

_RESERVED = frozenset(
    {
        "x-sg-id",
        "x-sg-eid",
        "received",
        "dkim-signature",
        "content-type",
        "content-transfer-encoding",
        "to",
        "from",
        "subject",
        "reply-to",
        "cc",
        "bcc",
    }
)
"""Header names that SendGrid does not let us set (its API reference, "headers")."""


def substitution_tags() -> MarkedFrames:
    """Frames with SendGrid's substitution tags in the slots."""
    return MarkedFrames(written=str)


def calls_of(messages: Sequence[OutgoingMessage], frames: MarkedFrames) -> Iterator[Call]:
    """The messages as calls of many personalizations where their content allows, else one by one."""
    for group in by_frame(messages):
        frame = frames.of(group[0].frame)
        slots = len(frame.variables)
        if slots > SUBSTITUTIONS_A_PERSONALIZATION or 6 * frame.literal_characters > CALL_BYTES // 2:
            yield from one_by_one(group)
            continue
        most = min(PERSONALIZATIONS_A_CALL, SUBSTITUTIONS_A_CALL // max(slots, 1))
        fitting: list[OutgoingMessage] = []
        size = 6 * frame.literal_characters
        for message in group:
            bytes_here = _substitution_bytes(message, frame)
            if bytes_here is None:
                yield Call([message])
                continue
            if len(fitting) == most or (fitting and size > CALL_BYTES):
                yield Call(fitting, is_shared=True)
                fitting, size = [], 6 * frame.literal_characters
            fitting.append(message)
            size += 1_000 + 6 * bytes_here
        if fitting:
            yield Call(fitting, is_shared=True)


@lru_cache(maxsize=1024)
def _is_settable(header: str) -> bool:
    return header.lower() not in _RESERVED


def _substitution_bytes(message: OutgoingMessage, frame: MarkedFrame) -> int | None:
    """How long its substitutions are; None where they are too long, or would be taken for tags."""
    values = "".join(message.values)
    size = len(values)
    if size > SUBSTITUTION_BYTES // 8 and not values.isascii():
        size = len(values.encode("utf-8", "replace"))
    size += frame.variable_characters
    return None if size > SUBSTITUTION_BYTES or frame.mark in values else size


def personalization_of(
    message: OutgoingMessage, headers: Sequence[tuple[str, str]], frame: MarkedFrame | None
) -> dict[str, Any]:
    """One recipient of a call, with its own headers and our send id; with `frame`, the values of its tags too."""
    found: dict[str, Any] = {
        "to": [{"email": message.recipient}],
        "custom_args": tags_of(message),
        "headers": {name: value for name, value in headers if _is_settable(name)},
    }
    if frame is not None:
        if frame.variables:
            found["substitutions"] = dict(zip(frame.variables, message.values, strict=False))
        if frame.subject_varies:
            found["subject"] = subject_of(message)
    return found

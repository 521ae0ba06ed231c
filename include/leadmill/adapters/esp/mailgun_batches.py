"""What goes into one Mailgun call: a form with recipient variables in it.

`%recipient.name%` is replaced in bodies, headers and custom variables alike. Source: Mailgun's documentation, "Batch
Sending"; that it works in Message-Id, and that the answer then repeats the variable: TryGhost/Ghost#30776.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email.utils import formataddr

from leadmill.adapters.content.header_values import single_line
from leadmill.adapters.esp.api_calls import Call, by_frame, header_values, literals_of, one_by_one, subject_of
from leadmill.adapters.esp.fast_json import to_json
from leadmill.adapters.esp.marked_frames import MarkedFrame, MarkedFrames
from leadmill.domain.messages import OutgoingMessage
from leadmill.domain.send_tags import tags_of

RECIPIENTS_A_CALL = 1000
CALL_BYTES = 20_000_000
"""Mailgun takes messages of 25 MB; what surrounds the variables needs room too."""

_OWN_SYNTAX = re.compile(r"%recipient|%unsubscribe_url|%mailing_list|%tag_unsubscribe", re.IGNORECASE)
_BESIDE_SLOT = re.compile(r"%\0|\0%")


@dataclass(slots=True)
class Form:
    """A multipart form: fields, and files as (field, file name, content type, content)."""

    fields: list[tuple[str, str]]
    files: list[tuple[str, str, str, bytes]] = field(default_factory=list)


def recipient_variables() -> MarkedFrames:
    """Frames with Mailgun's recipient variables in the slots."""
    return MarkedFrames(written=lambda name: f"%recipient.{name}%")


def calls_of(messages: Sequence[OutgoingMessage], frames: MarkedFrames) -> Iterator[Call]:
    """The messages as calls with many recipients where their content allows, else one by one."""
    for group in by_frame(messages, also_by=_names_of):
        first = group[0]
        literals = "\n".join((literals_of(first.frame), first.sender_name, first.reply_to))
        if _OWN_SYNTAX.search(literals) or _BESIDE_SLOT.search(literals) or 2 * len(literals) > CALL_BYTES:
            yield from one_by_one(group)
            continue
        fitting: list[OutgoingMessage] = []
        size = 0
        mark = frames.of(group[0].frame).mark
        for message in group:
            values = "".join(message.values)
            if "%recipient" in values or mark in values:
                yield Call([message])
                continue
            if len(fitting) == RECIPIENTS_A_CALL or (fitting and size > CALL_BYTES):
                yield Call(fitting, is_shared=len(fitting) > 1)
                fitting, size = [], 0
            fitting.append(message)
            size += 1_000 + 6 * len(values)
        if fitting:
            yield Call(fitting, is_shared=len(fitting) > 1)


def _names_of(message: OutgoingMessage) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which headers and tags it has: a call's mails have the same."""
    return tuple(name for name, _ in message.headers), tuple(sorted(message.tags))


def shared_form(messages: Sequence[OutgoingMessage], frames: MarkedFrames) -> Form:
    """The form of one call for many recipients.

    Raises:
        TemplateInvalid: A header or address would break out of its line.
    """
    first = messages[0]
    frame = frames.of(first.frame)
    headers = [name for name, _ in header_values(first)]
    tags = sorted(tags_of(first))
    fields = [("from", formataddr((single_line(first.sender_name), first.sender_address)))]
    fields += [("to", message.recipient) for message in messages]
    fields += [("subject", f"%recipient.{frame.mark}_s%" if frame.subject_varies else subject_of(first))]
    fields += [(kind, body) for kind, body in (("text", frame.text), ("html", frame.html)) if body]
    fields += [(f"h:{name}", f"%recipient.{frame.mark}_h{place}%") for place, name in enumerate(headers)]
    fields += [("h:Reply-To", first.reply_to)] if first.reply_to else []
    fields += [(f"v:{name}", f"%recipient.{frame.mark}_v{place}%") for place, name in enumerate(tags)]
    variables = [
        to_json(message.recipient) + b":" + to_json(_variables_of(message, frame, tags)) for message in messages
    ]
    fields.append(("recipient-variables", "{" + b",".join(variables).decode() + "}"))
    files = [("attachment", file.name, file.content_type, file.content) for file in first.frame.attachments]
    return Form(fields, files)


def _variables_of(message: OutgoingMessage, frame: MarkedFrame, tags: Sequence[str]) -> dict[str, str]:
    """One recipient's: its slots' values, its headers, its tags, its subject."""
    found = dict(zip(frame.variables, message.values, strict=False))
    found |= {f"{frame.mark}_h{place}": value for place, (_, value) in enumerate(header_values(message))}
    values = tags_of(message)
    found |= {f"{frame.mark}_v{place}": values[name] for place, name in enumerate(tags)}
    if frame.subject_varies:
        found[f"{frame.mark}_s"] = subject_of(message)
    return found


def multipart(form: Form) -> tuple[str, bytes]:
    """The form's content type and body; the boundary is random, so that no content can hold it."""
    boundary = f"leadmill-{secrets.token_hex(16)}"
    start = f"--{boundary}\r\nContent-Disposition: form-data; name="
    pieces = [f'{start}"{name}"\r\n\r\n{value}\r\n'.encode("utf-8", "replace") for name, value in form.fields]
    for name, file_name, content_type, content in form.files:
        safe = single_line(file_name).replace("\\", "_").replace('"', "_")
        head = f'{start}"{name}"; filename="{safe}"\r\nContent-Type: {single_line(content_type)}\r\n\r\n'
        pieces += [head.encode("utf-8", "replace"), content, b"\r\n"]
    return f"multipart/form-data; boundary={boundary}", b"".join([*pieces, f"--{boundary}--\r\n".encode()])

"""SendGrid's v3 mail/send: up to 1,000 personalizations a call as plain dicts, no repeats (ADR 0019)."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any

from leadmill.adapters.content.header_values import single_line
from leadmill.adapters.esp.api_calls import (
    KNOWN_REFUSALS,
    Call,
    CallOutcome,
    accepted,
    built,
    halves,
    header_values,
    make_calls,
    one_by_one,
    refused,
    subject_of,
)
from leadmill.adapters.esp.api_channel import ApiChannel
from leadmill.adapters.esp.fast_json import list_to_json, to_json
from leadmill.adapters.esp.https import HttpAnswer
from leadmill.adapters.esp.marked_frames import MarkedFrames
from leadmill.adapters.esp.sendgrid_batches import (
    PERSONALIZATIONS_A_CALL,
    calls_of,
    personalization_of,
    substitution_tags,
)
from leadmill.domain.messages import Fault, OutgoingMessage, Receipt

DEFAULT_HOST = "https://api.sendgrid.com"

_TAKEN = frozenset({HTTPStatus.OK, HTTPStatus.ACCEPTED})  # 200 is the sandbox's yes
_PLACE = re.compile(r"personalizations\.(\d+)\.?")
_ADDRESS = re.compile(r"personalizations\.\d+\.to\b")


@dataclass(frozen=True, slots=True)
class SendGridOptions:
    """How SendGrid sends; `sandbox` has it check the mails without sending them."""

    sandbox: bool = False
    batch_size: int = PERSONALIZATIONS_A_CALL


class SendGridEsp:
    """`ports.esp.BlockingEsp` over SendGrid's v3 API."""

    name = "sendgrid"

    def __init__(self, channel: ApiChannel, options: SendGridOptions) -> None:
        self.batch_size = options.batch_size
        self._channel = channel
        self._options = options
        self._frames = substitution_tags()

    @cached_property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._channel.secret()}", "Content-Type": "application/json"}

    def send(self, messages: Sequence[OutgoingMessage]) -> Iterator[Receipt]:
        calls = calls_of(messages, self._frames)
        yield from make_calls(calls, self._hand_over, lane_of=self._channel.lane_of)

    def _hand_over(self, call: Call) -> CallOutcome:
        body = built(call, self._body_of)
        if isinstance(body, CallOutcome):
            return body
        answer = self._channel.post(call, "/v3/mail/send", body, self._headers, taken=_TAKEN)
        return answer if isinstance(answer, CallOutcome) else self._settled(call, answer)

    def _body_of(self, call: Call) -> bytes:
        return request_body(call, self._frames, sandbox=self._options.sandbox)

    def _settled(self, call: Call, answer: HttpAnswer) -> CallOutcome:
        if answer.status in _TAKEN:
            message_id = answer.headers.get("x-message-id", "")
            return CallOutcome([accepted(message, message_id) for message in call.messages])
        about = self._channel.error_of(call, answer)
        if about is not None:
            return CallOutcome(error=about)
        fields = _blamed_fields(answer)
        if not call.is_shared:
            fault = Fault.ADDRESS if fields and all(_ADDRESS.match(name) for name in fields) else Fault.MESSAGE
            is_unknown = answer.status not in KNOWN_REFUSALS
            return CallOutcome([refused(call.messages[0], fault, f"http-{answer.status}", is_unknown=is_unknown)])
        return CallOutcome(again=_without_the_blamed(call, fields))


def _blamed_fields(answer: HttpAnswer) -> list[str]:
    """The fields that an error answer names; empty where it names none."""
    try:
        errors = json.loads(answer.body)["errors"]
        return [str(error["field"]) for error in errors if error.get("field")]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _without_the_blamed(call: Call, fields: Sequence[str]) -> list[Call]:
    """What to send instead of a call that was refused as a whole: the blamed ones alone; else halves of it."""
    places = {int(found[1]) for name in fields if (found := _PLACE.match(name))}
    blamed = [message for place, message in enumerate(call.messages) if place in places]
    others = [message for place, message in enumerate(call.messages) if place not in places]
    if not blamed or not others:
        return halves(call)
    return [Call(others, is_shared=True), *one_by_one(blamed)]


def request_body(call: Call, frames: MarkedFrames, *, sandbox: bool) -> bytes:
    """The JSON body of a v3 mail/send call.

    The provider's own click and open tracking is off: ours is signed, and a mail tracked twice counts twice.

    Raises:
        TemplateInvalid: A header or address would break out of its line.
    """
    first = call.messages[0]
    frame = frames.of(first.frame) if call.is_shared else None
    text, html = (frame.text, frame.html) if frame else (first.text, first.html)
    body: dict[str, Any] = {
        "from": _person(first.sender_address, single_line(first.sender_name)),
        "subject": subject_of(first),
        "content": [
            {"type": kind, "value": value} for kind, value in (("text/plain", text), ("text/html", html)) if value
        ],
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
        },
    }
    if first.reply_to:
        body["reply_to"] = {"email": first.reply_to}
    if first.frame.attachments:
        body["attachments"] = [
            {"content": b64encode(file.content).decode(), "type": file.content_type, "filename": file.name}
            for file in first.frame.attachments
        ]
    if sandbox:
        body["mail_settings"] = {"sandbox_mode": {"enable": True}}
    personalizations = list_to_json(
        personalization_of(message, header_values(message), frame) for message in call.messages
    )
    return to_json(body)[:-1] + b',"personalizations":' + personalizations + b"}"


def _person(address: str, name: str) -> dict[str, str]:
    return {"email": address, "name": name} if name else {"email": address}

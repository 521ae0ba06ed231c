"""Postmark's /email/batch: up to 500 whole mails a call, an answer for each (ADR 0019)."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.utils import formataddr
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
    refused,
    subject_of,
)
from leadmill.adapters.esp.api_channel import ApiChannel
from leadmill.adapters.esp.fast_json import list_to_json
from leadmill.adapters.esp.https import HttpAnswer
from leadmill.domain.messages import Fault, OutgoingMessage, Receipt, ReceiptStatus
from leadmill.domain.send_tags import SEND_ID, send_tag
from leadmill.errors import (
    CredentialsRejected,
    LeadmillError,
    ProviderThrottled,
    ProviderUnavailable,
    SenderSuspended,
)

DEFAULT_HOST = "https://api.postmarkapp.com"
DEFAULT_STREAM = "broadcast"
"""Postmark wants bulk mail on a broadcast stream; `outbound` is its transactional one."""

TEST_TOKEN = "POSTMARK_API_TEST"  # noqa: S105 - a public word that has Postmark check mails without sending them
MESSAGES_A_CALL = 500
CALL_BYTES = 40_000_000
"""Postmark takes 50 MB a call."""

_METADATA_NAME, _METADATA_VALUE, _METADATA_FIELDS = 20, 80, 10
_DOUBTFUL = frozenset({HTTPStatus.INTERNAL_SERVER_ERROR})
"""Of a 500 Postmark says that "in most cases the message is lost": so it may not be."""

_INVALID, _INACTIVE = 300, 406
_FAULTS = {
    400: Fault.SENDER,  # sender signature not found
    401: Fault.SENDER,  # sender signature not confirmed
    _INACTIVE: Fault.ADDRESS,  # bounced hard, complained, or unsubscribed there before
}
_SUSPENDED = frozenset({405, 412, 413, 1221, 1235})
"""No credits, account pending, account may not send, message stream unknown or archived."""

_BAD_TOKEN, _MAINTENANCE, _TOO_MANY = 10, 100, 429
_ITS_WORDS = {"'To'": Fault.ADDRESS, "'From'": Fault.SENDER}
"""An invalid request (300) says in its text which field is meant: "Invalid 'To' address"."""


@dataclass(frozen=True, slots=True)
class PostmarkOptions:
    """How Postmark sends: on which message stream; `sandbox` has it check the mails without sending them."""

    stream: str = DEFAULT_STREAM
    sandbox: bool = False
    batch_size: int = MESSAGES_A_CALL


class PostmarkEsp:
    """`ports.esp.BlockingEsp` over Postmark's API."""

    name = "postmark"

    def __init__(self, channel: ApiChannel, options: PostmarkOptions) -> None:
        self.batch_size = options.batch_size
        self._channel = channel
        self._options = options

    @cached_property
    def _headers(self) -> dict[str, str]:
        token = TEST_TOKEN if self._options.sandbox else self._channel.secret()
        return {"X-Postmark-Server-Token": token, "Content-Type": "application/json", "Accept": "application/json"}

    def send(self, messages: Sequence[OutgoingMessage]) -> Iterator[Receipt]:
        yield from make_calls(calls_of(messages), self._hand_over, lane_of=self._channel.lane_of)

    def _hand_over(self, call: Call) -> CallOutcome:
        body = built(call, self._body_of)
        if isinstance(body, CallOutcome):
            return body
        answer = self._channel.post(call, "/email/batch", body, self._headers, doubtful=_DOUBTFUL)
        if isinstance(answer, CallOutcome):
            return answer
        return self._settled(call, answer) if answer.status == HTTPStatus.OK else self._not_taken(call, answer)

    def _body_of(self, call: Call) -> bytes:
        return list_to_json(message_body(message, stream=self._options.stream) for message in call.messages)

    def _not_taken(self, call: Call, answer: HttpAnswer) -> CallOutcome:
        error_code, text = _read_error(answer)
        about = self._channel.error_of(call, answer) or self._about(error_code, call.of, answer)
        if about is not None:
            return CallOutcome(error=about)
        if len(call.messages) > 1:
            return CallOutcome(again=[Call(half.messages, is_shared=True) for half in halves(call)])
        if error_code:
            return CallOutcome([_refused(call.messages[0], error_code, text)])
        is_unknown = answer.status not in KNOWN_REFUSALS
        return CallOutcome([refused(call.messages[0], Fault.MESSAGE, f"http-{answer.status}", is_unknown=is_unknown)])

    def _settled(self, call: Call, answer: HttpAnswer) -> CallOutcome:
        """A receipt for each mail; those that Postmark put off, or stopped over the account, are left without one."""
        try:
            results = json.loads(answer.body)
        except ValueError:
            results = []
        receipts: list[Receipt] = []
        error: LeadmillError | None = None
        for place, message in enumerate(call.messages):
            result = results[place] if isinstance(results, list) and place < len(results) else {}
            error_code = result.get("ErrorCode")
            if error_code == 0 and result.get("MessageID"):
                receipts.append(accepted(message, str(result["MessageID"])))
            elif error_code:
                about = self._about(error_code, f"send {message.send_id}", answer)
                error = error or about
                if about is None:
                    receipts.append(_refused(message, error_code, str(result.get("Message", ""))))
            else:
                receipts.append(Receipt(message.send_id, ReceiptStatus.AMBIGUOUS, code="no-result"))
        if error is None and any(receipt.status is ReceiptStatus.AMBIGUOUS for receipt in receipts):
            error = ProviderUnavailable(f"{self._channel.who} did not speak of every mail among {call.of}.")
        return CallOutcome(receipts, error=error)

    def _about(self, error_code: int, what: str, answer: HttpAnswer) -> LeadmillError | None:
        """The error of a code that is about the account; None where it is about the mail."""
        if error_code == _BAD_TOKEN:
            return CredentialsRejected(f"{self._channel.who} refused the server token; check its secret.")
        if error_code in _SUSPENDED:
            return SenderSuspended(f"{self._channel.who} lets this account or stream not send ({error_code}).")
        if error_code == _MAINTENANCE:
            return ProviderUnavailable(f"{self._channel.who} is under maintenance.")
        if error_code == _TOO_MANY:
            wait = self._channel.wait_of(answer)
            return ProviderThrottled(f"{self._channel.who} put {what} off.", retry_after=wait)
        return None


def calls_of(messages: Sequence[OutgoingMessage]) -> Iterator[Call]:
    """The messages in calls within Postmark's limits; each is a whole mail, so any may stand beside any."""
    waiting: list[OutgoingMessage] = []
    size = 0
    for message in messages:
        here = 2 * (len(message.text) + len(message.html)) + sum(
            2 * len(file.content) for file in message.frame.attachments
        )
        if waiting and (len(waiting) == MESSAGES_A_CALL or size + here > CALL_BYTES):
            yield Call(waiting, is_shared=True)
            waiting, size = [], 0
        waiting.append(message)
        size += here
    if waiting:
        yield Call(waiting, is_shared=True)


def message_body(message: OutgoingMessage, *, stream: str) -> dict[str, Any]:
    """One mail of a batch; `X-PM-KeepID` has Postmark keep our Message-ID, which replies and bounces quote.

    Raises:
        TemplateInvalid: A header or address would break out of its line.
    """
    headers = [*header_values(message), ("X-PM-KeepID", "true")]
    tags = {name: value for name, value in message.tags.items() if len(name) <= _METADATA_NAME and name != SEND_ID}
    metadata = {SEND_ID: send_tag(message)} | {name: value[:_METADATA_VALUE] for name, value in tags.items()}
    body: dict[str, Any] = {
        "From": formataddr((single_line(message.sender_name), message.sender_address)),
        "To": message.recipient,
        "Subject": subject_of(message),
        "TextBody": message.text,
        "HtmlBody": message.html,
        "Headers": [{"Name": name, "Value": value} for name, value in headers],
        "Metadata": dict(list(metadata.items())[:_METADATA_FIELDS]),
        "MessageStream": stream,
        "TrackOpens": False,
        "TrackLinks": "None",
    }
    if message.reply_to:
        body["ReplyTo"] = message.reply_to
    if message.frame.attachments:
        body["Attachments"] = [
            {"Name": file.name, "Content": b64encode(file.content).decode(), "ContentType": file.content_type}
            for file in message.frame.attachments
        ]
    return body


def _read_error(answer: HttpAnswer) -> tuple[int, str]:
    try:
        found = json.loads(answer.body)
        return int(found["ErrorCode"]), str(found.get("Message", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return 0, ""


def _refused(message: OutgoingMessage, error_code: int, text: str) -> Receipt:
    fault = _FAULTS.get(error_code, Fault.MESSAGE)
    if error_code == _INVALID:
        fault = next((fault for word, fault in _ITS_WORDS.items() if word in text), Fault.MESSAGE)
    is_unknown = error_code not in {_INVALID, *_FAULTS}
    return refused(message, fault, f"postmark-{error_code}", is_unknown=is_unknown)

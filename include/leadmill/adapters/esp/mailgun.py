"""Mailgun: up to 1,000 recipients a call with recipient variables, else our own MIME bytes one by one (ADR 0019)."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from urllib.parse import quote

from leadmill.adapters.esp.api_calls import (
    KNOWN_REFUSALS,
    Call,
    CallOutcome,
    accepted,
    built,
    halves,
    in_doubt,
    make_calls,
    one_by_one,
    refused,
    require_bare_addresses,
)
from leadmill.adapters.esp.api_channel import ApiChannel
from leadmill.adapters.esp.https import HttpAnswer
from leadmill.adapters.esp.mailgun_batches import Form, calls_of, multipart, recipient_variables, shared_form
from leadmill.domain.messages import Fault, OutgoingMessage, Receipt
from leadmill.domain.send_tags import tags_of
from leadmill.errors import ConfigInvalid, ProviderThrottled

DEFAULT_HOST = "https://api.mailgun.net"
_BAD_ADDRESS = re.compile(r"'?to'? parameter is not a valid address", re.IGNORECASE)
_LIMIT_REACHED = 420  # "domain … is not allowed to send: recipient limit exceeded"


@dataclass(frozen=True, slots=True)
class MailgunOptions:
    """How Mailgun sends: `domain` as registered there, else the sender's; `sandbox` is its test mode."""

    domain: str = ""
    sandbox: bool = False
    bulk: bool = True
    batch_size: int = 1000


class MailgunEsp:
    """`ports.esp.BlockingEsp` over Mailgun's v3 API."""

    name = "mailgun"

    def __init__(
        self, channel: ApiChannel, options: MailgunOptions, *, to_bytes: Callable[[OutgoingMessage], bytes]
    ) -> None:
        self.batch_size = options.batch_size
        self._channel = channel
        self._options = options
        self._to_bytes = to_bytes
        self._frames = recipient_variables()

    @cached_property
    def _authorization(self) -> str:
        return "Basic " + b64encode(f"api:{self._channel.secret()}".encode()).decode()

    def send(self, messages: Sequence[OutgoingMessage]) -> Iterator[Receipt]:
        calls = calls_of(messages, self._frames) if self._options.bulk else one_by_one(messages)
        yield from make_calls(calls, self._hand_over, lane_of=self._channel.lane_of)

    def _hand_over(self, call: Call) -> CallOutcome:
        domain = self._options.domain or call.messages[0].sender_address.rpartition("@")[2]
        found = built(call, self._body_of)
        if isinstance(found, CallOutcome):
            return found
        content_type, body = found
        headers = {"Authorization": self._authorization, "Content-Type": content_type}
        kind = "messages" if call.is_shared else "messages.mime"
        answer = self._channel.post(call, f"/v3/{quote(domain, safe='')}/{kind}", body, headers)
        if isinstance(answer, CallOutcome):
            return answer
        return self._taken(call, answer) if answer.status == HTTPStatus.OK else self._not_taken(call, answer)

    def _body_of(self, call: Call) -> tuple[str, bytes]:
        form = shared_form(call.messages, self._frames) if call.is_shared else self._mime_form(call.messages[0])
        form.fields += [("o:tracking", "no")] + ([("o:testmode", "yes")] if self._options.sandbox else [])
        return multipart(form)

    def _mime_form(self, message: OutgoingMessage) -> Form:
        require_bare_addresses(message)
        fields = [("to", message.recipient), *((f"v:{name}", value) for name, value in tags_of(message).items())]
        return Form(fields, [("message", "message.eml", "message/rfc822", self._to_bytes(message))])

    def _taken(self, call: Call, answer: HttpAnswer) -> CallOutcome:
        try:
            found = str(json.loads(answer.body)["id"]).strip("<>")
        except (ValueError, KeyError, TypeError):
            if b"Magnificent" in answer.body:  # its greeting, at any path it does not know
                wrong = (
                    f"{self._channel.lane_of}: that is no endpoint of Mailgun's; check the account's host and domain."
                )
                return CallOutcome(error=ConfigInvalid(wrong))
            return in_doubt(call, self._channel.who, "no-result")
        if not call.is_shared:
            return CallOutcome([accepted(call.messages[0], found)])
        # One id for the call, or our own variable unreplaced: each mail's id is the Message-ID that we gave it.
        return CallOutcome([accepted(message, message.message_id.strip("<>")) for message in call.messages])

    def _not_taken(self, call: Call, answer: HttpAnswer) -> CallOutcome:
        if answer.status == _LIMIT_REACHED:
            limit = ProviderThrottled(f"{self._channel.who}'s limit is reached ({call.of}).", retry_after=3600.0)
            return CallOutcome(error=limit)
        about = self._channel.error_of(call, answer)
        if about is not None:
            return CallOutcome(error=about)
        code = f"http-{answer.status}"
        if answer.status == HTTPStatus.NOT_FOUND:  # it does not know the domain: every mail of this sender fails
            return CallOutcome([refused(message, Fault.SENDER, code) for message in call.messages])
        if call.is_shared:  # one bad address refuses the whole call
            return CallOutcome(again=halves(call))
        is_address = _BAD_ADDRESS.search(answer.body.decode("utf-8", "replace"))
        fault, is_unknown = Fault.ADDRESS if is_address else Fault.MESSAGE, answer.status not in KNOWN_REFUSALS
        return CallOutcome([refused(call.messages[0], fault, code, is_unknown=is_unknown)])

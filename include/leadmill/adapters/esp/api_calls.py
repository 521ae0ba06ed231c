"""How the API adapters turn a batch into calls, and the calls' answers into receipts and errors (ADR 0019)."""

from __future__ import annotations

import logging
import re
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TypeVar

from leadmill.adapters.content.encoded_words import encoded_words
from leadmill.adapters.content.header_values import require_single_line, single_line
from leadmill.domain.dispatch import LEASE_MARGIN
from leadmill.domain.messages import Fault, Frame, OutgoingMessage, Part, Receipt, ReceiptStatus
from leadmill.errors import LeadmillError, ProviderUnavailable, SendingBroke, TemplateInvalid

log = logging.getLogger(__name__)

_Body = TypeVar("_Body")

CALL_WITHIN_SECONDS = LEASE_MARGIN.total_seconds() * 0.4
"""No call of a batch begins later than so long after the batch did: a batch starts at the latest when `LEASE_MARGIN` of
its lease is left, and the last call needs time for its own time-outs."""

_CODE_CHARACTERS, _LEAST_CODE_CHARACTERS = 60, 3  # what the ledger counts codes by

KNOWN_REFUSALS = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
)
"""The statuses by which APIs refuse what a mail holds: malformed, too large, not to be processed."""

_NOT_BARE = re.compile(r"[\s,;:<>()\[\]\"\\\x00-\x1f\x7f]")

Batch = Sequence[OutgoingMessage]


@dataclass(frozen=True, slots=True)
class Call:
    """What goes into one API call: messages of one frame and sender by a template, or one message rendered here."""

    messages: Batch
    is_shared: bool = False

    @property
    def of(self) -> str:
        """For error messages: which sends."""
        first, last = self.messages[0].send_id, self.messages[-1].send_id
        return f"send {first}" if len(self.messages) == 1 else f"sends {first} … {last} ({len(self.messages)})"


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """What a call came to: receipts, then calls to make instead of it, then the error that ends the batch.

    Messages that are in none of them were not handed over.
    """

    receipts: Sequence[Receipt] = ()
    again: Sequence[Call] = ()
    error: LeadmillError | None = None


def make_calls(calls: Iterable[Call], hand_over: Callable[[Call], CallOutcome], *, lane_of: str) -> Iterator[Receipt]:
    """Make the calls one after the other and yield their receipts, until one ends the batch or its time is up.

    Raises:
        LeadmillError: What ended the batch; messages without a receipt were not handed over.
    """
    began = time.monotonic()
    waiting = _all_of(calls, lane_of)
    while waiting:
        if time.monotonic() - began > CALL_WITHIN_SECONDS:
            raise ProviderUnavailable(f"{lane_of}: the provider is too slow for its batch; the rest is given back.")
        call, recalled = _without_recalled(waiting.popleft())
        yield from recalled
        if not call.messages:
            continue
        outcome = hand_over(call)
        yield from outcome.receipts
        if outcome.error is not None:
            raise outcome.error
        waiting.extendleft(reversed(outcome.again))


def _without_recalled(call: Call) -> tuple[Call, list[Receipt]]:
    """The call without what was taken back since it was rendered, and those receipts."""
    recalled = [message for message in call.messages if message.is_recalled]
    if not recalled:
        return call, []
    kept = [message for message in call.messages if not message.is_recalled]
    return replace(call, messages=kept), [Receipt(message.send_id, ReceiptStatus.RECALLED) for message in recalled]


def _all_of(calls: Iterable[Call], lane_of: str) -> deque[Call]:
    try:
        return deque(calls)
    except LeadmillError:
        raise
    except Exception as error:
        raise SendingBroke(f"{lane_of}: a batch could not be put together; see the log.") from error


def built(call: Call, build: Callable[[Call], _Body]) -> _Body | CallOutcome:
    """The call's body; where one of its mails cannot be put into it, that one is found and refused, and no other."""
    try:
        return build(call)
    except TemplateInvalid:
        code = "template"
    except Exception:  # one lead with an odd value must not stop or loop a batch
        log.exception("%s: its call could not be built", call.of)
        code = "building-broke"
    if len(call.messages) > 1:
        return CallOutcome(again=one_by_one(call.messages))
    return CallOutcome([refused(call.messages[0], Fault.MESSAGE, code)])


def accepted(message: OutgoingMessage, provider_message_id: str) -> Receipt:
    """The provider took it."""
    return Receipt(message.send_id, ReceiptStatus.ACCEPTED, provider_message_id=provider_message_id)


def refused(message: OutgoingMessage, fault: Fault, code: str, *, is_unknown: bool = False) -> Receipt:
    """The provider, or we, refused it; `is_unknown`: no table of ours knows the provider's code."""
    code = code[:_CODE_CHARACTERS]
    is_unknown = is_unknown and len(code) >= _LEAST_CODE_CHARACTERS
    return Receipt(message.send_id, ReceiptStatus.REFUSED, fault=fault, code=code, is_unknown=is_unknown)


def in_doubt(call: Call, who: str, code: str = "no-answer") -> CallOutcome:
    """Every message of the call may have been taken; nothing further is handed over."""
    receipts = [Receipt(message.send_id, ReceiptStatus.AMBIGUOUS, code=code) for message in call.messages]
    return CallOutcome(receipts, error=ProviderUnavailable(f"{who} gave no answer to {call.of}."))


def one_by_one(messages: Batch) -> list[Call]:
    """A call for each message, rendered here."""
    return [Call([message]) for message in messages]


def halves(call: Call) -> list[Call]:
    """The call in two, so that what spoils it stands alone after a few rounds; a single one is rendered here."""
    if len(call.messages) == 1:
        return one_by_one(call.messages)
    middle = len(call.messages) // 2
    return [Call(call.messages[:middle], call.is_shared), Call(call.messages[middle:], call.is_shared)]


def by_frame(
    messages: Batch, also_by: Callable[[OutgoingMessage], Hashable] = lambda _: None
) -> Iterator[list[OutgoingMessage]]:
    """The messages in groups that share frame and sender, and name no address twice; their order within stays.

    An address that comes again waits for the next group: SendGrid refuses a call that names one twice, and Mailgun
    would give both mails the same values.
    """
    groups: dict[Hashable, list[OutgoingMessage]] = {}
    for message in messages:
        key = (id(message.frame), message.sender_address, message.sender_name, message.reply_to, also_by(message))
        groups.setdefault(key, []).append(message)
    for group in groups.values():
        yield from _without_repeats(group)


def _without_repeats(messages: list[OutgoingMessage]) -> Iterator[list[OutgoingMessage]]:
    while messages:
        seen: set[str] = set()
        now: list[OutgoingMessage] = []
        later: list[OutgoingMessage] = []
        for message in messages:
            address = message.recipient.lower()
            (later if address in seen else now).append(message)
            seen.add(address)
        yield now
        messages = later


def template_of(part: Part, slot: Callable[[int], str]) -> str:
    """A part of a frame with the provider's variables in its slots."""
    return "".join([piece if isinstance(piece, str) else slot(piece) for piece in part])


def literals_of(frame: Frame) -> str:
    """The frame's literal text, a NUL for each slot and between the parts."""
    return "\0".join(template_of(part, lambda _: "\0") for part in (frame.subject, frame.text, frame.html))


def subject_of(message: OutgoingMessage) -> str:
    """The subject as the raw mail would carry it."""
    return single_line(message.subject)


def header_values(message: OutgoingMessage) -> list[tuple[str, str]]:
    """The Message-ID and the extra headers as an API takes them: one line each, in ASCII.

    Raises:
        TemplateInvalid: A header or an address would break out of its line, or the recipient is no bare address.
    """
    require_bare_addresses(message)
    headers = [("Message-ID", message.message_id), *message.headers]
    together = "".join([value for _, value in headers])
    if together.isascii() and together.isprintable():
        return headers
    return [
        (name, value if value.isascii() and value.isprintable() else _encoded(name, value)) for name, value in headers
    ]


def require_bare_addresses(message: OutgoingMessage) -> None:
    """Refuse what a provider could read as something else than the one address that was meant.

    Raises:
        TemplateInvalid: An address holds a line break, or the recipient is no bare address.
    """
    addresses = message.recipient + message.sender_address + message.reply_to
    if not (addresses.isascii() and addresses.isprintable()):
        require_single_line(addresses, what=f"An address of send {message.send_id}")
    if not is_bare(message.recipient):
        raise TemplateInvalid(f"The recipient of send {message.send_id} is no bare address.")


def is_bare(address: str) -> bool:
    """Whether nobody could read it as a list, a name with an address, or a quoted local part."""
    return _NOT_BARE.search(address) is None


def _encoded(name: str, value: str) -> str:
    return encoded_words(require_single_line(value, what=f"The header {name}")).replace("\r\n ", " ").strip()

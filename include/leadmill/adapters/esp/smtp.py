"""SMTP: a few pooled connections a mailbox, pipelined, and the moment of doubt kept as small as can be (ADR 0018).

Until the final dot leaves, a lost connection means that nothing was handed over; after it and before the answer, nobody
knows (RFC 5321 §4.1.1.4): such a message is ambiguous, and is never sent again by itself.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from leadmill.adapters.esp.smtp_delivery import Delivery
from leadmill.adapters.esp.smtp_mail import Ending, Mail, TimeOuts
from leadmill.adapters.esp.smtp_pipeline import Pipeline
from leadmill.adapters.esp.smtp_session import Secret, SmtpServer, hang_up, open_session
from leadmill.adapters.esp.smtp_wire import Wire
from leadmill.adapters.wire_text import WireText
from leadmill.domain.crash_points import CrashPoint, reached
from leadmill.domain.messages import Fault, OutgoingMessage, Receipt, ReceiptStatus
from leadmill.domain.smtp_presets import Preset
from leadmill.errors import LeadmillError, ProviderThrottled, ProviderUnavailable, TemplateInvalid

MAILS_PER_FURTHER_CONNECTION = 8
"""Another connection is opened once those there are have taken up so many mails each: a log-in costs more than that."""

_LINE_ENDS = re.compile(rb"\r\n|\r|\n")
_BREAKS_OUT = re.compile(rb"[\r\n<> \0]")
_CR, _LF, _DOT = b"\r\n."


@dataclass(frozen=True, slots=True)
class SmtpOptions:
    """How to use a server: its preset, how many connections at once, and how many mails each of them carries."""

    preset: Preset = field(default_factory=Preset)
    configuration_set: str = ""
    connections: int = 2
    messages_per_connection: int = 100
    final_timeout_seconds: float = 120.0


class SmtpEsp:
    """`ports.esp.Esp` over SMTP."""

    name = "smtp"

    def __init__(
        self,
        server: SmtpServer,
        options: SmtpOptions,
        *,
        user_name: str,
        secret: Secret,
        to_bytes: Callable[[OutgoingMessage], bytes],
        lane_of: str,
        batch_size: int = 1_000,
    ) -> None:
        """`lane_of` names the mailbox in errors, without its address."""
        self._server = server
        self._options = options
        self._user_name = user_name
        self._secret = secret
        self._to_bytes = to_bytes
        self._lane_of = lane_of
        self._idle: list[Wire] = []
        self._most_connections = options.connections
        self._time_outs = TimeOuts(server.timeout_seconds, options.final_timeout_seconds)
        self._senders: dict[str, bytes] = {}
        self.batch_size = batch_size

    async def send(self, messages: Iterable[OutgoingMessage]) -> AsyncIterator[Receipt]:
        delivery = Delivery(messages, self._prepared, lane_of=self._lane_of)
        delivery.wakes_at = MAILS_PER_FURTHER_CONNECTION
        workers = {asyncio.create_task(self._work(delivery, is_first=True))}
        try:
            while workers:
                await delivery.wake.wait()
                delivery.wake.clear()
                while delivery.receipts:
                    yield delivery.receipts.popleft()
                workers = {worker for worker in workers if not _is_over(worker)}
                if self._wants_another(delivery, len(workers)):
                    workers.add(asyncio.create_task(self._work(delivery, is_first=not workers)))
                if len(workers) < self._most_connections:
                    delivery.wakes_at = max(MAILS_PER_FURTHER_CONNECTION * len(workers), delivery.taken_up + 1)
        finally:
            for worker in workers:  # nobody listens any more
                worker.cancel()
        if delivery.error is not None:
            raise delivery.error

    async def close(self) -> None:
        wires, self._idle = self._idle, []
        await asyncio.gather(*(hang_up(wire) for wire in wires))

    # --- connections

    def _wants_another(self, delivery: Delivery, working: int) -> bool:
        if delivery.error is not None:
            return False
        if not working:  # a further connection gave its mails back after the first had ended
            return delivery.has_given_back
        enough = delivery.taken_up >= MAILS_PER_FURTHER_CONNECTION * working
        return enough and working < self._most_connections and not delivery.is_at_end

    async def _work(self, delivery: Delivery, *, is_first: bool) -> None:
        """Carry mails over one connection after another until there are none."""
        try:
            while (mail := delivery.next()) is not None:
                delivery.give_back(mail)
                wire = await self._ready(delivery, is_first=is_first)
                if wire is None or not await self._carried(delivery, wire, is_first=is_first):
                    return
        finally:
            delivery.wake.set()

    async def _ready(self, delivery: Delivery, *, is_first: bool) -> Wire | None:
        """An idle connection, or a new one; None where there is none to be had, which ends the delivery.

        A server that allows fewer connections than we are set to open just gets fewer.
        """
        while self._idle:
            wire = self._idle.pop()
            if wire.is_open and not wire.has_unread:
                return wire
        reached(CrashPoint.BEFORE_CONNECT)
        try:
            return await open_session(
                self._server, user_name=self._user_name, secret=self._secret, lane_of=self._lane_of
            )
        except (ProviderThrottled, ProviderUnavailable) as error:
            self._refused_connection(delivery, error, is_first=is_first)
        except LeadmillError as error:
            delivery.fail(error)
        return None

    def _refused_connection(self, delivery: Delivery, error: LeadmillError, *, is_first: bool) -> None:
        if is_first:
            delivery.fail(error)
        else:
            self._most_connections = max(1, self._most_connections - 1)

    async def _carried(self, delivery: Delivery, wire: Wire, *, is_first: bool) -> bool:
        """Use a connection to its end or to that of the mails; returns whether another may be opened."""
        share = self._options.messages_per_connection
        pipeline = Pipeline(wire, delivery, share=share, time_outs=self._time_outs, is_first=is_first)
        ending = await pipeline.run()
        if ending is Ending.DONE:
            if wire.is_open:
                self._idle.append(wire)
            return False
        if ending is Ending.FULL:
            await hang_up(wire)
            return True
        if ending is Ending.BROKEN_OFF or (ending is Ending.LOST and wire.carried):
            return True
        if ending is not Ending.IN_DOUBT:
            what = "broke" if ending is Ending.LOST else "gave no answer in time"
            error = ProviderUnavailable(f"{self._lane_of}: the connection {what} before a mail was handed over.")
            self._refused_connection(delivery, error, is_first=is_first)
        return False

    # --- mails

    def _prepared(self, message: OutgoingMessage) -> Mail | Receipt:
        """The mail of a message, or the receipt of one that cannot be sent by SMTP."""
        try:
            sender = self._senders.get(message.sender_address) or self._sender(message.sender_address)
            recipient = _envelope_address(message.recipient)
        except UnicodeError:
            return Receipt(message.send_id, ReceiptStatus.REFUSED, fault=Fault.MESSAGE, code="address-not-ascii")
        given = message
        extra = self._options.preset.headers(message, configuration_set=self._options.configuration_set)
        if extra:
            message = replace(message, headers=(*message.headers, *extra))
        try:
            text = self._to_bytes(message)
        except TemplateInvalid:
            return Receipt(message.send_id, ReceiptStatus.REFUSED, fault=Fault.MESSAGE, code="template")
        return Mail(message.send_id, sender, recipient, as_sent(text), message=given)

    def _sender(self, address: str) -> bytes:
        self._senders[address] = _envelope_address(address)
        return self._senders[address]


def _is_over(worker: asyncio.Task[None]) -> bool:
    """Whether a worker has ended; raises what it raised."""
    if worker.done():
        worker.result()
    return worker.done()


def _envelope_address(address: str) -> bytes:
    """An address as MAIL and RCPT take it, the domain in its ASCII form.

    Raises:
        UnicodeError: It has no such form, or would break out of the command.
    """
    if not address.isascii():
        local, _, domain = address.rpartition("@")
        address = f"{local}@{domain.encode('idna').decode()}"
    found = address.encode("ascii")
    if _BREAKS_OUT.search(found):
        raise UnicodeError("would break out of the command")
    return found


def as_sent(text: bytes) -> bytes:
    """A mail as it goes over the wire behind DATA: CRLF line ends, leading dots doubled, a line end at its end.

    A lone CR or LF would let a text end before its dot, in the eyes of one server and not of the next (SMTP smuggling).
    """
    if not isinstance(text, WireText) and not _is_fit(text):
        text = _LINE_ENDS.sub(b"\r\n", text)
        text = text.replace(b"\r\n.", b"\r\n..")
        if text.startswith(b"."):
            text = b"." + text
    return text if text.endswith(b"\r\n") else text + b"\r\n"


def _is_fit(text: bytes) -> bool:
    """Whether every CR is followed by LF, every LF preceded by CR, and no line starts with a dot.

    With numpy, since the methods of `bytes` search for two octets at a fraction of the speed: 28 us for a mail of 9 KB.
    """
    octets = np.frombuffer(text, np.uint8)
    is_end = octets == _LF
    is_wrong = (octets == _CR)[:-1] != is_end[1:]
    starts_with_dot = octets[1:] == _DOT
    starts_with_dot &= is_end[:-1]
    is_wrong |= starts_with_dot
    return not is_wrong.any() and text[:1] not in (b".", b"\n") and text[-1:] != b"\r"

"""The providers that the contract suite runs over, each with a server that behaves like it."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from leadmill.domain.messages import Fault, Frame, OutgoingMessage, Receipt, ReceiptStatus
from leadmill.errors import LeadmillError
from leadmill.ports.esp import Channel
from tests.blocking_sender import BlockingSender, open_sender
from tests.mail_servers import PASSWORD, USER, SmtpRecorder, closed_port, smtp_server
from tests.provider_apis import (
    Mailed,
    MailgunApi,
    PostmarkApi,
    ProviderApi,
    SendGridApi,
    SesApi,
    mail_of_bytes,
    parsed,
    running,
)

DATE = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SECRETS = {
    "TEST_SMTP_SECRET": PASSWORD,
    "TEST_SMTP_WRONG": "wrong-password",
    "TEST_SES_SECRET": "AKIATEST:very-secret-key",
    "TEST_API_KEY": "SG.very-secret-key",
}

FRAME = Frame(
    subject=("Grüße an ", 0),
    text=("Hello ", 0, ",\n.\n..dots\nend ", 1, "\n"),
    html=("<p>Hello ", 2, "</p><style>@media x{a{color:red}}</style>", 1),
)
"""Slots in all three parts; lines that begin with dots; braces as CSS has them; characters beyond ASCII."""

HEADERS = (
    ("List-Unsubscribe", "<https://edge.test/u/1>"),
    ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ("Feedback-ID", "c7:s1:v2:lm12345678"),
)


def make_message(send_id: int = 1, recipient: str = "", **values: Any) -> OutgoingMessage:
    base: dict[str, Any] = {
        "sender_address": "ann@brand.test",
        "sender_name": "Ann",
        "frame": FRAME,
        "values": ("Zoë", f"https://edge.test/c/{send_id}?u=1&x=2", "Zo&euml; &amp; co"),
        "message_id": f"<lm.{send_id}.x@brand.test>",
        "headers": HEADERS,
        "tags": {"campaign_id": "7"},
    }
    return OutgoingMessage(send_id=send_id, recipient=recipient or f"lead-{send_id}@people.test", **(base | values))


def batch_of(*kinds: str) -> list[OutgoingMessage]:
    """Messages 1, 2, … whose recipients fare as the kinds say."""
    return [make_message(number, f"{kind}-{number}@people.test") for number, kind in enumerate(kinds, 1)]


@dataclass
class Harness:
    """One provider under test: the sender as the product opens it, and what reached the provider."""

    esp: BlockingSender
    taken: Callable[[], list[Mailed]]
    api: ProviderApi | None = None

    def send(self, messages: list[OutgoingMessage]) -> tuple[dict[int, Receipt], LeadmillError | None]:
        """Hand over; hold the port's promises against what the provider took; give receipts by send, and the error."""
        before = Counter(int(mail.send_id) for mail in self.taken())
        receipts, error = receipts_until_error(self.esp, messages)
        taken = Counter(int(mail.send_id) for mail in self.taken()) - before
        found = {receipt.send_id: receipt for receipt in receipts}
        accepted = {number for number, receipt in found.items() if receipt.status is ReceiptStatus.ACCEPTED}
        doubted = {number for number, receipt in found.items() if receipt.status is ReceiptStatus.AMBIGUOUS}
        assert len(found) == len(receipts), "one receipt a message"
        assert not [number for number, copies in taken.items() if copies > 1], "nobody is mailed twice"
        assert accepted <= taken.keys() <= accepted | doubted, "what was taken has a receipt, what has none was not"
        assert error is not None or found.keys() == {message.send_id for message in messages}
        assert not doubted or error is not None, "after a doubt nothing further is handed over"
        return found, error


def receipts_until_error(
    esp: BlockingSender, messages: list[OutgoingMessage]
) -> tuple[list[Receipt], LeadmillError | None]:
    found = []
    try:
        for receipt in esp.send(messages):
            found.append(receipt)  # noqa: PERF402 - those before the error count
    except LeadmillError as error:
        return found, error
    return found, None


class Provider:
    """Starts a harness; `trouble` names what is wrong with the account, `config` adds to its settings."""

    name: ClassVar[str] = ""
    faults: ClassVar[Mapping[str, Fault]] = {}
    in_batches: ClassVar[bool] = False

    def start(self, stack: ExitStack, trouble: str = "", **config: object) -> Harness:
        raise NotImplementedError


class Smtp(Provider):
    name = "smtp"
    faults: ClassVar = {
        "unknown": Fault.ADDRESS, "reject": Fault.MESSAGE, "auth": Fault.SENDER, "grey": Fault.MOMENT
    }  # fmt: skip

    def start(self, stack: ExitStack, trouble: str = "", **config: object) -> Harness:
        recorder = SmtpRecorder()
        port = closed_port() if trouble == "unreachable" else stack.enter_context(smtp_server(recorder, auth=True))
        secret = "TEST_SMTP_WRONG" if trouble == "credentials" else "TEST_SMTP_SECRET"
        settings = {"host": "127.0.0.1", "port": port, "tls": "none", "timeout_seconds": 5} | config
        channel = Channel(3, "smtp", settings, user_name=USER, secret_ref=f"env:{secret}")
        return Harness(open_sender(channel, date=DATE), lambda: list(self._taken(recorder)))

    def _taken(self, recorder: SmtpRecorder) -> Iterator[Mailed]:
        for raw in recorder.mails:
            mail = parsed(raw)
            (number,) = re.findall(r"<lm\.(\d+)\.", str(mail["Message-ID"]))
            yield mail_of_bytes(raw, number, str(mail["To"]))


class HttpProvider(Provider):
    """A provider with an HTTP API."""

    provider: ClassVar[str] = ""
    api: ClassVar[type[ProviderApi]]
    host_setting: ClassVar[str] = "host"
    secret_ref: ClassVar[str] = "env:TEST_API_KEY"
    settings: ClassVar[dict[str, object]] = {}

    def start(self, stack: ExitStack, trouble: str = "", **config: object) -> Harness:
        api = self.api(trouble)
        url = stack.enter_context(running(api))
        if trouble == "unreachable":
            url = f"http://127.0.0.1:{closed_port()}"
        settings = {self.host_setting: url, "timeout_seconds": 20} | self.settings | config
        channel = Channel(3, self.provider, settings, secret_ref=self.secret_ref)
        return Harness(open_sender(channel, date=DATE), lambda: list(api.mailed), api)


class SesBulk(HttpProvider):
    name, provider, api, in_batches = "ses-bulk", "ses", SesApi, True
    host_setting, secret_ref = "endpoint", "env:TEST_SES_SECRET"
    settings: ClassVar = {"region": "eu-central-1", "configuration_set": "main", "tenant": "acme"}
    faults: ClassVar = {
        "reject": Fault.MESSAGE, "invalid": Fault.MESSAGE, "auth": Fault.SENDER, "later": Fault.MOMENT
    }  # fmt: skip


class SesSingle(SesBulk):
    name, in_batches = "ses-single", False
    settings: ClassVar = {**SesBulk.settings, "bulk": False}
    faults: ClassVar = {"reject": Fault.MESSAGE, "invalid": Fault.MESSAGE, "auth": Fault.SENDER}


class SendGrid(HttpProvider):
    name, provider, api, in_batches = "sendgrid", "sendgrid", SendGridApi, True
    faults: ClassVar = {"reject": Fault.MESSAGE, "invalid": Fault.ADDRESS}


class Mailgun(HttpProvider):
    name, provider, api, in_batches = "mailgun", "mailgun", MailgunApi, True
    faults: ClassVar = {"reject": Fault.MESSAGE, "invalid": Fault.ADDRESS}


class Postmark(HttpProvider):
    name, provider, api, in_batches = "postmark", "postmark", PostmarkApi, True
    faults: ClassVar = {
        "reject": Fault.MESSAGE, "invalid": Fault.ADDRESS, "inactive": Fault.ADDRESS, "auth": Fault.SENDER
    }  # fmt: skip


PROVIDERS: tuple[type[Provider], ...] = (Smtp, SesSingle, SesBulk, SendGrid, Mailgun, Postmark)
APIS = tuple(provider for provider in PROVIDERS if provider is not Smtp)
BATCHES = tuple(provider for provider in PROVIDERS if provider.in_batches)
FAULTS = tuple(itertools.chain(*([(p, kind, fault) for kind, fault in p.faults.items()] for p in PROVIDERS)))


@contextmanager
def under_test(provider: type[Provider], trouble: str = "", **config: object) -> Iterator[Harness]:
    with ExitStack() as stack:
        harness = provider().start(stack, trouble, **config)
        stack.callback(harness.esp.close)
        yield harness

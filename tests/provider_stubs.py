"""Providers' sides that count: every copy of every mail that reached an SMTP server, SES, SendGrid, Mailgun or Postmark."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from typing import Any

from leadmill.domain.send_references import send_id_of_message_id
from leadmill.domain.send_tags import send_id_of_tag
from tests.mail_servers import HttpRecorder, SmtpRecorder, http_server, smtp_server


@dataclass(frozen=True)
class Copy:
    """One mail as it reached a provider."""

    provider: str
    send_id: int
    recipient: str
    mailbox: str
    at: datetime


@dataclass
class Hold:
    """A provider that answers none of a domain's requests before it is released, so that none shares a connection.

    `reached` is set when it has the whole of `awaits` requests.
    """

    awaits: int
    seen: int = 0
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def request_came(self) -> None:
        with self._lock:
            self.seen += 1
            if self.seen == self.awaits:
                self.reached.set()
        self.released.wait(60)


@dataclass
class ProviderSide:
    """Everything that arrived, under the test's clock `now`."""

    now: datetime
    key: bytes
    copies: list[Copy] = field(default_factory=list)
    urls: dict[str, str] = field(default_factory=dict)
    smtp_port: int = 0
    holds: dict[str, Hold] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, provider: str, send_id: int, recipient: str, mailbox: str) -> None:
        with self._lock:
            self.copies.append(Copy(provider, send_id, recipient, mailbox, self.now))

    def before_answer(self, sender: str) -> None:
        hold = self.holds.get(sender.rpartition("@")[2].rstrip(">"))
        if hold is not None:
            hold.request_came()

    def of(self, send_ids: set[int]) -> list[Copy]:
        with self._lock:
            return [copy for copy in self.copies if copy.send_id in send_ids]


class _CountingSmtp(SmtpRecorder):
    """Counts a mail when its last byte is there, as a server that queues it does."""

    def __init__(self, side: ProviderSide) -> None:
        super().__init__()
        self._side = side

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        send_id = send_id_of_message_id(str(message_from_bytes(envelope.content)["Message-ID"]), self._side.key)
        assert send_id is not None
        for recipient in envelope.rcpt_tos:
            self._side.add("smtp", send_id, recipient, envelope.mail_from)
        return f"250 2.0.0 Ok: queued as Q{send_id}"


def _ses(side: ProviderSide, path: str, body: dict[str, Any]) -> Any:
    if path.endswith("outbound-bulk-emails"):
        default = {tag["Name"]: tag["Value"] for tag in body.get("DefaultEmailTags", [])}
        answers = []
        for entry in body["BulkEmailEntries"]:
            tags = default | {tag["Name"]: tag["Value"] for tag in entry.get("ReplacementTags", [])}
            _count(side, "ses", tags["send_id"], entry["Destination"], body["FromEmailAddress"])
            answers.append({"Status": "SUCCESS", "MessageId": f"ses-{tags['send_id']}"})
        side.before_answer(body["FromEmailAddress"])
        return {"BulkEmailEntryResults": answers}
    if path.endswith("outbound-emails"):
        tags = {tag["Name"]: tag["Value"] for tag in body["EmailTags"]}
        _count(side, "ses", tags["send_id"], body["Destination"], body["FromEmailAddress"])
        side.before_answer(body["FromEmailAddress"])
        return {"MessageId": f"ses-{tags['send_id']}"}
    return {}


def _count(side: ProviderSide, provider: str, tag: str, destination: dict[str, Any], sender: str) -> None:
    for recipient in destination["ToAddresses"]:
        side.add(provider, _send_of(side, tag), recipient, sender.rpartition("<")[2].rstrip(">"))


def _send_of(side: ProviderSide, tag: str) -> int:
    send_id = send_id_of_tag(tag, side.key)
    assert send_id is not None, "every mail carries its send id, signed"
    return send_id


def _sendgrid(side: ProviderSide, path: str, body: dict[str, Any]) -> Any:
    if path.endswith("mail/send"):
        for one in body["personalizations"]:
            args = body.get("custom_args", {}) | one.get("custom_args", {})
            sender = one.get("from", body["from"])["email"]
            for to in one["to"]:
                side.add("sendgrid", _send_of(side, args["send_id"]), to["email"], sender)
        side.before_answer(body["from"]["email"])
    return None


def _answering(side: ProviderSide, provider: str) -> HttpRecorder:
    read = {"ses": _ses, "sendgrid": _sendgrid}[provider]

    def answer(path: str, body: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        found = read(side, path, body)
        if found is None:
            return 202, {"X-Message-Id": "sg"}, b""
        return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()

    return HttpRecorder(answer)


@contextlib.contextmanager
def provider_side(now: datetime, key: bytes) -> Iterator[ProviderSide]:
    """An SMTP server, an SES and a SendGrid on loopback."""
    side = ProviderSide(now, key)
    with contextlib.ExitStack() as stack:
        side.smtp_port = stack.enter_context(smtp_server(_CountingSmtp(side)))
        for provider in ("ses", "sendgrid"):
            side.urls[provider] = stack.enter_context(http_server(_answering(side, provider)))
        yield side

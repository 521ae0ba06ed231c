"""Providers' HTTP APIs on loopback: they check a call as the provider does, render what it would mail, and answer.

The local part of a recipient says how it fares: `lead-…` is taken, `invalid-…` is no address, `reject-…` is refused for
its content, `slow-…` meets a throttle, `stopped-…` a stopped account, `failed-…` the provider's own failure, `gateway-…`
a gateway's time-out, `mute-…` is taken and never answered, `later-…` is put off alone, `auth-…` blames the sender.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

SILENCE_SECONDS = 1.2
"""So long a request that is never answered keeps its connection."""


@dataclass(frozen=True)
class Mailed:
    """One mail as the provider would send it."""

    send_id: str
    recipient: str
    sender: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[tuple[str, str, bytes], ...] = ()


@dataclass(frozen=True)
class Request:
    """One call as it came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body or b"{}")


Answer = tuple[int, dict[str, str], bytes]


class Silence(Exception):
    """The request was taken and is never answered."""


class ProviderApi:
    """One provider: `mailed` is what it took, in order; `requests` what came in; `trouble` what ails the account."""

    credentials_status: ClassVar[int] = 401

    def __init__(self, trouble: str = "") -> None:
        self.trouble = trouble
        self.requests: list[Request] = []
        self.mailed: list[Mailed] = []
        self.extra_headers: dict[str, str] = {}

    def answer(self, request: Request) -> Answer:
        raise NotImplementedError

    def take(self, mails: list[Mailed]) -> None:
        """Keep them; then be silent if one of them asks for it."""
        self.mailed += mails
        if any(kind_of(mail.recipient) == "mute" for mail in mails):
            raise Silence


def number_of(tag: str) -> str:
    """The send id in a tag; in these tests a signature is whatever stands in the Message-ID."""
    return tag.partition("-")[0]


def kind_of(recipient: str) -> str:
    return recipient.partition("-")[0]


@contextlib.contextmanager
def running(api: ProviderApi) -> Iterator[str]:
    """Serves the API; gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            length = int(self.headers["Content-Length"] or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, self.rfile.read(length))
            api.requests.append(request)
            try:
                status, headers, body = api.answer(request)
            except Silence:
                time.sleep(SILENCE_SECONDS)
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in (headers | api.extra_headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _any  # noqa: N815 - http.server's names

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _json(status: int, body: Any, **headers: str) -> Answer:
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, json.dumps(body).encode()


def parsed(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)  # type: ignore[return-value]


def mail_of_bytes(raw: bytes, send_id: str, recipient: str) -> Mailed:
    """A raw mail as its reader sees it."""
    mail = parsed(raw)
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    return Mailed(
        send_id,
        recipient,
        str(mail["From"]),
        str(mail["Subject"]),
        text.get_content() if text else "",
        html.get_content() if html else "",
        {name.lower(): str(value) for name, value in mail.items()},
        tuple((part.get_filename(), part.get_content_type(), part.get_content()) for part in mail.iter_attachments()),
    )


class NotOneMeaning(AssertionError):
    """A template that different engines would fill differently."""


def filled(template: str, values: Mapping[str, str], written: Callable[[str], str]) -> str:
    """The template with its variables replaced.

    Nobody publishes whether a provider goes through the text once, or variable by variable so that a value's own
    variables are replaced as well: what is sent must come out the same in both.
    """
    one_by_one = template
    for name, value in values.items():
        one_by_one = one_by_one.replace(written(name), value)
    by_text = {written(name): value for name, value in values.items()}
    if not by_text:
        return template
    at_once = re.sub("|".join(map(re.escape, by_text)), lambda found: by_text[found[0]], template)
    if at_once != one_by_one:
        raise NotOneMeaning(template)
    return at_once


# --- Amazon SES


def mails_of_ses_bulk(body: Mapping[str, Any]) -> list[Mailed]:
    template = body["DefaultContent"]["Template"]
    content = template["TemplateContent"]
    for text in content.values():  # three braces and an escaped brace mean something else to each engine
        assert not re.search(r"\{\{\{|\\\{\{|\{\{\w+\}\}\}", text)
    mails = []
    for entry in body["BulkEmailEntries"]:
        values = json.loads(template["TemplateData"]) | json.loads(
            entry["ReplacementEmailContent"]["ReplacementTemplate"]["ReplacementTemplateData"]
        )
        parts = {name: filled(text, values, lambda name: "{{" + name + "}}") for name, text in content.items()}
        both = (*template.get("Headers", ()), *entry["ReplacementHeaders"])
        headers = {header["Name"].lower(): header["Value"] for header in both}
        tags = {tag["Name"]: tag["Value"] for tag in entry["ReplacementTags"]}
        (recipient,) = entry["Destination"]["ToAddresses"]
        mails.append(
            Mailed(
                number_of(tags["send_id"]),
                recipient,
                body["FromEmailAddress"],
                parts["Subject"],
                parts.get("Text", ""),
                parts.get("Html", ""),
                headers,
            )
        )
    return mails


class SesApi(ProviderApi):
    """SES v2: SendEmail, SendBulkEmail, GetAccount."""

    ERRORS: ClassVar = {
        "reject": (400, "MessageRejected", "Bad content"),
        "invalid": (400, "BadRequestException", "Illegal address"),
        "auth": (400, "MailFromDomainNotVerifiedException", "MAIL FROM"),
        "slow": (429, "TooManyRequestsException", "Maximum sending rate exceeded"),
        "quota": (400, "LimitExceededException", "Daily message quota exceeded"),
        "stopped": (400, "AccountSuspendedException", "suspended"),
        "later": (429, "TooManyRequestsException", "Maximum sending rate exceeded"),
        "failed": (500, "InternalServiceErrorException", "oops"),
        "gateway": (504, "", "gateway"),
    }
    STATUSES: ClassVar = {
        "reject": "MESSAGE_REJECTED",
        "auth": "MAIL_FROM_DOMAIN_NOT_VERIFIED",
        "slow": "ACCOUNT_THROTTLED",
        "quota": "ACCOUNT_DAILY_QUOTA_EXCEEDED",
        "stopped": "ACCOUNT_SUSPENDED",
        "later": "TRANSIENT_FAILURE",
        "silent": "",
    }
    account: ClassVar[dict[str, Any]] = {
        "SendQuota": {"Max24HourSend": 50_000.0, "MaxSendRate": 14.0, "SentLast24Hours": 1_200.0},
        "EnforcementStatus": "HEALTHY",
        "SendingEnabled": True,
        "ProductionAccessEnabled": True,
    }

    def _error(self, status: int, code: str, text: str) -> Answer:
        return _json(status, {"message": text}, x_amzn_ErrorType=code)

    def answer(self, request: Request) -> Answer:
        if self.trouble == "credentials":
            return self._error(403, "UnrecognizedClientException", "The security token is invalid.")
        if request.path.endswith("/account"):
            return _json(200, self.account)
        body = request.json
        if request.path.endswith("outbound-bulk-emails"):
            if self.trouble == "no bulk":
                return self._error(403, "AccessDeniedException", "not authorized to perform ses:SendBulkEmail")
            return self._bulk(body)
        (recipient,) = body["Destination"]["ToAddresses"]
        kind = kind_of(recipient)
        if kind in self.ERRORS:
            return self._error(*self.ERRORS[kind])
        tags = {tag["Name"]: tag["Value"] for tag in body["EmailTags"]}
        send_id = number_of(tags["send_id"])
        self.take([mail_of_bytes(base64.b64decode(body["Content"]["Raw"]["Data"]), send_id, recipient)])
        return _json(200, {"MessageId": f"ses-{send_id}"})

    def _bulk(self, body: dict[str, Any]) -> Answer:
        mails = mails_of_ses_bulk(body)
        kinds = [kind_of(mail.recipient) for mail in mails]
        assert len(mails) <= 50
        for kind in ("failed", "gateway", "invalid"):
            if kind in kinds:
                return self._error(*self.ERRORS[kind])
        self.take([mail for mail, kind in zip(mails, kinds, strict=True) if kind not in self.STATUSES])
        results = [
            {"Status": self.STATUSES[kind], "Error": "no"}
            if kind in self.STATUSES
            else {"Status": "SUCCESS", "MessageId": f"ses-{mail.send_id}"}
            for mail, kind in zip(mails, kinds, strict=True)
        ]
        return _json(200, {"BulkEmailEntryResults": results})


# --- SendGrid


def mails_of_sendgrid(body: Mapping[str, Any]) -> list[Mailed]:
    content = {part["type"]: part["value"] for part in body["content"]}
    person = body["from"]
    sender = f"{person['name']} <{person['email']}>" if "name" in person else person["email"]
    mails = []
    for one in body["personalizations"]:
        values = one.get("substitutions", {})
        subject = one.get("subject", body["subject"])
        text, html, subject = (
            filled(part, values, str) for part in (content.get("text/plain", ""), content.get("text/html", ""), subject)
        )
        headers = {name.lower(): value for name, value in one["headers"].items()}
        (to,) = one["to"]
        send_id = number_of(one["custom_args"]["send_id"])
        mails.append(Mailed(send_id, to["email"], sender, subject, text, html, headers))
    return mails


class SendGridApi(ProviderApi):
    """v3 mail/send."""

    STATUSES: ClassVar = {"slow": 429, "stopped": 403, "failed": 503, "gateway": 502}

    def _error(self, status: int, *fields: str | None) -> Answer:
        return _json(status, {"errors": [{"message": "no", "field": name, "help": None} for name in fields or (None,)]})

    def answer(self, request: Request) -> Answer:
        if self.trouble == "credentials":
            return self._error(401)
        body = request.json
        mails = mails_of_sendgrid(body)
        kinds = [kind_of(mail.recipient) for mail in mails]
        for kind, status in self.STATUSES.items():
            if kind in kinds:
                return self._error(status)
        bad = [f"personalizations.{place}.to.0.email" for place, kind in enumerate(kinds) if kind == "invalid"]
        if bad:
            return self._error(400, *bad)
        if "reject" in kinds or not self._is_within_limits(body, mails):
            return self._error(400)
        self.take(mails)
        if body.get("mail_settings", {}).get("sandbox_mode", {}).get("enable"):
            return 200, {}, b""
        return 202, {"X-Message-Id": "14c5d75ce93"}, b""

    def _is_within_limits(self, body: dict[str, Any], mails: list[Mailed]) -> bool:
        ones = body["personalizations"]
        sizes = [sum(len((k + v).encode()) for k, v in one.get("substitutions", {}).items()) for one in ones]
        return (
            len(ones) <= 1000
            and len({mail.recipient.lower() for mail in mails}) == len(mails)
            and all(mail.subject for mail in mails)
            and max(sizes) <= 10_000
            and sum(len(one.get("substitutions", {})) for one in ones) <= 10_000
            and all(isinstance(value, str) for one in ones for value in one["custom_args"].values())
        )


# --- Mailgun


def form_of(request: Request) -> list[tuple[str, str, bytes]]:
    """A multipart form's fields: name, file name, content."""
    boundary = request.headers["content-type"].partition("boundary=")[2].encode()
    parts = request.body.split(b"--" + boundary)[1:-1]
    found = []
    for part in parts:
        head, _, content = part.partition(b"\r\n\r\n")
        name = re.search(rb' name="([^"]*)"', head)
        file_name = re.search(rb'filename="([^"]*)"', head)
        assert name is not None
        found.append((name[1].decode(), file_name[1].decode() if file_name else "", content.removesuffix(b"\r\n")))
    return found


def mails_of_mailgun(fields: list[tuple[str, str, bytes]]) -> list[Mailed]:
    found = {name: content.decode() for name, file_name, content in fields if name != "to" and not file_name}
    to = [content.decode() for name, _, content in fields if name == "to"]
    variables = json.loads(found["recipient-variables"])
    mails = []
    for recipient in to:
        values = variables[recipient]
        done = {name: filled(text, values, lambda key: f"%recipient.{key}%") for name, text in found.items()}
        assert not any("%recipient" in done[name] for name in ("from", "v:send_id"))
        headers = {name[2:].lower(): value for name, value in done.items() if name.startswith("h:")}
        mails.append(
            Mailed(
                number_of(done["v:send_id"]),
                recipient,
                done["from"],
                done["subject"],
                done.get("text", ""),
                done.get("html", ""),
                headers,
                tuple((file_name, "", content) for name, file_name, content in fields if name == "attachment"),
            )
        )
    return mails


class MailgunApi(ProviderApi):
    """messages and messages.mime."""

    STATUSES: ClassVar = {"slow": 429, "stopped": 403, "failed": 503, "gateway": 502, "auth": 404}

    def answer(self, request: Request) -> Answer:
        if self.trouble == "credentials":
            return 401, {}, b"Forbidden"
        fields = form_of(request)
        if request.path.endswith("/messages.mime"):
            found = {name: content for name, _, content in fields}
            recipient, send_id = found["to"].decode(), number_of(found["v:send_id"].decode())
            mails = [mail_of_bytes(found["message"], send_id, recipient)]
            message_id = str(parsed(found["message"])["Message-ID"])
        else:
            mails = mails_of_mailgun(fields)
            message_id = "<%recipient.h0%>"
        kinds = [kind_of(mail.recipient) for mail in mails]
        for kind, status in self.STATUSES.items():
            if kind in kinds:
                return _json(status, {"message": "no"})
        if "invalid" in kinds:
            return _json(400, {"message": "'to' parameter is not a valid address. please check documentation"})
        if "reject" in kinds or len(mails) > 1000:
            return _json(400, {"message": "no"})
        self.take(mails)
        return _json(200, {"id": message_id, "message": "Queued. Thank you."})


# --- Postmark


def mails_of_postmark(bodies: list[dict[str, Any]]) -> list[Mailed]:
    return [
        Mailed(
            number_of(body["Metadata"]["send_id"]),
            body["To"],
            body["From"],
            body["Subject"],
            body["TextBody"],
            body["HtmlBody"],
            {header["Name"].lower(): header["Value"] for header in body["Headers"]},
            tuple(
                (file["Name"], file["ContentType"], base64.b64decode(file["Content"]))
                for file in body.get("Attachments", [])
            ),
        )
        for body in bodies
    ]


class PostmarkApi(ProviderApi):
    """/email/batch."""

    STATUSES: ClassVar = {"failed": 503, "gateway": 504}
    CODES: ClassVar = {
        "invalid": (300, "Invalid 'To' address: 'x'."),
        "inactive": (406, "You tried to send to recipient(s) that have been marked as inactive."),
        "reject": (300, "The 'HtmlBody' is not wanted."),
        "auth": (400, "The 'From' address you supplied is not a Sender Signature on your account."),
        "stopped": (413, "Account may not send."),
        "slow": (429, "Rate limit exceeded."),
    }

    def answer(self, request: Request) -> Answer:
        if self.trouble == "credentials":
            return _json(401, {"ErrorCode": 10, "Message": "Bad or missing API token."})
        mails = mails_of_postmark(request.json)
        kinds = [kind_of(mail.recipient) for mail in mails]
        assert len(mails) <= 500
        for kind, status in self.STATUSES.items():
            if kind in kinds:
                return _json(status, {})
        if self.trouble == "422" and len(mails) > 1:
            return _json(422, {"ErrorCode": 402, "Message": "Invalid JSON"})
        self.take([mail for mail, kind in zip(mails, kinds, strict=True) if kind not in self.CODES])
        return _json(
            200,
            [
                {"ErrorCode": self.CODES[kind][0], "Message": self.CODES[kind][1]}
                if kind in self.CODES
                else {"ErrorCode": 0, "Message": "OK", "MessageID": f"pm-{mail.send_id}", "To": mail.recipient}
                for mail, kind in zip(mails, kinds, strict=True)
            ],
        )

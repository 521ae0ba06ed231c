"""A mail as the world keeps it, and the few things that recipients read in it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from enum import StrEnum
from html.parser import HTMLParser
from urllib.parse import urlsplit

_TAG = re.compile(r"\s*([\w-]+)\s*=\s*([\w-]+)\s*")
_URL = re.compile(r"https?://[^\s<>\"]+")
_BRACKETED = re.compile(r"<([^<>\s]+)>")


class Relay(StrEnum):
    """Who carries the mail: a provider that reports by events, or plain SMTP where bounces come back as mail."""

    SMTP = "smtp"
    SES = "ses"
    SENDGRID = "sendgrid"


@dataclass(frozen=True, slots=True)
class Mail:
    """One accepted copy for one recipient. `received_at` is in seconds since 1970, UTC, to the millisecond."""

    number: int
    received_at: float
    sender: str
    recipient: str
    message_id: str
    subject: str
    relay: Relay
    relay_id: str
    tags: dict[str, str]
    file: str
    byte_size: int

    @property
    def sender_domain(self) -> str:
        """Domain of the envelope sender."""
        return self.sender.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Headers:
    """What the server reads of a message while it takes it."""

    message_id: str
    subject: str
    relay: Relay | None
    tags: dict[str, str]


def read_headers(content: bytes) -> Headers:
    """Message-ID, subject, and the tags by which a provider is told of our send id."""
    end = content.find(b"\r\n\r\n")
    found = BytesHeaderParser(policy=policy.default).parsebytes(content[: end + 4] if end >= 0 else content)
    ses, sendgrid = found.get("X-SES-MESSAGE-TAGS"), found.get("X-SMTPAPI")
    relay: Relay | None = None
    tags: dict[str, str] = {}
    if ses:
        relay = Relay.SES
        tags = {pair[1]: pair[2] for part in str(ses).split(",") if (pair := _TAG.fullmatch(part))}
    elif sendgrid:
        relay = Relay.SENDGRID
        try:
            unique = json.loads(str(sendgrid)).get("unique_args", {})
            tags = {str(key): str(value) for key, value in unique.items()}
        except (ValueError, AttributeError):
            tags = {}
    return Headers(str(found.get("Message-ID", "")).strip(), str(found.get("Subject", "")), relay, tags)


@dataclass(frozen=True, slots=True)
class Links:
    """The tracked links of a mail, as paths with query on the edge; `plain` ones are others' and are never called."""

    pixels: tuple[str, ...]
    clicks: tuple[str, ...]
    unsubscribes: tuple[str, ...]
    one_click: str
    plain: tuple[str, ...]


class _Collector(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.images: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "a" and values.get("href"):
            self.hrefs.append(str(values["href"]))
        if tag == "img" and values.get("src"):
            self.images.append(str(values["src"]))


def parse(content: bytes) -> EmailMessage:
    """The whole message."""
    return message_from_bytes(content, policy=policy.default)


def body_of(message: EmailMessage, kind: str) -> str:
    """The text of the part `plain` or `html`; empty where there is none."""
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part is not None else ""


def links_of(message: EmailMessage) -> Links:
    """Every link a mail client would show or load, and the one-click URL where RFC 8058's headers allow it."""
    collector = _Collector()
    collector.feed(body_of(message, "html"))
    hrefs = collector.hrefs or _URL.findall(body_of(message, "plain"))
    listed = _BRACKETED.findall(str(message.get("List-Unsubscribe", "")))
    one_click = next((_path(url) for url in listed if url.startswith("http")), "")
    if "One-Click" not in str(message.get("List-Unsubscribe-Post", "")):
        one_click = ""
    return Links(
        pixels=_distinct(path for url in collector.images if (path := _path(url)).startswith("/o/")),
        clicks=_distinct(path for url in hrefs if (path := _path(url)).startswith("/c/")),
        unsubscribes=_distinct(path for url in hrefs if (path := _path(url)).startswith("/u/")),
        one_click=one_click if one_click.startswith("/u/") else "",
        plain=_distinct(url for url in hrefs if not _path(url).startswith(("/c/", "/u/", "/o/"))),
    )


def _distinct(found: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found))  # type: ignore[call-overload]


def _path(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")

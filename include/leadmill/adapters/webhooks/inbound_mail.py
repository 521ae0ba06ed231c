"""Mails that come back: complaint reports (ARF), delivery reports (DSN), automatic and human replies.

Order of the classes: ARF, DSN, bounce without a report, automatic, opt-out, reply (a DSN is automatic too). Sources:
RFC 5965, RFC 3464, RFC 3834. The text itself stays in the landing zone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime

from leadmill.adapters.idna_domains import idna_domain
from leadmill.adapters.webhooks.automatic import is_automatic
from leadmill.adapters.webhooks.own_words import own_words, part_text, subject_of
from leadmill.adapters.webhooks.words import Meaning, Provider
from leadmill.domain.events import BounceKind, EventKind
from leadmill.domain.identity import normalise_email
from leadmill.domain.opt_outs import only_opts_out
from leadmill.domain.send_references import send_id_of_message_id, send_id_of_quoted_link

_FIRST_DATE = datetime(1990, 1, 1, tzinfo=UTC)  # as in `set_aside_incomplete`: an earlier date is a broken clock
_WORD_NOISE = re.compile(r"[^a-z-]")  # the lake holds no free text, and Postgres no NUL
_QUOTED_ID = re.compile(r"^[>\s]{0,20}Message-ID:\s{0,20}(<[^<>\s]{1,500}>)", re.IGNORECASE | re.MULTILINE)
_TEXT_CHARACTERS = 200_000  # of a body that is searched for references and codes
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")  # never within an IP address
_MAIL_RETURNED = re.compile(
    r"^(?:-{2,}[^\n]{0,80}\b(?:original|copy|below|returned)\b"
    r"|>?[ \t]{0,20}(?:X-Received|Received|Return-Path|Message-ID|DKIM-Signature):)",
    re.IGNORECASE | re.MULTILINE,
)
"""Where a bounce in plain text begins to give our own mail back: Gmail, Exim, qmail, or simply its headers."""
_UNKNOWN_USER = re.compile(
    r"user unknown|unknown user|no such (user|recipient|mailbox)|does ?n.t exist|recipient rejected|address not found",
    re.IGNORECASE,
)
_DAEMON = re.compile(
    r"^(mailer-daemon|postmaster|mail-daemon|mdaemon|microsoftexchange[0-9a-f]{32})@|^(mailer-daemon|postmaster)$",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"<([^<>@\s]{1,200})@([^<>@\s]{1,200})>")
_REFERENCES_MAX = 100  # of a long thread; the nearest come first in In-Reply-To

INBOUND = Provider(
    name="mail",
    required=(),
    fields={},
    words={
        "dsn/failed": Meaning(EventKind.BOUNCED, BounceKind.SOFT),  # the status code makes it hard or blocked
        "dsn/failed elsewhere": Meaning(EventKind.BOUNCED, BounceKind.SOFT),  # a group's member, a forward's target
        "dsn/delayed": Meaning(EventKind.DEFERRED),
        "dsn/delivered": Meaning(EventKind.DELIVERED),
        "dsn/relayed": Meaning(EventKind.NOTED),
        "dsn/expanded": Meaning(EventKind.NOTED),
        "bounce text": Meaning(EventKind.BOUNCED, BounceKind.SOFT),
        "bounce text/unknown user": Meaning(EventKind.BOUNCED, BounceKind.HARD),
        "arf/abuse": Meaning(EventKind.COMPLAINED),
        "arf/fraud": Meaning(EventKind.COMPLAINED),
        "arf/virus": Meaning(EventKind.COMPLAINED),
        "arf/other": Meaning(EventKind.COMPLAINED),
        "arf/opt-out": Meaning(EventKind.UNSUBSCRIBED),
        "arf/not-spam": Meaning(EventKind.NOTED),
        "arf/auth-failure": Meaning(EventKind.NOTED),
        "auto reply": Meaning(EventKind.AUTO_REPLIED),
        "opt-out": Meaning(EventKind.UNSUBSCRIBED),
        "reply": Meaning(EventKind.REPLIED),
    },
)


@dataclass(frozen=True, slots=True)
class MailEvent:
    """What an inbound mail says of one of our sends.

    `reply` is what the refusing server said, in a delivery report. `send_id` is None where the mail quotes none of our
    Message-IDs or links; then one of `references` may be the id that the provider gave the mail, and `sender`
    (normalised) may help for replies.
    """

    event_id: str
    words: tuple[str, ...]
    status_code: str
    occurred_at: datetime
    send_id: int | None
    sender: str
    reply: str = ""
    references: tuple[str, ...] = ()


def read_inbound_mail(raw: bytes, *, key: bytes, received_at: datetime) -> list[MailEvent]:
    """The events in one mail, several where a delivery report tells of several recipients.

    Args:
        raw: The mail, RFC 5322.
        key: Proves that a quoted Message-ID is ours.
        received_at: When it reached the landing zone; used where its own date is missing or lies in the future.
    """
    mail = message_from_bytes(raw)
    digest = hashlib.sha256(_identity(mail) or raw).hexdigest()[:32]
    occurred_at = _date(mail, received_at)
    send_id = _send_id(mail, key)
    references = () if send_id is not None else _references(mail)
    sender = _sender(mail)
    return [
        MailEvent(f"mail-{digest}-{number}", words, status, occurred_at, send_id, sender, reply, references)
        for number, (words, status, reply) in enumerate(_classify(mail, sender))
    ]


def _identity(mail: Message) -> bytes:
    """What is the same wherever a mail arrives: its Message-ID, by whom and to what; empty where it has no id.

    An id alone is not enough: responders and web forms give all their mails the same.
    """
    headers = [str(mail.get(name, "")).strip() for name in ("Message-ID", "From", "In-Reply-To")]
    return "\n".join(headers).encode("utf-8", "replace") if headers[0].strip("<> ") else b""


def _sender(mail: Message) -> str:
    """Whose mail it is, in the form that leads' addresses have."""
    written = next((str(value) for name, value in mail.raw_items() if name.lower() == "from"), "")
    # RFC 6532: the address itself may be in UTF-8; what is in no charset at all is nobody's.
    in_utf8 = written.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    address = normalise_email(parseaddr(in_utf8)[1]).replace("\0", "")
    name, _, domain = address.rpartition("@")
    return f"{name}@{idna_domain(domain) or domain}" if name else address


def _classify(mail: Message, sender: str) -> Iterator[tuple[tuple[str, ...], str, str]]:
    reports = {part.get_content_type(): part for part in mail.walk()}
    if "message/feedback-report" in reports:
        kind = _WORD_NOISE.sub("", str(_block(reports["message/feedback-report"]).get("Feedback-Type", "")).lower())
        yield (f"arf/{kind or 'other'}",), "", ""
    elif "message/delivery-status" in reports:
        yield from _delivery_status(reports["message/delivery-status"], _returned_to(mail))
    elif _DAEMON.match(sender) or mail.get("X-Failed-Recipients"):
        text = _said_of_mail(mail)
        status = _STATUS.search(text)
        words = ("bounce text/unknown user", "bounce text") if _UNKNOWN_USER.search(text) else ("bounce text",)
        yield words, status[1] if status else "", ""
    else:
        yield (_answer(mail),), "", ""


def _answer(mail: Message) -> str:
    if is_automatic(mail):
        return "auto reply"
    said = own_words(mail)  # a mail that only has a subject says it there, as List-Unsubscribe's mailto does
    return "opt-out" if only_opts_out(said or subject_of(mail)) else "reply"


def _delivery_status(part: Message, returned_to: str) -> Iterator[tuple[tuple[str, ...], str, str]]:
    blocks = part.get_payload()
    for block in (b for b in blocks if isinstance(b, Message)) if isinstance(blocks, list) else ():
        action = _WORD_NOISE.sub("", str(block.get("Action", "")).lower())
        if action == "failed" and _went_elsewhere(block, returned_to):
            yield ("dsn/failed elsewhere",), "", ""  # its code and words are about an address that we never wrote to
        elif action:
            reply = str(block.get("Diagnostic-Code", ""))
            status = _STATUS.search(f"{block.get('Status', '')} {reply}")
            yield (f"dsn/{action}",), status[1] if status else "", reply.replace("\0", "")


def _went_elsewhere(block: Message, returned_to: str) -> bool:
    """Whether an alias, a list or a forward led our mail to another address than we had written on it.

    One dead member must not suppress `info@`, which others read. Exim and qmail do not say what was written on it: then
    the mail that they give back does, as far as the local part, for a server may have other names of its domain.
    """
    original, final = (_recipient(block, f"{name}-Recipient") for name in ("Original", "Final"))
    if original or not returned_to:
        return bool(original and final) and original != final
    return bool(final) and _local_part(final) != _local_part(returned_to)


def _local_part(address: str) -> str:
    """Without a "+tag", which a server may leave out."""
    return address.rpartition("@")[0].partition("+")[0]


def _returned_to(mail: Message) -> str:
    """Whom the mail was written to that a report gives back, or its headers; empty where it gives none back."""
    for part in mail.walk():
        given_back = None
        if part.get_content_type() == "text/rfc822-headers":
            given_back = message_from_bytes(part_text(part).lstrip().encode("utf-8", "replace"))
        elif part is not mail and part.get("Message-ID"):
            given_back = part
        if given_back is not None and given_back.get("To"):
            return normalise_email(parseaddr(str(given_back["To"]))[1])
    return ""


def _recipient(block: Message, name: str) -> str:
    return normalise_email(str(block.get(name, "")).rpartition(";")[2].strip().strip("<>"))


def _block(part: Message) -> Message:
    """The header block inside a report part, which the parser gives as nested message or as text."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return payload[0] if payload and isinstance(payload[0], Message) else Message()
    return message_from_bytes(str(payload).lstrip().encode("utf-8", "replace"))


def _send_id(mail: Message, key: bytes) -> int | None:
    """The send that a mail quotes: our Message-ID in references, returned parts or text, else our unsubscribe link.

    A follow-up names the mails before it, so the last of References counts, and of quoted headers Message-ID first.
    """
    references = str(mail.get("References", "")).split()
    quoted = [str(mail.get("In-Reply-To", "")), " ".join(reversed(references))]
    for part in mail.walk():
        kind = part.get_content_type()
        if kind == "text/rfc822-headers":
            quoted += _own_ids_first(part_text(part))
        elif part is not mail:
            quoted.append(str(part.get("Message-ID", "")))
    quoted += _own_ids_first(_text(mail))
    found = (read(text, key) for read in (send_id_of_message_id, send_id_of_quoted_link) for text in quoted)
    return next((send_id for send_id in found if send_id is not None), None)


def _references(mail: Message) -> tuple[str, ...]:
    """Ids that a provider may have given the mail that this one answers or returns: left sides, and the whole ids.

    SES names a mail `<its id@region.amazonses.com>` whatever Message-ID we gave it; Postmark and SendGrid do alike.
    """
    named = [str(mail.get(name, "")) for name in ("In-Reply-To", "References")]
    named += [str(part.get("Message-ID", "")) for part in mail.walk() if part is not mail]
    found = [match for text in named for match in _REFERENCE.findall(text.replace("\0", ""))][:_REFERENCES_MAX]
    return tuple(
        dict.fromkeys(name for left, right in found for name in (left, f"{left}@{right}", f"<{left}@{right}>"))
    )


def _own_ids_first(text: str) -> list[str]:
    """What a text's quoted Message-ID headers say, and then the whole of it."""
    return [*_QUOTED_ID.findall(text), text]


def _text(mail: Message) -> str:
    return "\n".join(part_text(part) for part in mail.walk() if part.get_content_maintype() == "text")[
        :_TEXT_CHARACTERS
    ]


def _said_of_mail(mail: Message) -> str:
    """What a bounce in plain text says itself: the mail that it gives back may speak of what "doesn't exist", too."""
    text = "\n".join(_texts_of(mail))[:_TEXT_CHARACTERS]
    own = _MAIL_RETURNED.split(text, maxsplit=1)[0]
    return own if own.strip() else text


def _texts_of(part: Message) -> Iterator[str]:
    """The texts of a mail without those of the mails that lie in it."""
    if part.get_content_maintype() == "text":
        yield part_text(part)
    elif part.get_content_maintype() == "multipart" and part.is_multipart():
        for inner in part.get_payload():
            if isinstance(inner, Message):
                yield from _texts_of(inner)


def _date(mail: Message, received_at: datetime) -> datetime:
    try:
        date = parsedate_to_datetime(str(mail["Date"]))
        date = date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError):  # overflow: year 9999 west of Greenwich, or a zone of many digits
        return received_at
    return min(date, received_at) if date >= _FIRST_DATE else received_at
